from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link_files, read_csv, read_json, test_count, write_csv

TEST_NOTEBOOKS, ALL_NOTEBOOKS = 20_000, 139_256


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    ancestors = read_csv(raw / "train_ancestors.csv", dtype=str)
    orders = read_csv(raw / "train_orders.csv", dtype=str)
    shuffled = ancestors.sample(frac=1, random_state=0 if edition.is_v1 else edition.rng())
    # v1 takes 20,000 even from a smaller set, leaving no training part
    wanted = TEST_NOTEBOOKS if edition.is_v1 else test_count(len(ancestors), TEST_NOTEBOOKS, TEST_NOTEBOOKS / ALL_NOTEBOOKS)
    test_ids = whole_families(shuffled, wanted)

    in_test = orders["id"].isin(test_ids)
    test_orders = orders[in_test]
    link_files(raw / "train", public / "train", [f"{name}.json" for name in orders["id"][~in_test]])
    link_files(raw / "train", public / "test", [f"{name}.json" for name in test_orders["id"]])

    write_csv(orders[~in_test], public / "train_orders.csv")
    families = shuffled if edition.is_v1 else ancestors
    write_csv(families[~families["id"].isin(test_ids)], public / "train_ancestors.csv")
    write_csv(test_orders, private / "test_orders.csv")
    given = [" ".join(read_json(public / "test" / f"{name}.json")["cell_type"]) for name in test_orders["id"]]
    write_csv(test_orders[["id"]].assign(cell_order=given), public / "sample_submission.csv")


def whole_families(notebooks: pd.DataFrame, wanted: int) -> set[str]:
    """Ids of notebook families, taken in order of their first members while their total does not exceed `wanted`."""
    taken: set[str] = set()
    for _, ids in notebooks.groupby("ancestor_id", sort=False)["id"]:
        if len(taken) + len(ids) <= wanted:
            taken.update(ids)
    return taken
