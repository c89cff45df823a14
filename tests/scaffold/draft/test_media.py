"""Images, sounds and other files of rows, in the layouts in which they come."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.data import write_csv
from mlebench.data.mocking import image_bytes, pack_7z, tar_folder, wav_bytes, write_files, zip_folder
from tests.scaffold.draft.raw_data import ROWS, Drafted, Workshop, numbers, origin

RNG = np.random.default_rng(0)
PICTURE = partial(image_bytes, RNG, "PNG", (4, 4))
TRAIN, TEST = numbers(0)[["id", "flag"]], numbers(1)[["id", "flag"]].head(20)


def labelled(raw: Path, column: str = "id", cells: str = "{}") -> None:
    """A table of labels, one of test rows and a sample submission; the column `column` names the files."""
    train, test = (table.assign(**{column: [cells.replace("{}", row) for row in table["id"]]}) for table in (TRAIN, TEST))
    write_csv(train, raw / "train.csv")
    write_csv(test.drop(columns="flag"), raw / "test.csv")
    write_csv(test[["id"]].assign(flag=0), raw / "sample_submission.csv")


def files_of(made: Drafted, folder: str) -> list[str]:
    base = made.competition.public_dir / folder
    return sorted(path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file())


def assert_files_go_with_their_rows(made: Drafted, name: str = "{}.png", column: str = "id") -> None:
    for part in ("train", "test"):
        wanted = sorted(name.replace("{}", cell) for cell in made.public(f"{part}.csv")[column])
        assert files_of(made, part) == wanted
    assert made.score(made.perfect()) == 1


def test_a_folder_for_each_part(workshop: Workshop) -> None:
    labelled(workshop.raw)
    write_files(workshop.raw / "train", [f"{name}.png" for name in TRAIN["id"]], PICTURE)
    write_files(workshop.raw / "test", [f"{name}.png" for name in TEST["id"]], PICTURE)
    made = workshop.drafted(origin("ROC AUC"))
    assert made.draft.media is not None
    assert (made.draft.media.kind, made.draft.media.test, made.draft.modality) == ("image", "test/", "image")
    assert_files_go_with_their_rows(made)


def test_ids_with_the_ending_of_their_files(workshop: Workshop) -> None:
    labelled(workshop.raw, cells="{}.png")
    write_files(workshop.raw / "train_images", [f"{name}.png" for name in TRAIN["id"]], PICTURE)
    assert_files_go_with_their_rows(workshop.drafted(origin("ROC AUC")), "{}")


def test_one_folder_for_both_parts_stays_one(workshop: Workshop) -> None:
    labelled(workshop.raw)
    write_files(workshop.raw / "images", [f"{name}.png" for name in [*TRAIN["id"], *TEST["id"]]], PICTURE)
    made = workshop.drafted(origin("ROC AUC"))
    assert files_of(made, "images") == [f"{name}.png" for name in TRAIN["id"]]


@pytest.mark.parametrize(("pack", "ending"), [(zip_folder, ".zip"), (pack_7z, ".7z"), (tar_folder, ".tar.gz")])
def test_archives_are_read_as_they_are(pack, ending: str, workshop: Workshop) -> None:  # type: ignore[no-untyped-def]
    labelled(workshop.raw)
    write_files(workshop.raw / "train", [f"{name}.png" for name in TRAIN["id"]], PICTURE)
    pack(workshop.raw / "train", workshop.raw / f"train{ending}")
    assert_files_go_with_their_rows(workshop.drafted(origin("ROC AUC")))


def test_a_folder_within_an_archive(workshop: Workshop) -> None:
    labelled(workshop.raw)
    write_files(workshop.raw / "train", [f"{name}.png" for name in TRAIN["id"]], PICTURE)
    zip_folder(workshop.raw / "train", workshop.raw / "pictures.zip", inside="data/train/")
    made = workshop.drafted(origin("ROC AUC"))
    assert made.draft.media is not None
    assert made.draft.media.inside == "data/train/"
    assert_files_go_with_their_rows(made)


def test_files_in_folders_by_their_first_letters_are_found_by_name(workshop: Workshop) -> None:
    labelled(workshop.raw)
    write_files(workshop.raw / "train", [f"{name[-1]}/{name}.png" for name in TRAIN["id"]], PICTURE)
    assert_files_go_with_their_rows(workshop.drafted(origin("ROC AUC")))


def test_a_folder_for_each_row(workshop: Workshop) -> None:
    labelled(workshop.raw)
    write_files(workshop.raw / "train", [f"{name}/{view}.png" for name in TRAIN["id"] for view in "ab"], PICTURE)
    made = workshop.drafted(origin("ROC AUC"))
    assert files_of(made, "test") == sorted(f"{name}/{view}.png" for name in made.answers["id"] for view in "ab")


def test_sounds_that_another_column_names(workshop: Workshop) -> None:
    labelled(workshop.raw, "clip", "clip {}.wav")
    sound = partial(wav_bytes, RNG, 8000, 0.01)
    write_files(workshop.raw / "recordings", [f"clip {name}.wav" for name in [*TRAIN["id"]]], sound)
    made = workshop.drafted(origin("ROC AUC"))
    assert made.draft.media is not None
    assert (made.draft.media.kind, made.draft.media.column) == ("audio", "clip")
    assert files_of(made, "recordings") == [f"clip {name}.wav" for name in TRAIN["id"]]


def test_cells_with_the_folder_of_the_file(workshop: Workshop) -> None:
    labelled(workshop.raw, "path", "pictures/{}.png")
    write_files(workshop.raw / "pictures", [f"{name}.png" for name in [*TRAIN["id"], *TEST["id"]]], PICTURE)
    made = workshop.drafted(origin("ROC AUC"))
    for cell in [*made.public("train.csv")["path"], *made.public("test.csv")["path"]]:
        assert (made.competition.public_dir / cell).is_file()


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_for_each_class(packed: bool, workshop: Workshop) -> None:
    kinds = ["black oak", "oak", "yew"]
    write_files(workshop.raw / "train", [f"{kinds[number % 3]}/p{number:03d}.png" for number in range(ROWS)], PICTURE)
    write_files(workshop.raw / "test", [f"q{number:03d}.png" for number in range(20)], PICTURE)
    write_csv(
        pd.DataFrame({"file": [f"q{number:03d}.png" for number in range(20)], "tree": "oak"}),
        workshop.raw / "sample_submission.csv",
    )
    if packed:
        zip_folder(workshop.raw / "train", workshop.raw / "train.zip", inside="train/")
    made = workshop.drafted(origin("accuracy"))
    assert made.draft.targets[0].classes == ("black oak", "oak", "yew")
    assert list(made.public("train.csv")) == ["file", "tree"]
    # no folder shows the class of a test file
    assert_files_go_with_their_rows(made, "{}", "file")


def test_a_folder_for_each_class_and_nothing_else(workshop: Workshop) -> None:
    write_files(workshop.raw / "photos", [f"{'cat' if number % 2 else 'dog'}/{number}.jpg" for number in range(ROWS)], PICTURE)
    made = workshop.drafted(origin("accuracy", source="folder", target="animal"))
    assert sorted(made.answers) == ["animal", "file"]
    assert made.score(made.perfect()) == 1
