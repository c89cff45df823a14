"""Harbor's own check of tasks finds nothing, by any of its rules, in any of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.exports.harbor.conftest import Exported, Harbor


def export_all(exported: Exported, *words: str) -> list[Path]:
    for split in ("all", "dev", "demo", "research"):
        exported.export("--split", split, "--without-data", *words)
    assert len(exported.tasks) == 102
    return exported.tasks


def test_every_task_of_the_published_data_passes(exported: Exported, harbor: Harbor) -> None:
    assert harbor.findings(export_all(exported, "--profile", "standard")) == []


def test_every_task_of_the_corrected_data_passes(exported: Exported, harbor: Harbor, tmp_path: Path) -> None:
    """With all that may be chosen."""
    wheel = tmp_path / "mlebench-0.1.0-py3-none-any.whl"
    wheel.touch()
    network = ["--profile-set", "network=models", "--profile-set", "allow=pypi.org"]
    words = ["--edition", "v2", "--with-oracle", "--wheel", str(wheel), "--image", "mlebench/base:light", *network]
    assert harbor.findings(export_all(exported, *words)) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "rule"),
    [
        ("task.toml", "user = 1000\n", "", "root-agent"),
        ("task.toml", "[agent]\n", "[agent]\nfoo = 1\n", "unknown-config-field"),
        ("environment/docker-compose.yaml", "external: true", "driver_opts: {o: bind, device: /}", "compose-external-bind-mount"),
    ],
)
def test_a_fault_would_be_found(path: str, old: str, new: str, rule: str, exported: Exported, harbor: Harbor) -> None:
    [task] = exported.export("demo-wine", "--without-data").tasks
    text = (task / path).read_text()
    assert old in text
    (task / path).write_text(text.replace(old, new))
    if rule == "compose-external-bind-mount":
        (task / path).write_text((task / path).read_text().replace("    name: mlebench-demo-wine-v1-public\n", ""))
    assert rule in {finding["rule"] for finding in harbor.findings([task])}
