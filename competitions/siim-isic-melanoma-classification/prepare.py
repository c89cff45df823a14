from collections.abc import Collection, Iterator
from pathlib import Path

from mlebench.data import Edition, link, link_files, read_csv, write_csv
from mlebench.data.groups import same_content, united
from mlebench.data.raw_faults import missing
from mlebench.data.tfrecord import Frame, decode_example, frame, keep_features, read_tfrecord, write_tfrecord

V1_TEST_SHARDS = ("train00", "train06")
SHOWN = ["image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge"]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    # the published file was made with pandas' default parser, whose floats can differ in the last digits
    lesions = read_csv(raw / "train.csv", float_precision=None)
    shards = sorted((raw / "tfrecords").glob("train*.tfrec"))
    (public / "tfrecords").mkdir()
    if edition.is_v1:
        in_test = lesions["image_name"].isin(link_shards(shards, public / "tfrecords"))
    else:
        copies = same_content(raw / "jpeg" / "train" / f"{name}.jpg" for name in lesions["image_name"])
        _, test = edition.split(lesions, test_size=0.125, groups=united(lesions["patient_id"], copies))
        in_test = lesions.index.isin(test.index)
        for number, shard in enumerate(shards):
            split_shard(shard, number, public / "tfrecords", set(test["image_name"]))
    train, test = lesions[~in_test], lesions[in_test]

    write_csv(train, public / "train.csv")
    write_csv(test[SHOWN], public / "test.csv")
    write_csv(test[["image_name", "target"]], private / "test.csv")
    write_csv(test[["image_name"]].assign(target=0), public / "sample_submission.csv")
    for part, name in ((train, "train"), (test, "test")):
        link_files(raw / "train", public / name, part["image_name"] + ".dcm")
        link_files(raw / "jpeg" / "train", public / "jpeg" / name, part["image_name"] + ".jpg")


def link_shards(shards: Collection[Path], target: Path) -> set[str]:
    """Link the published test and train files under their new numbers; returns the names of the test images."""
    test = [shard for shard in shards if shard.stem.split("-")[0] in V1_TEST_SHARDS]
    if len(test) < len(V1_TEST_SHARDS):
        raise missing(f"one of the TFRecord files {' and '.join(V1_TEST_SHARDS)}")
    train = [shard for shard in shards if shard not in test]
    for part, name in ((test, "test"), (train, "train")):
        for number, shard in enumerate(part):
            link(shard, target / f"{name}{number:02d}-{shard.stem.split('-')[1]}.tfrec")
    return {image_name(record) for shard in test for record in read_tfrecord(shard)}


def split_shard(shard: Path, number: int, target: Path, test_images: set[str]) -> None:
    """Write train records unchanged, and test records without the features that reveal the label."""
    held_out: list[Frame] = []

    def train_records() -> Iterator[Frame]:
        for record in read_tfrecord(shard):
            if image_name(record) in test_images:
                held_out.append(frame(keep_features(record.payload, ["image", *SHOWN])))
            else:
                yield record

    for name, records in (("train", train_records()), ("test", held_out)):
        part = target / f"{name}.part"
        if count := write_tfrecord(part, records):
            part.rename(target / f"{name}{number:02d}-{count}.tfrec")
        else:
            part.unlink()


def image_name(record: Frame) -> str:
    (name,) = decode_example(record.payload)["image_name"]
    return name.decode()
