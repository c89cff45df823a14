from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, LargeTable, link, link_tree, read_csv, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    # v1 reads article ids as numbers and loses their leading zero
    purchases = LargeTable.scan(raw / "transactions_train.csv", dtype=None if edition.is_v1 else {"article_id": str})
    in_test = find_test_rows(purchases.columns(["t_dat"])["t_dat"], edition)
    test = purchases.take(np.flatnonzero(in_test))

    purchases.write(np.flatnonzero(~in_test), public / "transactions_train.csv")
    bought = list_by_customer(test)
    if not edition.is_v1:
        customers = read_csv(raw / "sample_submission.csv", usecols=["customer_id"])["customer_id"].sort_values()
        bought = bought.set_index("customer_id").reindex(customers, fill_value="").reset_index()
    write_csv(bought, private / "answers.csv")

    for name in ("articles.csv", "customers.csv", "sample_submission.csv"):
        link(raw / name, public / name)
    link_tree(raw / "images", public / "images")


def find_test_rows(dates: pd.Series, edition: Edition) -> np.ndarray:
    """Mark the last days: seven, or eight in v1, whose window includes the day a week before the last."""
    days = dates.astype("datetime64[ns]")
    week_before = days.max() - pd.Timedelta(days=7)
    return np.asarray(days >= week_before if edition.is_v1 else days > week_before)


def list_by_customer(purchases: pd.DataFrame) -> pd.DataFrame:
    """The articles of each customer in the order of purchase, separated by blanks, customers sorted."""
    articles = purchases["article_id"].astype(str).groupby(purchases["customer_id"]).agg(" ".join)
    return articles.rename("prediction").reset_index()
