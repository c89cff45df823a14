from pathlib import Path

from mlebench.data import Edition, extract, link_files, read_csv, scratch, write_csv
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    with scratch(public) as unpacked:
        source = extract(raw / "competition_data.zip", unpacked) / "competition_data"
        masks = read_csv(source / "train.csv", dtype={"id": str, "rle_mask": str}).fillna("")
        images = source / "train" / "images"
        copies = None if edition.is_v1 else same_content(images / f"{name}.png" for name in masks["id"])
        train, test = (part.sort_values("id") for part in edition.split(masks, test_size=0.25, v2_groups=copies))

        for kind, names, target in (
            ("images", train["id"], public / "train" / "images"),
            ("masks", train["id"], public / "train" / "masks"),
            ("images", test["id"], public / "test" / "images"),
        ):
            link_files(source / "train" / kind, target, names + ".png")

    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    write_csv(test.assign(rle_mask="1 1"), public / "sample_submission.csv")

    depths = read_csv(raw / "depths.csv", dtype={"id": str}).sort_values("id")
    described = train["id"] if edition.is_v1 else masks["id"]
    write_csv(depths[depths["id"].isin(described)], public / "depths.csv")
