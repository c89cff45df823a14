"""Pictures of test that are in train, too, as they are or changed; and pictures that only look as if."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance

from mlebench.data.tfrecord import encode_example, frame, write_tfrecord
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.twin_images import twin_images
from tests.preparation.audit.checks.planted import case_of, clues, told

TRAIN, TEST, TWINS = 60, 20, 5
Maker = Callable[[np.random.Generator], Image.Image]


def scene(rng: np.random.Generator) -> Image.Image:
    """Shapes of all sizes, as photographs have."""
    levels = np.zeros((100, 120), np.float32)
    for side in (3, 6, 12, 24, 48):
        grain = Image.fromarray(rng.random((side, side)).astype(np.float32))
        levels += np.asarray(grain.resize((120, 100)), np.float32) / side**0.5
    levels = (levels - levels.min()) / (levels.max() - levels.min()) * 255
    return Image.merge("RGB", [Image.fromarray((levels * share).astype(np.uint8)) for share in (1, 0.9, 0.7)])


def noise(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))


def plain(rng: np.random.Generator) -> Image.Image:
    return Image.new("RGB", (64, 64), tuple(int(level) for level in rng.integers(0, 256, 3)))


def shaded(rng: np.random.Generator) -> Image.Image:
    """A smooth background that grows lighter to one side."""
    return Image.fromarray(np.linspace(rng.uniform(0, 80), rng.uniform(150, 255), 64 * 64).reshape(64, 64).astype(np.uint8))


def texture(rng: np.random.Generator) -> Image.Image:
    """Grain of one kind, as of tissue or grass, on a ground that all have."""
    ground = np.hypot(*np.mgrid[-1:1:96j, -1:1:96j]) * 120
    return Image.fromarray(np.clip(ground + rng.normal(60, 30, (96, 96)), 0, 255).astype(np.uint8))


def tiny(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (4, 4), dtype=np.uint8))


def encoded(image: Image.Image, kind: str = "png", **options: int) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def pictures(make: Maker, count: int, seed: int) -> list[Image.Image]:
    rng = np.random.default_rng(seed)
    return [make(rng) for _ in range(count)]


def case(public: Path, *, quick: bool = False) -> Case:
    ids = [f"tr{row:03}" for row in range(TRAIN)]
    pd.DataFrame({"image": ids, "label": [f"kind{row % 7}" for row in range(TRAIN)]}).to_csv(public / "train.csv", index=False)
    answers = pd.DataFrame({"image": [f"te{row:03}" for row in range(TEST)], "label": [f"kind{row % 3}" for row in range(TEST)]})
    return case_of(public, answers, quick=quick)


def written(public: Path, train: list[bytes], test: list[bytes], ending: str = "png") -> None:
    for side, contents in (("train", train), ("test", test)):
        (public / side).mkdir()
        for row, content in enumerate(contents):
            (public / side / f"{side[:2]}{row:03}.{ending}").write_bytes(content)


CHANGES: dict[str, Callable[[Image.Image], bytes]] = {
    "the same bytes": encoded,
    "another format": lambda image: encoded(image, "jpeg", quality=60),
    "smaller": lambda image: encoded(image.resize((60, 50))),
    "brighter": lambda image: encoded(ImageEnhance.Brightness(image).enhance(1.3)),
    "grey": lambda image: encoded(image.convert("L")),
    "mirrored": lambda image: encoded(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "turned": lambda image: encoded(image.transpose(Image.Transpose.ROTATE_90)),
    "upside down and smaller": lambda image: encoded(image.rotate(180).resize((80, 70))),
    "cut at its edges": lambda image: encoded(image.crop((4, 4, 114, 96))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_copies_tell_the_answers_of_their_training_pictures(tmp_path: Path, change: str) -> None:
    train, test = pictures(scene, TRAIN, 0), [encoded(image) for image in pictures(scene, TEST, 1)]
    test[:TWINS] = [CHANGES[change](image) for image in train[30 : 30 + TWINS]]
    written(tmp_path, [encoded(image) for image in train], test)

    (clue,) = clues(twin_images, case(tmp_path))

    assert told(clue, case(tmp_path)) == {f"te{row:03}": f"kind{(30 + row) % 7}" for row in range(TWINS)}
    assert (clue.file, clue.rows) == ("test/*", TWINS)


@pytest.mark.parametrize("make", [scene, noise, plain, shaded, texture, tiny])
def test_pictures_of_their_own_are_no_twins(tmp_path: Path, make: Maker) -> None:
    train, test = ([encoded(image) for image in pictures(make, count, seed)] for count, seed in ((TRAIN, 0), (TEST, 1)))
    written(tmp_path, train, test)
    assert clues(twin_images, case(tmp_path)) == []


def test_place_holders_are_no_twins(tmp_path: Path) -> None:
    train, test = ([encoded(image) for image in pictures(scene, count, seed)] for count, seed in ((TRAIN, 0), (TEST, 1)))
    train[10:20] = test[3:6] = [train[0]] * 3
    train[10:20] = [train[0]] * 10
    written(tmp_path, train, test)
    assert clues(twin_images, case(tmp_path)) == []


def test_a_quick_audit_compares_bytes_alone(tmp_path: Path) -> None:
    train = pictures(scene, TRAIN, 0)
    test = [encoded(image) for image in pictures(scene, TEST, 1)]
    test[0], test[1] = encoded(train[5]), encoded(train[6], "jpeg", quality=60)
    written(tmp_path, [encoded(image) for image in train], test)
    (clue,) = clues(twin_images, case(tmp_path, quick=True))
    assert [*told(clue, case(tmp_path))] == ["te000"]


def test_members_of_archives_are_pictures_too(tmp_path: Path) -> None:
    train, test = pictures(scene, TRAIN, 0), [encoded(image) for image in pictures(scene, TEST, 1)]
    test[:TWINS] = [encoded(image, "jpeg", quality=70) for image in train[:TWINS]]
    for side, contents in (("train", [encoded(image) for image in train]), ("test", test)):
        with zipfile.ZipFile(tmp_path / f"{side}.zip", "w") as archive:
            for row, content in enumerate(contents):
                archive.writestr(f"{side}/{side[:2]}{row:03}.png", content)
    (clue,) = clues(twin_images, case(tmp_path))
    assert told(clue, case(tmp_path)) == {f"te{row:03}": f"kind{row % 7}" for row in range(TWINS)}


def test_records_of_a_file_are_pictures_too(tmp_path: Path) -> None:
    train, test = pictures(scene, TRAIN, 0), [encoded(image, "jpeg") for image in pictures(scene, TEST, 1)]
    test[:TWINS] = [encoded(image.resize((90, 75)), "jpeg", quality=70) for image in train[:TWINS]]
    for side, contents in (("train", [encoded(image, "jpeg") for image in train]), ("test", test)):
        records = [
            frame(encode_example({"image": [content], "image_name": [f"{side[:2]}{row:03}".encode()]}))
            for row, content in enumerate(contents)
        ]
        write_tfrecord(tmp_path / f"{side}.tfrec", records)
    (clue,) = clues(twin_images, case(tmp_path))
    assert told(clue, case(tmp_path)) == {f"te{row:03}": f"kind{row % 7}" for row in range(TWINS)}


def test_damaged_pictures_are_passed_over(tmp_path: Path) -> None:
    train, test = ([encoded(image) for image in pictures(scene, count, seed)] for count, seed in ((TRAIN, 0), (TEST, 1)))
    test[0], train[1] = b"\x89PNG\r\n" + b"x" * 200, train[1][:120]
    written(tmp_path, train, test)
    assert clues(twin_images, case(tmp_path)) == []
