from pathlib import Path

from mlebench.data import Edition, Member, extract, read_csv, scratch, write_7z, write_csv, write_zipped_csv
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    photos = read_csv(raw / "train_labels.csv.zip")
    if edition.is_v1:
        train, test = edition.split(photos, test_size=0.2)
        sample = test.assign(invasive=0.5)
        write_csv(test, private / "answers.csv")
        write_csv(sample, private / "sample_submission.csv")
        write_zipped_csv(sample, public / "sample_submission.csv.zip")
        write_zipped_csv(train, public / "train_labels.csv.zip")
        # the published archives contain a folder and no images
        for folder in ("train", "test"):
            write_7z(public / f"{folder}.7z", [Member(folder, public)])
        return

    with scratch(public) as images:
        extract(raw / "train.7z", images)
        copies = same_content(images / "train" / f"{name}.jpg" for name in photos["name"])
        train, test = edition.split(photos, test_size=0.2, groups=copies, stratify=photos["invasive"])
        for folder, part in (("train", train), ("test", test)):
            names = sorted(part["name"])
            members = (Member(f"{folder}/{name}.jpg", images / "train" / f"{name}.jpg") for name in names)
            write_7z(public / f"{folder}.7z", members)
    write_csv(train, public / "train_labels.csv")
    write_csv(test, private / "answers.csv")
    write_csv(test.assign(invasive=0.5), public / "sample_submission.csv")
