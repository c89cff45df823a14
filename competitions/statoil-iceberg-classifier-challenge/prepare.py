import json
from pathlib import Path
from typing import Any

import pandas as pd

from mlebench.data import Edition, Member, extract, read_json, scratch, write_7z, write_csv
from mlebench.data.groups import united
from mlebench.data.raw_faults import missing, unreadable


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    with scratch(public) as unpacked:
        extract(raw / "train.json.7z", unpacked)
        extract(raw / "test.json.7z", unpacked)
        images = read_json(unpacked / "data" / "processed" / "train.json")
        shown = list(first_record(unpacked / "data" / "processed" / "test.json"))

        same_pass = [image["id"] if image["inc_angle"] == "na" else image["inc_angle"] for image in images]
        bands = [json.dumps([image["band_1"], image["band_2"]]) for image in images]
        train, test = edition.split(images, test_size=0.2, v2_groups=united([str(angle) for angle in same_pass], bands))
        answers = pd.DataFrame([(image["id"], image["is_iceberg"]) for image in test], columns=["id", "is_iceberg"])
        sample = answers.assign(is_iceberg=0.5)

        pack_json(train, public / "train.json.7z", unpacked)
        pack_json([{key: image[key] for key in shown} for image in test], public / "test.json.7z", unpacked)
        write_csv(answers, private / "test.csv")
        if edition.is_v1:
            write_csv(sample, private / "sample_submission.csv")
            sample_file = Member("sample_submission.csv", private / "sample_submission.csv")
            write_7z(public / "sample_submission.csv.7z", [sample_file])
        else:
            write_csv(sample, public / "sample_submission.csv")


def first_record(path: Path) -> dict[str, Any]:
    """The first record of a JSON list, which is too big to parse just for its keys."""
    try:
        with path.open() as file:
            beginning = file.read(2**24)
        record: dict[str, Any] = json.JSONDecoder().raw_decode(beginning, beginning.index("{"))[0]
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, ValueError) as error:
        raise unreadable(path, "json", error) from None
    return record


def pack_json(records: list[dict[str, Any]], archive: Path, folder: Path) -> None:
    content = folder / archive.stem
    with content.open("w") as file:
        json.dump(records, file)
    write_7z(archive, [Member(content.name, content)])
