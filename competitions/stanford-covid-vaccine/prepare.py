from pathlib import Path

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from mlebench.data import Edition, link_files, write_csv
from mlebench.data.raw_faults import damaged, unreadable

from .targets import TARGETS


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    molecules = read_molecules(raw / "train.json")
    shown = read_molecules(raw / "test.json").columns
    train, test = draw_test(molecules, edition)

    write_json_lines(train, public / "train.json")
    write_json_lines(test[shown], public / "test.json")
    answers = pd.concat([list_positions(molecule) for molecule in test.to_dict("records")])
    write_csv(answers, private / "test.csv", float_format="%.10f")
    sample = answers.drop(columns="keep").assign(**dict.fromkeys(TARGETS, 0.0))
    write_csv(sample, public / "sample_submission.csv", float_format="%.10f")
    if not edition.is_v1:
        link_files(raw / "bpps", public / "bpps", (f"{name}.npy" for name in [*train["id"], *test["id"]]))


def read_molecules(path: Path) -> pd.DataFrame:
    try:
        molecules = pd.read_json(path, lines=True)
    except ValueError as error:
        raise unreadable(path, "json", error) from None
    if molecules.empty:
        raise damaged(path, "it contains no molecules")
    return molecules


def draw_test(molecules: pd.DataFrame, edition: Edition) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A tenth of the molecules that pass the quality filter; train and test keep the file order."""
    count = int(len(molecules) * 0.1)
    passing = molecules["SN_filter"] > 0
    if edition.is_v1:
        in_test = molecules.index.isin(molecules[passing].sample(n=count, random_state=0).index)
        return molecules[~in_test], molecules[in_test]
    clusters = pd.Series(cluster(molecules["sequence"]), index=molecules.index)
    in_test = clusters.isin(draw_clusters(clusters[passing], count, edition.rng()))
    return molecules[~in_test], molecules[in_test & passing]


def cluster(sequences: pd.Series) -> np.ndarray:
    """Number the clusters of similar sequences: average linkage, joined while half of the bases agree on average.

    Bases that nearly all molecules share, such as the common tail, are ignored.
    """
    bases = sequences.str.ljust(sequences.str.len().max()).map(list).tolist()
    codes = pd.DataFrame(bases).apply(lambda column: pd.factorize(column)[0])
    varying = codes.loc[:, [column.value_counts(normalize=True).iloc[0] < 0.9 for _, column in codes.items()]]
    if varying.empty:
        return np.zeros(len(sequences), dtype=int)
    return fcluster(linkage(pdist(varying, "hamming"), "average"), t=0.5, criterion="distance")


def draw_clusters(clusters: pd.Series, count: int, rng: np.random.Generator) -> list[int]:
    """Clusters in random order while their total is at most `count` molecules; clusters that are too large are skipped."""
    sizes = clusters.value_counts().sort_index()
    drawn, held = [], 0
    for name in rng.permutation(sizes.index):
        if held + sizes[name] <= count:
            drawn.append(name)
            held += sizes[name]
    if not drawn:
        raise damaged("train.json", f"no cluster of similar molecules is small enough for a test set of {count}")
    return drawn


def write_json_lines(molecules: pd.DataFrame, path: Path) -> None:
    molecules.assign(index=range(len(molecules))).to_json(path, orient="records", lines=True)


def list_positions(molecule: dict) -> pd.DataFrame:
    """One row per base; those beyond the measured ones are zero and not scored."""
    length, scored = molecule["seq_length"], molecule["seq_scored"]
    if any(len(molecule[target]) != scored for target in TARGETS):
        raise damaged("train.json", f"molecule {molecule['id']} lacks measurements")
    padding = [0.0] * (length - scored)
    return pd.DataFrame(
        {
            "id_seqpos": [f"{molecule['id']}_{position}" for position in range(length)],
            **{target: [*molecule[target], *padding] for target in TARGETS},
            "keep": [position < scored for position in range(length)],
        }
    )
