import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Member, write_csv, write_zip
from mlebench.data.mocking import cycle_in_test, sentences

COUNTS = (
    "requester_number_of_comments", "requester_number_of_comments_in_raop", "requester_number_of_posts",
    "requester_number_of_posts_on_raop", "requester_upvotes_minus_downvotes", "requester_upvotes_plus_downvotes",
)  # fmt: skip
DAYS = ("requester_account_age_in_days", "requester_days_since_first_post_on_raop")
ONLY_IN_TRAIN = (
    "number_of_downvotes_of_request_at_retrieval", "number_of_upvotes_of_request_at_retrieval", "post_was_edited",
    "request_number_of_comments_at_retrieval", "request_text", "requester_received_pizza", "requester_user_flair",
    *(f"{name}_at_retrieval" for name in (*COUNTS, *DAYS)),
)  # fmt: skip


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    test_size = max(1, size * 2 // 5)
    granted = cycle_in_test([True, False, False, False], rng, size, "random-acts-of-pizza", test_size / (size + test_size))
    ids = [f"t3_{np.base_repr(number, 36).lower()}" for number in rng.choice(10**8, size + test_size, replace=False)]
    train = [make_request(rng, *pair) for pair in zip(ids, granted, strict=False)]
    test = [without_hindsight(make_request(rng, name, False)) for name in ids[size:]]
    for name, requests in (("train", train), ("test", test)):
        path = raw / f"{name}.json"
        path.write_text(json.dumps(requests, indent=2), encoding="utf-8")
        write_zip(raw / f"{path.name}.zip", [Member(path.name, path)])
    write_csv(pd.DataFrame({"request_id": ids[size:], "requester_received_pizza": 0}), raw / "sampleSubmission.csv")


def make_request(rng: np.random.Generator, name: str, granted: bool) -> dict:
    text, title = sentences(rng, 2)
    posted = float(rng.integers(1_291_780_000, 1_380_400_000))
    numbers = {f"{field}_{when}": int(rng.integers(0, 500)) for field in COUNTS for when in ("at_request", "at_retrieval")}
    days = {f"{field}_{when}": float(rng.uniform(0, 900)) for field in DAYS for when in ("at_request", "at_retrieval")}
    request = {
        # the giver is known only for some of the granted requests
        "giver_username_if_known": str(rng.choice(["N/A", "kind_stranger"])) if granted else "N/A",
        "number_of_downvotes_of_request_at_retrieval": int(rng.integers(0, 9)),
        "number_of_upvotes_of_request_at_retrieval": int(rng.integers(0, 99)),
        "post_was_edited": posted + 3600.0 if rng.random() < 0.074 else bool(rng.random() < 0.03),
        "request_id": name,
        "request_number_of_comments_at_retrieval": int(rng.integers(0, 30)),
        "request_text": f'{text}\n\nEDIT: thanks "all" <3',
        "request_text_edit_aware": text,
        "request_title": f"[REQUEST] {title}",
        "requester_number_of_subreddits_at_request": 2,
        "requester_received_pizza": granted,
        "requester_subreddits_at_request": ["AskReddit", "funny"],
        "requester_user_flair": str(rng.choice(["shroom", "PIF"])) if granted else None,
        "requester_username": f"user_{name}",
        "unix_timestamp_of_request": posted,
        "unix_timestamp_of_request_utc": posted - float(rng.choice([0, 3600], p=[0.23, 0.77])),
    }
    return dict(sorted({**request, **numbers, **days}.items()))


def without_hindsight(request: dict) -> dict:
    return {field: value for field, value in request.items() if field not in ONLY_IN_TRAIN}
