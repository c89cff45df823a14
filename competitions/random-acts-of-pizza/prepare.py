import json
from pathlib import Path

import pandas as pd

from mlebench.data import Edition, Member, read_json, write_csv, write_zip
from mlebench.data.raw_faults import damaged


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    requests, unlabelled = read_requests(raw / "train.json"), read_requests(raw / "test.json")
    train, test = edition.split(requests, test_size=len(unlabelled) / (len(requests) + len(unlabelled)))
    if lacking := unlabelled[0].keys() - requests[0].keys():
        raise damaged(raw / "train.json", f"it lacks fields of test.json: {', '.join(sorted(lacking))}")
    shown = [field for field in unlabelled[0] if edition.is_v1 or field != "giver_username_if_known"]

    write_requests(train, public, "train", edition)
    write_requests([{field: request[field] for field in shown} for request in test], public, "test", edition)
    answers = pd.DataFrame(test)[["request_id", "requester_received_pizza"]].astype({"requester_received_pizza": int})
    write_csv(answers, private / "test.csv")
    write_csv(answers.assign(requester_received_pizza=0), public / "sampleSubmission.csv")


def read_requests(path: Path) -> list[dict]:
    requests = read_json(path)
    if not requests or any(request.keys() != requests[0].keys() for request in requests):
        raise damaged(path, "it contains no requests, or requests with different fields")
    return requests


def write_requests(requests: list[dict], public: Path, name: str, edition: Edition) -> None:
    """Write the requests as JSON, both plain and in an archive."""
    path = public / f"{name}.json"
    path.write_text(json.dumps(requests, indent=4), encoding="utf-8")
    archive = f"{name}.zip" if edition.is_v1 else f"{name}.json.zip"
    write_zip(public / archive, [Member(path.name, path)])
