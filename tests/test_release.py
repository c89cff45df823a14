"""What a release needs agrees with the project: notes, workflows and the version that a distribution gets."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mlebench._support.version import VERSION

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the notes of a release are made of, with a changelog of a released version."""
    for name in (".ci/release_notes.py", "mlebench/_support/version.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    sections = f"## Unreleased\n\n## {VERSION} – 2026-01-31\n\n### Added\n\n- Something.\n\n## 0.0.1 – 2025-01-01\n\n- Older.\n"
    (tmp_path / "CHANGELOG.md").write_text(sections, encoding="utf-8")
    return tmp_path


def notes(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, checkout / ".ci" / "release_notes.py", *words], capture_output=True, text=True)


def test_notes_of_a_release_are_its_section_of_the_changelog(checkout: Path) -> None:
    made = notes(checkout, f"v{VERSION}")
    assert (made.returncode, made.stdout) == (0, "### Added\n\n- Something.\n")


@pytest.mark.parametrize("tag", [VERSION, "v9.9.9", "v0.0.1"])
def test_a_tag_of_another_version_is_refused(checkout: Path, tag: str) -> None:
    refused = notes(checkout, tag)
    assert refused.returncode == 1 and f"the tag is {tag}, and mlebench/_support/version.py has {VERSION}" in refused.stderr


def test_a_version_without_entries_is_refused(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## {VERSION} – 2026-01-31\n\n## 0.0.1 – 2025-01-01\n\n- Older.\n", encoding="utf-8"
    )
    refused = notes(checkout, f"v{VERSION}")
    assert refused.returncode == 1 and f"no section `## {VERSION} – YYYY-MM-DD` with entries" in refused.stderr


def test_a_distribution_has_the_version_of_the_code() -> None:
    assert importlib.metadata.version("mlebench") == VERSION


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_what_the_project_has(workflow: Path) -> None:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    commands = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    made = {target for command in commands for target in re.findall(r"^make (\w+)", command)}
    scripts = {script for command in commands for script in re.findall(r"^(\.ci/\S+)", command)}
    assert made | scripts and made <= targets
    assert all((ROOT / script).stat().st_mode & 0o111 for script in scripts)


def test_the_whole_is_run_by_one_workflow_and_a_release_is_tried_before_it_is_published() -> None:
    texts = {path.stem: path.read_text(encoding="utf-8") for path in WORKFLOWS}
    assert "run: .ci/run" in texts["test"] and "run: make docs" in texts["docs"]
    assert texts["release"].index("make smoke") < texts["release"].index("pypi-publish")
