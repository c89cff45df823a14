from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from mlebench.data import Edition, link_files, read_json, write_indented_json
from mlebench.data.coco import LabelledImage, labelled_images, split_categories, write_answers
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    metadata = read_json(raw / "train_metadata.json")
    specimens = labelled_images(metadata, raw / "train_metadata.json", image_id="image_id")
    images = raw / "train_images"
    copies = None if edition.is_v1 else same_content(images / item.image["file_name"] for item in specimens)
    train, test = split_categories(specimens, edition, test_size=0.2, v1_few_are_last=False, v2_groups=copies)
    new_train, new_test = list(number_within_category(train)), list(number_all(test))

    parts = {"annotations": [item.annotation for item in new_train], "images": [item.image for item in new_train]}
    write_indented_json(public / "train_metadata.json", {**metadata, **parts})
    write_indented_json(public / "test_metadata.json", (item.image for item in new_test))
    link_files(images, public / "train_images", renamed(train, new_train))
    link_files(images, public / "test_images", renamed(test, new_test), hide_origin=True)
    write_answers(new_test, private / "answers.csv", public / "sample_submission.csv", guess=42)


def number_within_category(train: Iterable[LabelledImage]) -> Iterator[LabelledImage]:
    seen: Counter[int] = Counter()
    for item in train:
        category = item.annotation["category_id"]
        seen[category] += 1
        new_id = f"{category:05d}__{seen[category]:03d}"
        yield with_id(item, new_id, f"{category // 100:03d}/{category % 100:02d}/{new_id}.jpg")


def number_all(test: Iterable[LabelledImage]) -> Iterator[LabelledImage]:
    for number, item in enumerate(test):
        yield with_id(item, str(number), f"{number // 1000:03d}/test-{number:06d}.jpg")


def with_id(item: LabelledImage, image_id: str, file_name: str) -> LabelledImage:
    return LabelledImage({**item.annotation, "image_id": image_id}, {**item.image, "image_id": image_id, "file_name": file_name})


def renamed(old: list[LabelledImage], new: list[LabelledImage]) -> dict[str, str]:
    return {before.image["file_name"]: after.image["file_name"] for before, after in zip(old, new, strict=True)}
