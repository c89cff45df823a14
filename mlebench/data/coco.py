"""COCO-like metadata of labelled images: `annotations` and `images` as parallel lists, split category by category."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlebench.data.json_files import write_indented_json
from mlebench.data.links import link_files
from mlebench.data.tables import write_csv
from mlebench.errors import RawDataFault
from mlebench.registry.edition import Edition


class LabelledImage(NamedTuple):
    """One annotation and the image record that it belongs to."""

    annotation: dict[str, Any]
    image: dict[str, Any]


def labelled_images(metadata: dict[str, Any], source: Path, *, image_id: str = "id") -> list[LabelledImage]:
    """The annotations with their images.

    Args:
        metadata: the file's content; its two lists run in parallel.
        source: the file, for messages.
        image_id: what the id is called in the image records.

    Raises:
        RawDataFault: if the lists do not belong together.
    """
    annotations, images = metadata["annotations"], metadata["images"]
    if len(annotations) != len(images):
        raise RawDataFault(f"{source} holds {len(annotations):,} annotations but {len(images):,} images; download it again")
    for position, (annotation, image) in enumerate(zip(annotations, images, strict=True)):
        if annotation["image_id"] != image[image_id]:
            raise RawDataFault(f"{source}: annotation {position} does not belong to the image at its position; download it again")
    return [LabelledImage(*pair) for pair in zip(annotations, images, strict=True)]


def split_categories(
    labelled: Sequence[LabelledImage],
    edition: Edition,
    *,
    test_size: float,
    v1_few_are_last: bool = True,
    v2_at_most: int | None = None,
    v2_groups: Sequence[Any] | None = None,
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Split every category separately, a single image going to train.

    Train follows the categories in the order of their first image, test is shuffled over all of them. v1 draws each category
    as scikit-learn's `train_test_split` with `random_state=0` does, and shuffles with `random.Random(0)`.

    Args:
        labelled: the images.
        edition: the edition, for its randomness.
        test_size: share of each category, rounded up.
        v1_few_are_last: whether v1 takes the last instead of a drawn image of categories with less than five.
        v2_at_most: most test images that v2 takes of a category.
        v2_groups: one group per image, whose images v2 keeps on one side: train, if it has any of them.

    Raises:
        RawDataFault: if no category has two images.
    """
    positions: dict[Any, list[int]] = {}
    for position, (annotation, _) in enumerate(labelled):
        positions.setdefault(annotation["category_id"], []).append(position)

    draw = _published_order if edition.is_v1 else edition.rng().permutation
    train: list[int] = []
    test: list[int] = []
    for of_category in positions.values():
        count = len(of_category)
        n_test = math.ceil(test_size * count) if count > 1 else 0
        if edition.is_v1 and v1_few_are_last and count < 5:
            order = np.arange(count)[::-1]
            train += of_category[: count - n_test]
        else:
            order = draw(count)
            n_test = n_test if edition.is_v1 else min(n_test, v2_at_most or n_test)
            train += [of_category[place] for place in order[n_test:]]
        test += [of_category[place] for place in order[:n_test]]
    if v2_groups is not None and not edition.is_v1:
        seen = {v2_groups[position] for position in train}
        train += [position for position in test if v2_groups[position] in seen]
        test = [position for position in test if v2_groups[position] not in seen]
    if not test:
        raise RawDataFault("no category of the raw data has two images to split; download it again")
    if edition.is_v1:
        random.Random(0).shuffle(test)
    else:
        test = [test[place] for place in edition.rng("order").permutation(len(test))]
    return [labelled[position] for position in train], [labelled[position] for position in test]


def numbered_file(number: int) -> str:
    """Where a test image lies: a thousand to a folder, such as `images/008/8005.jpg`."""
    return f"images/{number // 1000:03d}/{number}.jpg"


def write_train_part(metadata: dict[str, Any], train: Sequence[LabelledImage], source: Path, target: Path) -> None:
    """Write `metadata.json` with the train images alone and link these from `source`."""
    parts = {"annotations": (item.annotation for item in train), "images": (item.image for item in train)}
    write_indented_json(target / "metadata.json", {**metadata, **parts})
    link_files(source, target, [item.image["file_name"] for item in train])


def write_test_part(
    metadata: dict[str, Any], test: Sequence[LabelledImage], source: Path, target: Path, *, id_type: type = int
) -> None:
    """Write `metadata.json` without labels, and the images under running numbers."""
    images = ({**item.image, "id": id_type(number), "file_name": numbered_file(number)} for number, item in enumerate(test))
    shared = {key: metadata[key] for key in ("info", "licenses")}
    write_indented_json(target / "metadata.json", {"images": images, **shared})
    new_names = {item.image["file_name"]: numbered_file(number) for number, item in enumerate(test)}
    # the folder in the raw data is the category
    link_files(source, target, new_names, hide_origin=True)


def write_answers(test: Sequence[LabelledImage], answers: Path, sample: Path, *, guess: int = 0) -> None:
    """Write the categories of the numbered test images, and a sample submission with one guess for all."""
    table = pd.DataFrame({"Id": range(len(test)), "Predicted": [item.annotation["category_id"] for item in test]})
    write_csv(table, answers)
    write_csv(table.assign(Predicted=guess), sample)


@functools.cache
def _published_order(count: int) -> np.ndarray:
    return np.random.RandomState(0).permutation(count)
