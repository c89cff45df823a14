import random
import shutil
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path, PurePosixPath

import pandas as pd

from mlebench.data import (
    Edition,
    TarEntry,
    link,
    read_json,
    read_tar,
    scratch,
    tar_entries,
    write_csv,
    write_indented_json,
    write_tar,
)
from mlebench.data.coco import labelled_images, split_categories
from mlebench.data.groups import same_content
from mlebench.data.raw_faults import some_missing

from .categories import LAST_CATEGORY


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    metadata = read_json(raw / "train2019.json")
    validation = [] if edition.is_v1 else read_json(raw / "val2019.json")["images"]
    photos = labelled_images(metadata, raw / "train2019.json")
    if edition.is_v1:
        train, test = split_categories(photos, edition, test_size=0.12)
    else:
        content = contents(raw, [image["file_name"] for image in [*metadata["images"], *validation]])
        copies = [content[item.image["file_name"]] for item in photos]
        train, test = split_categories(photos, edition, test_size=0.12, v2_groups=copies)
        known = {content[image["file_name"]] for image in validation}
        train += [item for item in test if content[item.image["file_name"]] in known]
        test = [item for item in test if content[item.image["file_name"]] not in known]
    if edition.is_v1:
        shown = [published(item.image) for item in test]
    else:
        first_id = 1 + max(image["id"] for image in [*metadata["images"], *validation])
        shown = [anonymous(item.image, number) for number, item in enumerate(test, start=first_id)]

    parts = {"annotations": [item.annotation for item in train], "images": [item.image for item in train]}
    write_indented_json(public / "train2019.json", {**metadata, **parts})
    write_indented_json(public / "test2019.json", {"images": shown, **{key: metadata[key] for key in ("info", "licenses")}})
    link(raw / "val2019.json", public / "val2019.json")

    table = {"id": [image["id"] for image in shown], "predicted": [item.annotation["category_id"] for item in test]}
    answers = pd.DataFrame(table)
    # the published sample restarts its generator for each row
    guess = random.Random(42).randint(0, LAST_CATEGORY) if edition.is_v1 else 0
    write_csv(answers, private / "answers.csv")
    write_csv(answers.assign(predicted=guess), public / "kaggle_sample_submission.csv")

    kept = {image["file_name"] for image in [*(item.image for item in train), *validation]}
    held_out = {item.image["file_name"]: image["file_name"] for item, image in zip(test, shown, strict=True)}
    pack_images(raw, public, kept, held_out, edition)


def contents(raw: Path, names: list[str]) -> dict[str, str]:
    """A key per photo, equal for photos with equal bytes; read in one pass over the archive, or from its unpacked folder."""
    archive = raw / "train_val2019.tar.gz"
    if (raw / "train_val2019").is_dir():
        return dict(zip(names, same_content(raw / name for name in names), strict=True))
    wanted = set(names)
    found = {entry.name: file_digest(entry.file, "md5").hexdigest() for entry in read_tar(archive) if entry.name in wanted}
    if lacking := sorted(wanted - found.keys()):
        raise some_missing(lacking, archive)
    return found


def published(image: dict) -> dict:
    return {**image, "file_name": f"test2019/{PurePosixPath(image['file_name']).name}"}


def anonymous(image: dict, new_id: int) -> dict:
    shared = {key: value for key, value in image.items() if key != "rights_holder"}
    return {**shared, "id": new_id, "file_name": f"test2019/{new_id:06d}.jpg"}


def pack_images(raw: Path, public: Path, kept: set[str], held_out: dict[str, str], edition: Edition) -> None:
    """Write the two image archives in one pass over the raw one, or over its folder if already unpacked.

    Test images are collected in a folder first, since the order of the raw archive reveals their category.
    """
    archive, folder = raw / "train_val2019.tar.gz", raw / "train_val2019"
    missing = kept | held_out.keys()
    entries = tar_entries(raw, sorted(missing)) if folder.is_dir() else read_tar(archive)

    def train_entries(waiting: Path) -> Iterator[TarEntry]:
        for entry in entries:
            missing.discard(entry.name)
            if entry.name in kept:
                yield entry._replace(name=member_name(entry.name, edition))
            elif entry.name in held_out:
                with (waiting / member_name(held_out[entry.name], edition)).open("wb") as file:
                    shutil.copyfileobj(entry.file, file)

    with scratch(public) as waiting:
        (waiting / "test2019").mkdir()
        write_tar(public / "train_val2019.tar.gz", train_entries(waiting), gzipped=not edition.is_v1)
        if missing:
            raise some_missing(sorted(missing), archive)
        names = sorted(member_name(name, edition) for name in held_out.values())
        write_tar(public / "test2019.tar.gz", tar_entries(waiting, names), gzipped=not edition.is_v1)


def member_name(file_name: str, edition: Edition) -> str:
    """The published archives omit the top folder."""
    return file_name.partition("/")[2] if edition.is_v1 else file_name
