from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mlebench.data import Edition, extract, link, link_files, look_up, read_csv, scratch, write_csv
from mlebench.data.groups import same_content
from mlebench.data.raw_faults import missing, unreadable

from .contents import HISTOGRAM_HEADER, PICTURES, SPECIES

SUPPLEMENTS = ("histogram_of_segments.txt", "segment_features.txt", "segment_rectangles.txt")


class Line(NamedTuple):
    """A line of one of the ragged tables: a recording and its values."""

    rec_id: int
    rest: str


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    with scratch(public) as unpacked:
        extract(raw / "mlsp_contest_dataset.zip", unpacked)
        source = unpacked / "mlsp_contest_dataset"
        folds = read_csv(source / "essential_data" / "CVfolds_2.txt")
        folds = folds[folds["fold"] == 0].reset_index(drop=True)
        names = read_csv(source / "essential_data" / "rec_id2filename.txt")
        if edition.is_v1:
            tested = folds.sample(frac=0.2, random_state=0).index
        else:
            sounds = source / "essential_data" / "src_wavs"
            copies = same_content(sounds / f"{name}.wav" for name in look_up(names, "rec_id", folds["rec_id"])["filename"])
            tested = edition.split(folds, test_size=round(0.2 * len(folds)), groups=copies)[1].index
        folds.loc[tested, "fold"] = 1
        new_ids = pd.Series(folds.index, index=folds["rec_id"])
        names = names[names["rec_id"].isin(new_ids.index)].assign(rec_id=lambda table: table["rec_id"].map(new_ids))

        write_csv(folds.assign(rec_id=folds.index), public / "essential_data" / "CVfolds_2.txt")
        write_csv(names, public / "essential_data" / "rec_id2filename.txt")
        header, labels = read_lines(source / "essential_data" / "rec_labels_test_hidden.txt", new_ids)
        write_labels(labels, set(tested), public / "essential_data" / "rec_labels_test_hidden.txt")
        write_answers(labels, sorted(tested), private / "answers.csv", public / "sample_submission.csv")
        link(source / "essential_data" / "species_list.txt", public / "essential_data" / "species_list.txt")
        link_files(source / "essential_data" / "src_wavs", public / "essential_data" / "src_wavs", names["filename"] + ".wav")

        shown = names if edition.is_v1 else names[~names["rec_id"].isin(tested)]
        copy_supplements(source / "supplemental_data", public / "supplemental_data", names["filename"], shown["filename"])
        for name in SUPPLEMENTS:
            header, lines = read_lines(source / "supplemental_data" / name, new_ids)
            rows = [f"{line.rec_id},{line.rest}" for line in lines]
            write_lines([HISTOGRAM_HEADER if edition.is_v1 else header, *rows], public / "supplemental_data" / name)


def read_lines(path: Path, new_ids: Mapping[int, int]) -> tuple[str, list[Line]]:
    """Header and lines of the recordings that are used, under their new ids."""
    try:
        with path.open(encoding="utf-8") as file:
            header, *lines = (line.removesuffix("\n") for line in file)
        parts = [line.partition(",") for line in lines]
        return header, [Line(new_ids[int(old)], rest) for old, _, rest in parts if int(old) in new_ids]
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, ValueError) as error:
        raise unreadable(path, "lines of numbers", error) from None


def write_lines(lines: list[str], path: Path) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_labels(labels: list[Line], tested: set[int], path: Path) -> None:
    shown = [line._replace(rest="?") if line.rec_id in tested else line for line in labels]
    rows = [f"{line.rec_id},{line.rest}" if line.rest else f"{line.rec_id}" for line in shown]
    write_lines(["rec_id,[labels]", *rows], path)


def write_answers(labels: list[Line], tested: list[int], answers: Path, sample: Path) -> None:
    present = {line.rec_id: {int(number) for number in line.rest.split(",") if number} for line in labels}
    in_file_order = [line.rec_id for line in labels if line.rec_id in set(tested)]
    rows = [(rec * 100 + kind, int(kind in present[rec])) for rec in in_file_order for kind in range(SPECIES)]
    write_csv(pd.DataFrame(rows, columns=["Id", "Probability"]), answers)
    guesses = [(rec * 100 + kind, 0) for rec in tested for kind in range(SPECIES)]
    write_csv(pd.DataFrame(guesses, columns=["Id", "Probability"]), sample)


def copy_supplements(source: Path, target: Path, recordings: pd.Series, shown: pd.Series) -> None:
    for folder in PICTURES:
        link_files(source / folder, target / folder, recordings + ".bmp")
    examples = [f"{name}.bmp" for name in shown if (source / "segmentation_examples" / f"{name}.bmp").exists()]
    link_files(source / "segmentation_examples", target / "segmentation_examples", examples)
    for picture in ("segment_clusters.bmp", "segment_mosaic.bmp"):
        link(source / picture, target / picture)
