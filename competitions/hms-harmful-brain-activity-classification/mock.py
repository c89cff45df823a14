from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import write_files

CLASSES = ("Seizure", "LPD", "GPD", "LRDA", "GRDA", "Other")
ELECTRODES = "Fp1 F3 C3 P3 F7 T3 T5 O1 Fz Cz Pz Fp2 F4 C4 P4 F8 T4 T6 O2 EKG"
REGIONS = [f"{region}_{hertz:.2f}" for region in ("LL", "RL", "LP", "RP") for hertz in (0.59, 0.78, 19.92)]


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    labels = make_labels(rng, size)
    test = pd.DataFrame({"spectrogram_id": [853520], "eeg_id": [3911565283], "patient_id": [6885]})
    votes = [f"{name.lower()}_vote" for name in CLASSES]
    write_csv(labels, raw / "train.csv")
    write_csv(test, raw / "test.csv")
    write_csv(test[["eeg_id"]].assign(**dict.fromkeys(votes, 1 / 6)), raw / "sample_submission.csv")
    write_recordings(raw, "train", rng, labels)
    write_recordings(raw, "test", rng, test)
    write_files(raw / "example_figures", (f"Sample{k:02d}.pdf" for k in range(1, 4)), lambda: b"%PDF-1.4\n%%EOF\n")


def make_labels(rng: np.random.Generator, size: int) -> pd.DataFrame:
    """Pieces of recordings, recordings of spectrograms, spectrograms of patients; all in file order of the pieces."""
    patient, spectrogram, eeg = (np.sort(rng.integers(0, max(5, size // few), size)) for few in (15, 8, 3))
    # an inner group must not span two outer ones
    spectrogram = pd.factorize(spectrogram * size + patient)[0]
    eeg = pd.factorize(eeg * size + spectrogram)[0]
    ids = rng.choice(2**31 - 1, 4 * size, replace=False)
    piece, of_spectrogram = (pd.Series(group).groupby(group).cumcount() for group in (eeg, spectrogram))
    votes = rng.multinomial(rng.integers(1, 20, size), rng.dirichlet(np.full(6, 0.4), size))
    return pd.DataFrame(
        {
            "eeg_id": ids[eeg],
            "eeg_sub_id": piece,
            "eeg_label_offset_seconds": piece * 6.0,
            "spectrogram_id": ids[size + spectrogram],
            "spectrogram_sub_id": of_spectrogram,
            "spectrogram_label_offset_seconds": of_spectrogram * 8.0,
            "label_id": ids[2 * size : 3 * size],
            "patient_id": ids[3 * size + patient] % 65_000 * size + patient,
            "expert_consensus": np.array(CLASSES)[votes.argmax(axis=1)],
            **{f"{name.lower()}_vote": votes[:, k] for k, name in enumerate(CLASSES)},
        }
    )


def write_recordings(raw: Path, part: str, rng: np.random.Generator, labels: pd.DataFrame) -> None:
    for kind, columns in (("eeg", ELECTRODES.split()), ("spectrogram", ["time", *REGIONS])):
        folder = raw / f"{part}_{kind}s"
        folder.mkdir()
        for number in labels[f"{kind}_id"].unique():
            values = rng.normal(0, 50, (4, len(columns))).astype(np.float32)
            pd.DataFrame(values, columns=columns).to_parquet(folder / f"{number}.parquet", index=False)
