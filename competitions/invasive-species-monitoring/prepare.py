from pathlib import Path

from mlebench.data import Edition, Member, extract, read_csv, scratch, write_7z, write_csv, write_zipped_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    photos = read_csv(raw / "train_labels.csv.zip")
    train, test = edition.split(photos, test_size=0.2, v2_stratify=photos["invasive"])
    sample = test.assign(invasive=0.5)
    write_csv(test, private / "answers.csv")

    if edition.is_v1:
        write_csv(sample, private / "sample_submission.csv")
        write_zipped_csv(sample, public / "sample_submission.csv.zip")
        write_zipped_csv(train, public / "train_labels.csv.zip")
        # the published archives hold a folder and no images
        for folder in ("train", "test"):
            write_7z(public / f"{folder}.7z", [Member(folder, public)])
        return

    write_csv(sample, public / "sample_submission.csv")
    write_csv(train, public / "train_labels.csv")
    with scratch(public) as images:
        extract(raw / "train.7z", images)
        for folder, part in (("train", train), ("test", test)):
            names = sorted(part["name"])
            members = (Member(f"{folder}/{name}.jpg", images / "train" / f"{name}.jpg") for name in names)
            write_7z(public / f"{folder}.7z", members)
