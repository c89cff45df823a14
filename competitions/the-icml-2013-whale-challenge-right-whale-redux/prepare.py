import re
from pathlib import Path, PurePosixPath

import pandas as pd

from mlebench.data import Edition, Member, open_zip, write_csv, write_zip
from mlebench.data.groups import same_members
from mlebench.data.raw_faults import damaged

NAME = re.compile(r"(?P<date>\d+)_(?P<block>\d+)_(?P<second>\d+)s(?P<millisecond>\d+)ms_TRAIN\d+_[01]\.aif")


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    with open_zip(raw / "train2.zip") as archive:
        paths = {
            PurePosixPath(path).name: path for path in archive.namelist() if path.startswith("train2/") and path != "train2/"
        }
        if odd := [name for name in paths if not NAME.fullmatch(name)]:
            raise damaged(raw / "train2.zip", f"{odd[0]!r} is not a clip name")
        clips = sorted(paths) if edition.is_v1 else sorted(paths, key=time_of_clip)
        dates = sorted({date_of(clip) for clip in clips})
        train_dates = dates[: len(dates) // 2]
        content = dict(zip(clips, same_members(archive, [paths[clip] for clip in clips]), strict=True))
        known = set() if edition.is_v1 else {content[clip] for clip in clips if date_of(clip) in train_dates}
        train = [clip for clip in clips if date_of(clip) in train_dates or content[clip] in known]
        test = [clip for clip in clips if date_of(clip) not in train_dates and content[clip] not in known]

        new_train = [re.sub(r"TRAIN\d+", f"TRAIN{number}", clip) for number, clip in enumerate(train)]
        new_test = [re.sub(r"TRAIN.*", f"Test{number}.aif", clip) for number, clip in enumerate(test)]
        for folder, old, new in (("train2", train, new_train), ("test2", test, new_test)):
            members = [Member(f"{folder}/{name}", (archive, paths[clip])) for clip, name in zip(old, new, strict=True)]
            write_zip(public / f"{folder}.zip", members)

    answers = pd.DataFrame({"clip": new_test, "probability": [int(clip.endswith("_1.aif")) for clip in test]})
    write_csv(answers, private / "test.csv")
    write_csv(answers.assign(probability=0), public / "sampleSubmission.csv")


def date_of(clip: str) -> str:
    return clip.split("_")[0]


def time_of_clip(clip: str) -> tuple[int, ...]:
    return tuple(int(number) for number in NAME.fullmatch(clip).groups())
