"""The page says under which conditions results were reached, whoever wrote the group's manifest, and links what goes with it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from mlebench._support.files import write_yaml
from mlebench._support.machine import this_machine
from mlebench._support.yaml_model import read_yaml
from mlebench.reports.document import make_report
from mlebench.reports.page import make_page
from mlebench.runs.group import Group
from mlebench.runs.regrade import regrade_group
from tests.reports.toys import make_group

EVIL = "<img src=x>\x1b[31m\u202e"


@pytest.fixture
def group(toys: Path, tmp_path: Path) -> Group:
    group = make_group(tmp_path / "runs", toys, {"toy-one": [0.05], "toy-two": [None]}, arguments={"steps": 7, "note": EVIL})
    regrade_group(group.folder)
    return group


def page_of(group: Group, folder: Path | None = None, **manifest: Any) -> str:
    """The group's page for a folder, after its manifest was written anew."""
    path = group.folder / "group.yaml"
    write_yaml(path, {**read_yaml(path), "manifest": manifest})
    return make_page(make_report([group.folder]), folder or group.folder)


def conditions_in(page: str) -> dict[str, str]:
    """Names and values in the page's last section."""
    section = page[page.index('<section id="conditions">') :]
    return {name: unescape(value) for name, value in re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", section)}


def test_group_harness_arguments_limits_and_hardware_are_told(group: Group) -> None:
    machine = this_machine()
    page = page_of(group, harness={"version": "1.2.3", "commit": "0123456789abcdef"}, hardware=machine.to_dict())

    told = conditions_in(page)
    assert (told["Groups"], told["Harness"]) == ("group", "1.2.3 (0123456789ab)")
    assert "steps = 7" in told["Arguments"] and "model = m-1" in told["Arguments"]
    assert "time limit = 2 h" in told["Limits"]
    assert told["Hardware"].startswith(f"{machine.cpus} × ") and machine.hostname not in told["Hardware"]
    assert told["Sandbox"] == "docker"
    assert "at most 2 h" in page


def test_text_of_agents_and_manifests_is_text(group: Group) -> None:
    hardware = {"cpus": 1, "cpu_model": EVIL, "gpus": [{"name": EVIL}]}
    page = page_of(group, harness={"version": EVIL, "commit": EVIL}, hardware=hardware)

    assert "<img" not in page and "\x1b" not in page and "\u202e" not in page
    told = conditions_in(page)
    assert all("<img src=x>" in told[name] for name in ("Arguments", "Harness", "Hardware"))


@pytest.mark.parametrize("hardware", [None, "fast", [], {"cpus": "many", "memory": {}, "gpus": 3}, {"gpus": ["H200", None]}])
def test_a_manifest_in_another_form_leaves_the_hardware_open(group: Group, hardware: Any) -> None:
    assert conditions_in(page_of(group, hardware=hardware))["Hardware"] == "–"


def test_a_manifest_without_circumstances_leaves_the_series_of_the_conditions(group: Group) -> None:
    assert conditions_in(page_of(group))["Harness"] == group.conditions.harness


def test_files_are_linked_where_they_go_with_the_page(group: Group, tmp_path: Path) -> None:
    inside = page_of(group, group.folder)
    links = re.findall(r'<a href="([^#"]+)"', inside)
    assert "toy-one_seed0/run.log" in links
    assert all((group.folder / link).exists() and not link.startswith("..") for link in links)
    assert "are not linked" not in inside

    outside = page_of(group, tmp_path / "elsewhere")
    assert not re.findall(r'<a href="([^#"]+)"', outside)
    assert "The runs’ files are not linked" in outside
    assert "group/toy-one_seed0" in outside, "where they lie is said as text"


def test_a_link_of_an_agent_is_not_linked(group: Group) -> None:
    run = group.folder / "toy-one_seed0"
    (run / "code").symlink_to("/etc")
    assert "toy-one_seed0/code" not in page_of(group, group.folder)
