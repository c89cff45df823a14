"""Nothing that an agent can see of a task stems from the answers, for every competition."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from mlebench.registry import SPLITS, Registry
from tests.cases import Cases
from tests.exports.harbor.conftest import Exported

IDS = [name for split in SPLITS for name in Registry().list_competition_ids(split) if split != "all"]
SMALL = 60


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in IDS])
def test_no_answer_is_in_a_task(name: str, cases: Cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even with the oracle: it is handed them by whoever runs it."""
    is_keyed = Registry().get_competition(name).facts.keyed
    competition = cases.prepared(name, "v1" if is_keyed else "v2", SMALL)
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(competition.data_dir))
    words = [name, "--edition", competition.edition.name, "--with-oracle"]
    exported = Exported(tmp_path / "tasks").export(*words)

    private = [path for path in competition.private_dir.rglob("*") if path.is_file()]
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in private}
    files = exported.files(name)
    assert private and not [path for path, content in files.items() if hashlib.sha256(content).hexdigest() in hashes]

    # what the description shows as an example is in everybody's hands, and mocks are made of its words
    texts = {**files, "instruction.md": files["instruction.md"].replace(competition.description.encode(), b"")}
    lines = answer_lines(competition.answers)
    assert not [path for path, content in texts.items() if lines & set(content.split(b"\n"))]

    metadata = exported.config(name)["metadata"]
    agents = {path: content for path, content in files.items() if path == "instruction.md" or path.startswith("environment/")}
    volume = metadata["volume"].encode() + b"\n"
    for words_of_answers in (b"private/", b"/oracle", volume, str(competition.data_dir).encode()):
        assert not [path for path, content in agents.items() if words_of_answers in content]
    compose = yaml.safe_load(files["environment/docker-compose.yaml"])
    assert [found["name"] for found in compose["volumes"].values()] == [metadata["public_volume"]]
    assert competition.data_dir / metadata["public_volume_folder"] == competition.public_dir
    assert all(mount["read_only"] for mount in compose["services"]["main"]["volumes"])


def answer_lines(answers: Path) -> set[bytes]:
    """Lines long enough to be nothing else."""
    return {line for line in answers.read_bytes().split(b"\n")[1:] if len(line) > 12}
