"""What a site allows is tried, not believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.sandbox.apptainer.abilities import Abilities, try_out
from mlebench.sandbox.apptainer.program import find_program
from tests.sandbox.apptainer.site import Site

NOT_ASKED_FOR = "network requires root or --fakeroot, users need to specify --network=none with --net"


def image(base_sif: Path) -> Path:
    return next(base_sif.glob("*.sif"))


@pytest.mark.parametrize(
    ("settings", "network", "sets_limits"),
    [
        ({}, "option", False),
        ({"cgroups": True}, "option", True),
        ({"network_none": False}, "namespace", False),
        ({"network_none": False, "cgroups": True}, "namespace", True),
    ],
)
def test_a_network_of_its_own_is_had_where_the_site_or_the_kernel_gives_one(
    site: Site, base_sif: Path, settings: dict[str, Any], network: str, sets_limits: bool
) -> None:
    site.change(**settings)
    assert try_out(find_program(), image(base_sif)) == Abilities(network, sets_limits, "")  # type: ignore[arg-type]


def test_where_nobody_gives_one_both_refusals_are_said(site: Site, base_sif: Path) -> None:
    site.change(network_none=False, user_namespaces=False)
    found = try_out(find_program(), image(base_sif))
    assert (found.private_network, found.runs) == (None, True)
    assert found.fault == f"{NOT_ASKED_FOR}; Failed to create user namespace: not allowed to create user namespace"


def test_a_network_that_is_said_to_be_private_and_is_not_is_found_out(site: Site, base_sif: Path) -> None:
    program = site.folder / "apptainer"
    program.write_text(program.read_text().replace('line.append("--unshare-net")', "pass"))
    found = try_out(find_program(), image(base_sif))
    # the kernel's own still holds
    assert found.private_network == "namespace"


def test_where_nothing_runs_that_is_said(site: Site, tmp_path: Path) -> None:
    found = try_out(find_program(), tmp_path / "gone.sif")
    assert (found.private_network, found.runs) == (None, False)
    assert "no such file or directory" in found.fault


def findings(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    main(["doctor", "--json"])
    return [row for row in json.loads(capsys.readouterr().out) if row["name"] == "Apptainer"]


def test_doctor_says_what_was_tried_out(with_base: Site, capsys: pytest.CaptureFixture[str]) -> None:
    [found] = findings(capsys)
    assert (found["state"], found["what"]) == (
        "ok",
        "apptainer 1.3.4-1.el9; isolates networks by --net, limits by a watchdog; tested",
    )
    with_base.change(network_none=False, user_namespaces=False)
    [found] = findings(capsys)
    assert found["state"] == "warning"
    assert "cannot isolate the network" in found["what"]
    assert "only `--network open` works" in found["mend"]


def test_doctor_says_what_is_missing_to_try_it_out(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    [found] = findings(capsys)
    assert found["what"] == "apptainer 1.3.4-1.el9; not tested, as there is no image"
    site.change(version="apptainer version 1.0.0")
    [found] = findings(capsys)
    assert "load Apptainer 1.1" in found["mend"]
    # where there is none, nobody misses it
    site.remove()
    monkeypatch.setenv("PATH", "/nowhere")
    assert findings(capsys) == []
