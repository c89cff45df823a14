from pathlib import Path

from mlebench.data import Edition, read_json
from mlebench.data.coco import labelled_images, split_categories, write_answers, write_test_part, write_train_part
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    source = raw / "nybg2020" / "train"
    encodings = ["latin-1"] if edition.is_v1 else ["utf-8", "cp1252", "latin-1"]
    metadata = read_json(source / "metadata.json", encodings)
    specimens = labelled_images(metadata, source / "metadata.json")
    copies = None if edition.is_v1 else same_content(source / item.image["file_name"] for item in specimens)
    train, test = split_categories(specimens, edition, test_size=0.2, v2_at_most=10, v2_groups=copies)

    write_train_part(metadata, train, source, public / "nybg2020" / "train")
    write_test_part(metadata, test, source, public / "nybg2020" / "test", id_type=str if edition.is_v1 else int)
    write_answers(test, private / "answers.csv", public / "sample_submission.csv")
