import io
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Member, write_7z, write_csv
from mlebench.data.mocking import tar_folder, wav_bytes, write_files, zip_folder

GESTURES = (
    "vattene", "vieniqui", "perfetto", "furbo", "cheduepalle", "chevuoi", "daccordo", "seipazzo", "combinato", "freganiente",
    "ok", "cosatifarei", "basta", "prendere", "noncenepiu", "fame", "tantotempo", "buonissimo", "messidaccordo", "sonostufo",
)  # fmt: skip
MOVIE = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08mdat"


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    ids = [f"{number:04d}" for number in sorted(rng.choice(np.arange(1, 10_000), size + 3, replace=False))]
    performances = [rng.integers(1, 21, rng.integers(1, 21)) for _ in range(50)]
    performed = dict(zip(ids, rng.integers(0, len(performances), len(ids)).tolist(), strict=True))
    labelled = [str(name) for name in rng.permutation(ids[:size])]
    rows = [(name, " ".join(map(str, performances[performed[name]]))) for name in labelled]
    write_csv(pd.DataFrame(rows, columns=["Id", "Sequence"]), raw / "training.csv")
    write_csv(pd.DataFrame({"Id": ids[size:]}), raw / "test.csv")
    write_csv(pd.DataFrame({"Id": ids[size:], "Sequence": "1 2"}), raw / "randomPredictions.csv")

    sound = partial(wav_bytes, rng, 16_000, 0.005)
    for number in range(4):
        members = sorted(labelled[number::4])
        pack(raw, f"training{number + 1}", {name: matlab_file(rng, performances[performed[name]]) for name in members}, sound)
    for number, name in enumerate(ids[size:], start=1):
        pack(raw, f"validation{number}", {name: matlab_file(rng, performances[0][:0])}, sound)
    for name in ("devel01-40", "valid_all_files_combined"):
        (raw / "packing").write_text("mock\n")
        write_7z(raw / f"{name}.7z", [Member(f"{name}/readme.txt", raw / "packing")])
        (raw / "packing").unlink()
    write_files(raw / "packing", ["dataViewer.m"], lambda: b"% Matlab\n")
    zip_folder(raw / "packing", raw / "sample_code_mmrgc.zip", inside="sample_code_mmrgc/")


def pack(raw: Path, archive: str, recordings: dict[str, bytes], sound) -> None:
    """A tar of zips, one for each recording."""
    folder = raw / "packing"
    folder.mkdir()
    for name, data in recordings.items():
        sample = f"Sample0{name}"
        write_files(folder / sample, [f"{sample}_{kind}.mp4" for kind in ("color", "depth", "user")], lambda: MOVIE)
        write_files(folder / sample, [f"{sample}_audio.wav"], sound)
        write_files(folder / sample, [f"{sample}_data.mat"], lambda data=data: data)
        zip_folder(folder / sample, folder / f"{sample}.zip")
    tar_folder(folder, raw / f"{archive}.tar.gz")


def matlab_file(rng: np.random.Generator, sequence: np.ndarray) -> bytes:
    """The struct `Video` with a skeleton for each frame and the gestures performed."""
    from scipy.io import savemat

    frames = np.zeros((1, 3), dtype=[("Skeleton", object)])
    for place in range(frames.shape[1]):
        skeleton = {"JointType": np.array(["HipCenter", "Spine"], dtype=object), "WorldPosition": rng.random((2, 3))}
        frames[0, place]["Skeleton"] = skeleton
    labels = np.zeros((1, len(sequence)), dtype=[("Name", object), ("Begin", object), ("End", object)])
    for place, gesture in enumerate(sequence):
        labels[0, place] = (GESTURES[gesture - 1], 40 * place + 1, 40 * place + 39)
    video = {"NumFrames": 3, "FrameRate": 20, "MaxDepth": 4000, "Frames": frames, "Labels": labels}
    buffer = io.BytesIO()
    savemat(buffer, {"Video": video}, do_compression=True)
    return buffer.getvalue()
