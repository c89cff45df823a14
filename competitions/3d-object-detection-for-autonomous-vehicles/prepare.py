from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mlebench.data import Edition, link, link_files, read_csv, read_json, write_csv, write_json_list
from mlebench.data.raw_faults import damaged

from .map import MAP

SIDES = ("train", "test")
FIELDS = 8
"""Fields of one object: centre x, y, z, width, length, height, yaw, class."""

Record = dict[str, Any]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    tables = Tables(raw / "train_data", public)
    logs = [log["token"] for log in tables.read("log")]
    drawn = dict(zip(SIDES, edition.split(logs, test_size=0.2), strict=True))
    side_of_log = {token: side for side in SIDES for token in drawn[side]}
    tables.split("log", lambda log: side_of_log[log["token"]])

    scenes = tables.split("scene", lambda scene: side_of_log[scene["log_token"]])
    # in the real data a scene has its log's token, and the published preparation looked only there
    side_of_scene = {scene["token"]: side for side in SIDES for scene in scenes[side] if "token" in scene} | side_of_log
    samples = tables.split("sample", lambda sample: side_of_scene[sample["scene_token"]])
    side_of_sample = {sample["token"]: side for side in SIDES for sample in samples[side]}
    files = tables.split("sample_data", lambda file: side_of_sample[file["sample_token"]])

    write_boxes(raw / "train.csv", public, private, side_of_sample)
    write_train_annotations(tables, side_of_sample)

    sensors, poses = by_token(tables.read("calibrated_sensor")), by_token(tables.read("ego_pose"))
    (semantic_map,) = tables.read("map")
    for name in SIDES:
        tables.write(name, "calibrated_sensor", lookup(sensors, first_uses(files[name], "calibrated_sensor_token")))
        used = (file["ego_pose_token"] for file in files[name])
        tables.write(name, "ego_pose", lookup(poses, used if edition.is_v1 else first_uses(files[name], "ego_pose_token")))
        tables.write(name, "map", [{**semantic_map, "log_tokens": drawn["test" if edition.is_v1 else name]}])
        for table in ("attribute", "category", "sensor", "visibility"):
            link(raw / "train_data" / f"{table}.json", public / f"{name}_data" / f"{table}.json")
        place_recordings(raw, public, name, files[name])


class Tables:
    """The tables of records, joined by tokens."""

    def __init__(self, raw: Path, public: Path) -> None:
        self.raw, self.public = raw, public

    def read(self, name: str) -> list[Record]:
        return read_json(self.raw / f"{name}.json")

    def write(self, side: str, name: str, records: Iterable[Record]) -> None:
        write_json_list(self.public / f"{side}_data" / f"{name}.json", records)

    def split(self, name: str, side_of: Callable[[Record], str]) -> dict[str, list[Record]]:
        """Write each record to its side, in raw order."""
        records: dict[str, list[Record]] = {side: [] for side in SIDES}
        for record in self.read(name):
            try:
                records[side_of(record)].append(record)
            except KeyError as error:
                raise damaged(f"{name}.json", f"it refers to {error}, which is missing from the raw data") from None
        for side in SIDES:
            self.write(side, name, records[side])
        return records


def write_boxes(table: Path, public: Path, private: Path, side_of_sample: dict[str, str]) -> None:
    boxes = read_csv(table)
    for sample in boxes["Id"]:
        if sample not in side_of_sample:
            raise damaged(table, f"it lists the sample {sample}, which is missing from sample.json")
    side = boxes["Id"].map(side_of_sample)
    test = boxes[side == "test"]
    write_csv(boxes[side == "train"], public / "train.csv")
    write_csv(test.assign(PredictionString=[certain(line) for line in test["PredictionString"].fillna("")]), private / "test.csv")
    write_csv(test[["Id"]].assign(PredictionString=""), public / "sample_submission.csv")


def write_train_annotations(tables: Tables, side_of_sample: dict[str, str]) -> None:
    """Write the boxes of training samples and the objects they show."""
    annotations = [box for box in tables.read("sample_annotation") if side_of_sample[box["sample_token"]] == "train"]
    seen = {box["instance_token"] for box in annotations}
    tables.write("train", "sample_annotation", annotations)
    tables.write("train", "instance", (thing for thing in tables.read("instance") if thing["token"] in seen))


def certain(objects: str) -> str:
    """The objects of a sample, each with confidence 1."""
    tokens = objects.split()
    return " ".join(" ".join(["1.0", *tokens[start : start + FIELDS]]) for start in range(0, len(tokens), FIELDS))


def by_token(records: list[Record]) -> dict[str, Record]:
    return {record["token"]: record for record in records}


def first_uses(files: list[Record], key: str) -> Iterable[str]:
    return dict.fromkeys(file[key] for file in files)


def lookup(records: dict[str, Record], tokens: Iterable[str]) -> Iterator[Record]:
    for token in tokens:
        if token not in records:
            raise damaged("sample_data.json", f"it refers to {token}, which is missing from the raw data")
        yield records[token]


def place_recordings(raw: Path, public: Path, side: str, files: list[Record]) -> None:
    if unknown := {file["fileformat"] for file in files} - {"jpeg", "bin"}:
        raise damaged("sample_data.json", f"files of unknown formats: {', '.join(sorted(unknown))}")
    for kind, suffix in (("images", "jpeg"), ("lidar", "bin")):
        # a few entries name the same file
        names = {file["filename"].rpartition("/")[2] for file in files if file["fileformat"] == suffix}
        link_files(raw / f"train_{kind}", public / f"{side}_{kind}", sorted(names))
    link_files(raw / "train_maps", public / f"{side}_maps", [MAP])
