from collections import Counter
from pathlib import Path, PurePosixPath

import pandas as pd

from mlebench.data import Edition, Member, open_zip, unpack_files, write_csv, write_zip
from mlebench.data.groups import same_members

TRAIN = PurePosixPath("train")


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    with open_zip(raw / "train.zip") as photos:
        files = sorted(name for name in photos.namelist() if PurePosixPath(name).parent == TRAIN and name.endswith(".jpg"))
        copies = None if edition.is_v1 else same_members(photos, files)
        train, test = edition.split(files, test_size=0.1, v2_groups=copies, v2_stratify=[animal(file) for file in files])
        new_names = {
            "train": number_by_class(train),
            "test": {file: f"{number}.jpg" for number, file in enumerate(test, start=1)},
        }
        for folder, names in new_names.items():
            unpack_files(raw / "train.zip", public / folder, names)
            if edition.is_v1:
                write_zip(public / f"{folder}.zip", (Member(new, (photos, old)) for old, new in names.items()))

    answers = pd.DataFrame({"id": range(1, len(test) + 1), "label": [int(animal(file) == "dog") for file in test]})
    write_csv(answers, private / "answers.csv")
    write_csv(answers.assign(label=0.5), public / "sample_submission.csv")


def animal(file: str) -> str:
    return "dog" if "dog" in Path(file).name else "cat"


def number_by_class(files: list[str]) -> dict[str, str]:
    """Names that count from 0 within each class, in the order of the split."""
    seen: Counter[str] = Counter()
    names = {}
    for file in files:
        names[file] = f"{animal(file)}.{seen[animal(file)]}.jpg"
        seen[animal(file)] += 1
    return names
