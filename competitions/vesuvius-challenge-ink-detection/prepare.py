from pathlib import Path

from PIL import Image

from mlebench.data import Edition, link_files, link_tree, read_csv, write_csv

LABELS = {"inklabels.png", "inklabels_rle.csv", "ir.png"}


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    for fragment in ("1", "2"):
        link_tree(raw / "train" / fragment, public / "train" / fragment)

    held_out = raw / "train" / "3"
    ink = read_csv(held_out / "inklabels_rle.csv").assign(Id="a")
    with Image.open(held_out / "ir.png") as photo:
        width, height = photo.size
    files = [path.relative_to(held_out).as_posix() for path in sorted(held_out.rglob("*")) if path.is_file()]
    link_files(held_out, public / "test" / "a", (name for name in files if Path(name).name not in LABELS))

    write_csv(ink.assign(width=width, height=height), private / "inklabels_rle.csv")
    write_csv(ink, private / "gold_submission.csv")
    write_csv(ink.assign(Predicted="1 1 5 1"), public / "sample_submission.csv")
