"""Splitting COCO-like metadata category by category."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from sklearn.model_selection import train_test_split

from mlebench.data.coco import LabelledImage, labelled_images, split_categories
from mlebench.errors import RawDataFault
from mlebench.registry.edition import Edition

V1, V2 = Edition("v1", "plants"), Edition("v2", "plants")


def items(*counts: int) -> list[LabelledImage]:
    labels = [category for category, count in enumerate(counts) for _ in range(count)]
    random.Random(1).shuffle(labels)
    return [LabelledImage({"image_id": n, "category_id": label}, {"id": n}) for n, label in enumerate(labels)]


def ids(part: list[LabelledImage]) -> list[int]:
    return [item.image["id"] for item in part]


def test_v1_draws_each_category_as_scikit_learn_does() -> None:
    labelled = items(1, 2, 4, 5, 13, 40)
    expected_train, expected_test = [], []
    for category in dict.fromkeys(item.annotation["category_id"] for item in labelled):
        members = [item.image["id"] for item in labelled if item.annotation["category_id"] == category]
        if len(members) >= 5:
            train, test = train_test_split(members, test_size=0.2, random_state=0)
        else:
            train, test = (members[:-1], members[-1:]) if len(members) > 1 else (members, [])
        expected_train += train
        expected_test += test
    random.Random(0).shuffle(expected_test)
    train, test = split_categories(labelled, V1, test_size=0.2)
    assert (ids(train), ids(test)) == (expected_train, expected_test)


def test_v2_caps_a_category_and_draws_with_the_key() -> None:
    labelled = items(1, 2, 4, 5, 200)
    train, test = split_categories(labelled, V2, test_size=0.2, v2_at_most=10)
    assert Counter(item.annotation["category_id"] for item in test) == {1: 1, 2: 1, 3: 1, 4: 10}
    assert sorted(ids(train) + ids(test)) == list(range(len(labelled)))
    other = split_categories(labelled, Edition("v2", "plants", "secret"), test_size=0.2, v2_at_most=10)
    assert ids(other[1]) != ids(test)


def test_v2_keeps_groups_over_all_categories_on_one_side() -> None:
    labelled = items(1, 20, 50)
    groups = [number % 30 for number in range(len(labelled))]
    train, test = split_categories(labelled, V2, test_size=0.5, v2_groups=groups)
    assert sorted(ids(train) + ids(test)) == list(range(len(labelled)))
    assert test and not {groups[number] for number in ids(train)} & {groups[number] for number in ids(test)}
    drawn = split_categories(labelled, V2, test_size=0.5)
    assert set(ids(test)) < set(ids(drawn[1]))
    assert split_categories(labelled, V2, test_size=0.5, v2_groups=range(len(labelled))) == drawn
    assert split_categories(labelled, V1, test_size=0.5, v2_groups=groups) == split_categories(labelled, V1, test_size=0.5)


def test_metadata_that_does_not_fit_together_is_refused() -> None:
    images = [{"id": 1}, {"id": 2}]
    wrong_order = {"annotations": [{"image_id": 2}, {"image_id": 1}], "images": images}
    with pytest.raises(RawDataFault, match=r"metadata\.json: annotation 0 "):
        labelled_images(wrong_order, Path("metadata.json"))
    with pytest.raises(RawDataFault, match=r"1 annotations but 2 images"):
        labelled_images({"annotations": [{"image_id": 1}], "images": images}, Path("metadata.json"))
    with pytest.raises(RawDataFault, match=r"no category .* has two images"):
        split_categories(items(1, 1), V1, test_size=0.2)
