import io
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from mlebench.data import Edition, TarEntry, link, read_csv, read_tar, write_csv, write_tar
from mlebench.data.raw_faults import damaged

TEST_ARCHIVE = "training4.tar.gz"
UNCHANGED = (
    *(f"training{number}.tar.gz" for number in (1, 2, 3)),
    *(f"validation{number}.tar.gz" for number in (1, 2, 3)),
    "devel01-40.7z",
    "valid_all_files_combined.7z",
    "sample_code_mmrgc.zip",
)


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    recordings = read_csv(raw / "training.csv", dtype={"Id": str, "Sequence": str})
    if edition.is_v1:
        names = [entry.name for entry in read_tar(raw / TEST_ARCHIVE) if is_recording(entry.name)]
        link(raw / TEST_ARCHIVE, public / "test.tar.gz")
    else:
        names = []
        write_tar(public / "test.tar.gz", unlabelled(raw / TEST_ARCHIVE, names), gzipped=True)
    test_ids = sorted(map(recording_id, names))
    in_test = recordings["Id"].isin(test_ids)
    if in_test.sum() != len(test_ids):
        raise damaged(raw / TEST_ARCHIVE, "training.csv does not list the same recordings")

    write_csv(recordings[~in_test], public / "training.csv")
    write_csv(recordings[in_test], private / "test.csv")
    write_csv(pd.DataFrame({"Id": test_ids}), public / "test.csv")
    rng = random.Random(0)
    guesses = [" ".join(map(str, rng.sample(range(1, 21), 20))) for _ in test_ids]
    write_csv(pd.DataFrame({"Id": test_ids, "Sequence": guesses}), public / "randomPredictions.csv")
    for name in UNCHANGED:
        link(raw / name, public / name)


def is_recording(name: str) -> bool:
    return name.endswith(".zip") and "/" not in name


def recording_id(name: str) -> str:
    return PurePosixPath(name).stem[-4:]


def unlabelled(archive: Path, names: list[str]) -> Iterator[TarEntry]:
    """The recordings of an archive without the gestures in their Matlab files; each name is added to `names`."""
    for entry in read_tar(archive):
        if is_recording(entry.name):
            names.append(entry.name)
            content = without_labels(entry)
            yield TarEntry(entry.name, len(content), io.BytesIO(content))


def without_labels(entry: TarEntry) -> bytes:
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(entry.file.read())) as recording, zipfile.ZipFile(packed, "w") as shown:
            for member in recording.infolist():
                content = recording.read(member)
                shown.writestr(member, clear_labels(content) if member.filename.endswith(".mat") else content)
    except (zipfile.BadZipFile, ValueError, LookupError, NotImplementedError) as error:
        raise damaged(f"{entry.name} in {TEST_ARCHIVE}", error) from None
    return packed.getvalue()


def clear_labels(matlab_file: bytes) -> bytes:
    from scipy.io import loadmat, savemat

    video = loadmat(io.BytesIO(matlab_file))["Video"]
    video["Labels"][0, 0] = np.zeros((0, 0))
    buffer = io.BytesIO()
    savemat(buffer, {"Video": video}, do_compression=True, long_field_names=True)
    # the text at the beginning contains the time of writing
    return b"MATLAB 5.0 MAT-file".ljust(116) + buffer.getvalue()[116:]
