import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, hex_ids, image_bytes, write_files

from .map import MAP

CLASSES = (
    "car", "motorcycle", "bus", "bicycle", "truck", "pedestrian", "other_vehicle", "animal", "emergency_vehicle"
)  # fmt: skip
CHANNELS = ("CAM_FRONT", "CAM_BACK", "LIDAR_TOP")
SAMPLES_PER_LOG = 4
NO_NEIGHBOURS = {"prev": "", "next": ""}

Record = dict[str, Any]


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    """About `size` samples; a scene has the token of its log."""
    n_logs = max(5, size // SAMPLES_PER_LOG)
    labelled = Recorder(rng, n_logs)
    write_tables(raw / "train_data", labelled.tables())
    write_csv(pd.DataFrame(labelled.boxes, columns=["Id", "PredictionString"]), raw / "train.csv")
    place_recordings(raw, "train", labelled.sample_data, rng)

    unlabelled = Recorder(rng, 2)
    tables = unlabelled.tables()
    write_tables(raw / "test_data", {name: tables[name] for name in tables if name not in ("instance", "sample_annotation")})
    place_recordings(raw, "test", unlabelled.sample_data, rng)
    write_csv(pd.DataFrame({"Id": [sample["token"] for sample in unlabelled.samples]}).assign(PredictionString=""),
              raw / "sample_submission.csv")  # fmt: skip


class Recorder:
    """Generates the tables of some drives, joined by tokens."""

    def __init__(self, rng: np.random.Generator, n_logs: int) -> None:
        self.rng = rng
        self.tokens = iter(hex_ids(rng, 400 + 120 * n_logs, 64))
        self.categories = [{"token": next(self.tokens), "name": name, "description": ""} for name in CLASSES]
        self.sensors = [
            {"token": next(self.tokens), "channel": channel, "modality": "lidar" if "LIDAR" in channel else "camera"}
            for channel in CHANNELS
        ]
        self.calibrated = [
            {
                "token": next(self.tokens),
                "sensor_token": sensor["token"],
                "translation": [1.5, 0.0, 1.7],
                "rotation": [1.0, 0, 0, 0],
                "camera_intrinsic": [] if sensor["modality"] == "lidar" else [[882.6, 0, 607.0], [0, 882.6, 494.6], [0, 0, 1.0]],
            }
            for sensor in self.sensors
        ]
        self.map_token = next(self.tokens)
        self.logs: list[Record] = []
        self.samples: list[Record] = []
        self.sample_data: list[Record] = []
        self.poses: list[Record] = []
        self.instances: list[Record] = []
        self.annotations: list[Record] = []
        self.boxes: list[tuple[str, str]] = []
        for number in range(n_logs):
            self.drive(number)

    def drive(self, number: int) -> None:
        log = next(self.tokens)
        captured = {"date_captured": "2019-01-31", "location": "Palo Alto", "map_token": self.map_token}
        self.logs.append({"token": log, "logfile": "", "vehicle": f"a{number % 9:03d}", **captured})
        things = [self.thing(name) for name in cycle(CLASSES, self.rng, int(self.rng.integers(3, 7)))]
        for step in range(SAMPLES_PER_LOG):
            sample = {"token": next(self.tokens), "timestamp": 1.2e15 + 2e5 * step, "scene_token": log, "prev": "", "next": ""}
            if step:
                sample["prev"], self.samples[-1]["next"] = self.samples[-1]["token"], sample["token"]
            self.samples.append(sample)
            self.record(sample, f"host-a{number:05d}", step)
            self.annotate(sample["token"], things)

    def thing(self, name: str) -> Record:
        category = next(category["token"] for category in self.categories if category["name"] == name)
        record = {"token": next(self.tokens), "category_token": category, "nbr_annotations": SAMPLES_PER_LOG}
        self.instances.append(record)
        place, sizes = self.rng.uniform([2200, 700, -22], [2800, 900, -16]), self.rng.uniform([1.5, 3, 1.2], [3, 6, 2.5])
        return {"token": record["token"], "record": record, "name": name, "place": place, "sizes": sizes}

    def record(self, sample: Record, host: str, step: int) -> None:
        # a pose serves all sensors of some samples
        shared = step % 2 == 0
        for number, (channel, calibrated) in enumerate(zip(CHANNELS, self.calibrated, strict=True)):
            if number == 0 or not shared:
                self.poses.append({"token": next(self.tokens), "rotation": [1.0, 0, 0, 0], "translation": [700.0, 800.0, 0.0]})
                self.poses[-1]["timestamp"] = sample["timestamp"]
            lidar = "LIDAR" in channel
            name = f"{host}_{channel.lower()}_{1_233_689_008 + step}"
            self.sample_data.append(
                {
                    "token": next(self.tokens),
                    "sample_token": sample["token"],
                    "calibrated_sensor_token": calibrated["token"],
                    "ego_pose_token": self.poses[-1]["token"],
                    "fileformat": "bin" if lidar else "jpeg",
                    "filename": f"lidar/{name}.bin" if lidar else f"images/{name}.jpeg",
                    "timestamp": sample["timestamp"],
                    "is_key_frame": True,
                    "width": None if lidar else 1224,
                    "height": None if lidar else 1024,
                    **NO_NEIGHBOURS,
                }
            )
        if step == 0:
            # a few entries of the real data repeat a file name
            self.sample_data.append({**self.sample_data[-2], "token": next(self.tokens)})

    def annotate(self, sample: str, things: list[Record]) -> None:
        objects = []
        for thing in things:
            place, yaw = thing["place"] + self.rng.normal(0, 0.3, 3), float(self.rng.uniform(-3.2, 3.2))
            numbers = [*place.tolist(), *thing["sizes"].tolist(), yaw]
            objects.append(" ".join([*map(str, numbers), thing["name"]]))
            self.annotations.append(
                {
                    "token": next(self.tokens),
                    "sample_token": sample,
                    "instance_token": thing["token"],
                    "translation": numbers[:3],
                    "size": numbers[3:6],
                    "rotation": [float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2))],
                    "attribute_tokens": [],
                    "visibility_token": "4",
                    "num_lidar_pts": -1,
                    "num_radar_pts": 0,
                    **NO_NEIGHBOURS,
                }
            )
            record = thing["record"]
            record.setdefault("first_annotation_token", self.annotations[-1]["token"])
            record["last_annotation_token"] = self.annotations[-1]["token"]
        self.boxes.append((sample, " ".join(objects)))

    def tables(self) -> dict[str, list[Record]]:
        tokens = [log["token"] for log in self.logs]
        return {
            "log": self.logs,
            "scene": [
                scene(token, [sample["token"] for sample in self.samples if sample["scene_token"] == token]) for token in tokens
            ],
            "sample": self.samples,
            "sample_data": self.sample_data,
            "calibrated_sensor": self.calibrated,
            "ego_pose": self.poses,
            "sample_annotation": self.annotations,
            "instance": self.instances,
            "map": [{"log_tokens": tokens, "category": "semantic_prior", "filename": f"maps/{MAP}", "token": self.map_token}],
            "category": self.categories,
            "sensor": self.sensors,
            "attribute": [{"token": next(self.tokens), "name": "is_stationary", "description": ""}],
            "visibility": [{"token": str(level), "level": f"v{20 * level}", "description": ""} for level in range(1, 5)],
        }  # fmt: skip


def scene(log: str, samples: list[str]) -> Record:
    return {
        "log_token": log,
        "name": f"scene {log[:4]} ü",
        "description": "",
        "nbr_samples": len(samples),
        "first_sample_token": samples[0],
        "last_sample_token": samples[-1],
        "token": log,
    }


def write_tables(folder: Path, tables: dict[str, list[Record]]) -> None:
    folder.mkdir(parents=True)
    for name, records in tables.items():
        (folder / f"{name}.json").write_text(json.dumps(records, indent=2, ensure_ascii=False), encoding="utf-8")


def place_recordings(raw: Path, part: str, sample_data: list[Record], rng: np.random.Generator) -> None:
    names = dict.fromkeys(file["filename"] for file in sample_data)
    picture, points = image_bytes(rng), rng.normal(0, 20, (10, 5)).astype(np.float32).tobytes()
    write_files(raw / f"{part}_images", (name.removeprefix("images/") for name in names if "images" in name), lambda: picture)
    write_files(raw / f"{part}_lidar", (name.removeprefix("lidar/") for name in names if "lidar" in name), lambda: points)
    write_files(raw / f"{part}_maps", [MAP], lambda: image_bytes(rng, "PNG"))
