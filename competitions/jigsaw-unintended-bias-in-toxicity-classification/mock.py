from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import MISSING_LOOKING, sentences

SUBTYPES = ("severe_toxicity", "obscene", "sexual_explicit", "identity_attack", "insult", "threat")
IDENTITIES = (
    "male", "female", "transgender", "other_gender", "heterosexual", "homosexual_gay_or_lesbian", "bisexual",
    "other_sexual_orientation", "christian", "jewish", "muslim", "hindu", "buddhist", "atheist", "other_religion", "black",
    "white", "asian", "latino", "other_race_or_ethnicity", "physical_disability", "intellectual_or_learning_disability",
    "psychiatric_or_mental_illness", "other_disability",
)  # fmt: skip
METADATA = ("created_date", "publication_id", "parent_id", "article_id", "rating", "funny", "wow", "sad", "likes", "disagree")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    train, test = comments(rng, size, 59_848), comments(rng, size, 7_097_320)
    labels = ["severe_toxicity", "obscene", "identity_attack", "insult", "threat"]
    counts = ["identity_annotator_count", "toxicity_annotator_count"]
    train = train.rename(columns={"toxicity": "target"})[
        ["id", "target", "comment_text", *labels, *sorted(IDENTITIES), *METADATA, "sexual_explicit", *counts]
    ]
    test = test[["id", "comment_text", *METADATA, "toxicity", *SUBTYPES, *IDENTITIES, *counts]]

    write_csv(train, raw / "train.csv")
    write_csv(test, raw / "test_private_expanded.csv")
    write_csv(test.assign(id=test["id"] - 97_320), raw / "test_public_expanded.csv")
    write_csv(test[["id", "comment_text"]], raw / "test.csv")
    write_csv(test[["id"]].assign(prediction=0.0), raw / "sample_submission.csv")


def comments(rng: np.random.Generator, size: int, first_id: int) -> pd.DataFrame:
    """Comments such that every identity is mentioned in some toxic and some other ones, and absent from some of both."""
    toxicity = rng.choice([0.0, 0.166667, 0.4, 0.5, 0.7, 1.0], size)
    mentions = rng.choice([0.0, 0.25, 0.5, 1.0], (size, len(IDENTITIES)))
    toxicity[:4] = [0.0, 0.4, 0.5, 1.0]
    mentions[:4] = np.array([0.0, 0.5, 0.0, 0.5])[:, None]
    # identities were rated for part of the comments
    mentions[4:][rng.random(size - 4) < 0.4] = np.nan
    return pd.DataFrame(
        {
            "id": range(first_id, first_id + size),
            "comment_text": [*MISSING_LOOKING, *sentences(rng, size - len(MISSING_LOOKING), 3, 40)],
            "created_date": "2015-09-29 10:50:41.987077+00",
            "publication_id": rng.integers(2, 110, size),
            "parent_id": np.where(rng.random(size) < 0.4, np.nan, rng.integers(1, 10**6, size)),
            "article_id": rng.integers(2_000, 400_000, size),
            "rating": rng.choice(["approved", "rejected"], size),
            **{reaction: rng.poisson(0.5, size) for reaction in METADATA[5:]},
            "toxicity": toxicity,
            **{name: (toxicity * rng.random(size)).round(6) for name in SUBTYPES},
            **{name: mentions[:, k] for k, name in enumerate(IDENTITIES)},
            "identity_annotator_count": rng.integers(0, 10, size),
            "toxicity_annotator_count": rng.integers(4, 10, size),
        }
    )
