"""Ids in a mock are made like the real ones: as long, of the same characters, with the same parts."""

from __future__ import annotations

import re

import pytest

from mlebench.data import read_csv
from tests.cases import Cases

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
CONTACT = r"\d{5}_\d{6}_\d+_\d{5}_(\d{5}|G)"

REAL_IDS = [
    ("histopathologic-cancer-detection", "train_labels.csv", "id", r"[0-9a-f]{40}", "f38a6374c348f90b587e046aac6079959adf3835"),
    ("hotel-id-2021-fgvc8", "train.csv", "image", r"[0-9a-f]{16}\.jpg", "99e91ad5f2870678.jpg"),
    ("hubmap-kidney-segmentation", "train.csv", "id", r"[0-9a-f]{9}", "8242609fa"),
    ("imet-2020-fgvc7", "train.csv", "id", r"[0-9a-f]{32}", "00011f01965f141f5d1eea6592fa9862"),
    ("iwildcam-2019-fgvc6", "train.csv", "id", UUID, "58857ccf-23d2-11e8-a6a3-ec086b02610b"),
    ("jigsaw-toxic-comment-classification-challenge", "train.csv.zip", "id", r"[0-9a-f]{16}", "0000997932d777bf"),
    ("kuzushiji-recognition", "train.csv", "image_id", r"\d{9}[_-]\d{5}_[12]|[a-z]+\d{3}-\d{3}", "100241706_00004_2"),
    ("learning-agency-lab-automated-essay-scoring-2", "train.csv", "essay_id", r"[0-9a-f]{7}", "000d118"),
    ("new-york-city-taxi-fare-prediction", "train.csv", "key", TIME + r"\.\d{7}", "2009-06-15 17:26:21.0000001"),
    ("nfl-player-contact-detection", "train_labels.csv", "contact_id", CONTACT, "58168_003392_0_38590_43854"),
    ("osic-pulmonary-fibrosis-progression", "train.csv", "Patient", r"ID\d{23}", "ID00007637202177411956430"),
    ("paddy-disease-classification", "train.csv", "image_id", r"\d{6}\.jpg", "100330.jpg"),
    ("petfinder-pawpularity-score", "train.csv", "Id", r"[0-9a-f]{32}", "0007de18844b0dbbb5e1f607da0606e0"),
    ("plant-pathology-2020-fgvc7", "train.csv", "image_id", r"Train_\d+", "Train_1820"),
    ("plant-pathology-2021-fgvc8", "train.csv", "image", r"[0-9a-f]{16}\.jpg", "85f8cb619c66b863.jpg"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "table", "column", "pattern", "real"), REAL_IDS, ids=[name for name, *_ in REAL_IDS])
def test_ids_are_made_like_the_real_ones(name: str, table: str, column: str, pattern: str, real: str, cases: Cases) -> None:
    assert re.fullmatch(pattern, real)
    ids = read_csv(cases.raw(name) / table, dtype=str)[column]
    assert [value for value in ids if not re.fullmatch(pattern, value)] == []
