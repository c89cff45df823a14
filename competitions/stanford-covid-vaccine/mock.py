import io
import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import link, write_csv
from mlebench.data.mocking import cycle, hex_ids

from .targets import TARGETS

LENGTH, SCORED = 107, 68
TAIL = "AAAAGAAACAACAACAACAAC"
COLUMNS = (
    "index", "id", "sequence", "structure", "predicted_loop_type", "signal_to_noise", "SN_filter", "seq_length", "seq_scored",
)  # fmt: skip
ERRORS = ("reactivity_error", "deg_error_Mg_pH10", "deg_error_pH10", "deg_error_Mg_50C", "deg_error_50C")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    ids = [f"id_{digits}" for digits in hex_ids(rng, size + size // 4, 9)]
    sequences = make_sequences(rng, len(ids))
    passing = cycle([1.0, 1.0, 0.0], rng, size)
    train = [describe(rng, k, ids[k], sequences[k]) | measure(rng, passing[k]) for k in range(size)]
    test = [describe(rng, k, ids[size + k], sequences[size + k]) for k in range(size // 4)]
    write_json_lines(raw / "train.json", train)
    write_json_lines(raw / "test.json", test)
    positions = [f"{molecule['id']}_{k}" for molecule in test for k in range(LENGTH)]
    write_csv(pd.DataFrame({"id_seqpos": positions}).assign(**dict.fromkeys(TARGETS, 0.0)), raw / "sample_submission.csv")
    write_pairing(raw / "bpps", rng, ids)


def make_sequences(rng: np.random.Generator, count: int) -> list[str]:
    """Designs in small families of near copies, as players made them."""
    designs = rng.choice(list("AGUC"), (count, LENGTH))
    copies = rng.integers(0, count, count // 3)
    designs[rng.permutation(count)[: len(copies)]] = designs[copies]
    mutated = rng.random(designs.shape) < 0.04
    designs[mutated] = rng.choice(list("AGUC"), mutated.sum())
    return ["GGAAA" + "".join(row[5 : -len(TAIL)]) + TAIL for row in designs]


def describe(rng: np.random.Generator, index: int, name: str, sequence: str) -> dict:
    return {
        "index": index,
        "id": name,
        "sequence": sequence,
        "structure": "." * 10 + "(" * 20 + "...." + ")" * 20 + "." * (LENGTH - 54),
        "predicted_loop_type": "".join(rng.choice(list("SMIBHEX"), LENGTH)),
        "seq_length": LENGTH,
        "seq_scored": SCORED,
    }


def measure(rng: np.random.Generator, passing: float) -> dict:
    values = {name: rng.gamma(1, 0.4, SCORED).round(4).tolist() for name in (*ERRORS, *TARGETS)}
    return {"signal_to_noise": round(float(rng.uniform(0, 9)), 3), "SN_filter": passing, **values}


def write_json_lines(path: Path, molecules: list[dict]) -> None:
    with path.open("w") as file:
        for molecule in molecules:
            file.write(json.dumps({name: molecule[name] for name in (*COLUMNS, *ERRORS, *TARGETS) if name in molecule}) + "\n")


def write_pairing(folder: Path, rng: np.random.Generator, ids: list[str]) -> None:
    """One matrix per molecule; a few different ones are enough."""
    folder.mkdir()
    for number, name in enumerate(ids):
        if number < 5:
            buffer = io.BytesIO()
            np.save(buffer, rng.random((LENGTH, LENGTH)).astype(np.float32))
            (folder / f"{name}.npy").write_bytes(buffer.getvalue())
        else:
            link(folder / f"{ids[number % 5]}.npy", folder / f"{name}.npy")
