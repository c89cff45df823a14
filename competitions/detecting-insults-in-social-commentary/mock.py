from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, sentences, with_gaps

from .columns import COMMENTS, NUMBERED


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    train, test = comments(rng, size, "a"), comments(rng, size, "b")
    # a few texts repeat, never with another label
    test.loc[size - 2 :, ["Insult", "Comment"]] = test[["Insult", "Comment"]].head(2).to_numpy()
    test["Usage"] = np.where(rng.random(size) < 0.5, "PublicTest", "PrivateTest")

    write_csv(train, raw / "train.csv")
    write_csv(test, raw / "test_with_solutions.csv")
    unlabelled = comments(rng, 5, "c")
    write_csv(unlabelled[COMMENTS].assign(id=range(1, 6))[NUMBERED], raw / "test.csv")
    write_csv(unlabelled.assign(Insult=0), raw / "sample_submission_null.csv")
    write_csv(unlabelled.assign(Usage="PrivateTest"), raw / "impermium_verification_labels.csv")
    write_csv(unlabelled[COMMENTS], raw / "impermium_verification_set.csv")


def comments(rng: np.random.Generator, count: int, mark: str) -> pd.DataFrame:
    """Quoted comments with escaped special characters; the mark distinguishes two sets of them."""
    odd = ("\\xa0", "\\n", "\\u201cquoted\\u201d", "\\\\'")
    texts = [text.replace("\n", "\\n").encode("ascii", "backslashreplace").decode() for text in sentences(rng, count)]
    moments = pd.Timestamp("2012-03-21") + pd.to_timedelta(rng.choice(10_000_000, count, replace=False), unit="s")
    return pd.DataFrame(
        {
            "Insult": cycle([0, 0, 1], rng, count),
            "Date": with_gaps(rng, moments.strftime("%Y%m%d%H%M%SZ"), 0.15),
            "Comment": [f'"{text} {rng.choice(odd)} {mark}{k}"' for k, text in enumerate(texts)],
        }
    )
