"""The program is found, known to be new enough, and sees no variable that would open the walls."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.sandbox.apptainer.program import find_program
from tests.sandbox.apptainer.site import Site


def test_apptainer_is_taken_before_singularity(site: Site, tmp_path: Path) -> None:
    other = Site.make(site.folder, tmp_path / "unpacked", "singularity", version="singularity-ce version 4.1.0")
    other.change(version="apptainer version 1.3.4-1.el9")
    found = find_program()
    assert (found.path, found.name, found.version) == (str(site.folder / "apptainer"), "apptainer", "1.3.4-1.el9")


def test_singularity_serves_where_there_is_no_apptainer(site: Site, tmp_path: Path) -> None:
    (site.folder / "apptainer").unlink()
    Site.make(site.folder, tmp_path / "unpacked", "singularity", version="singularity-ce version 4.1.0")
    found = find_program()
    assert (found.name, found.version) == ("singularity-ce", "4.1.0")
    assert found.environment({"KEY": "value"})["SINGULARITYENV_KEY"] == "value"


def test_where_there_is_none_the_sentence_says_how_to_get_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(site.folder / "nowhere"))
    with pytest.raises(UsageError, match=r"Apptainer was not found; .*module load apptainer"):
        find_program()


@pytest.mark.parametrize("version", ["apptainer version 1.0.3", "singularity version 3.8.7", "singularity-ce version 3.9.2"])
def test_one_that_cannot_keep_an_agent_in_is_too_old(site: Site, version: str) -> None:
    site.change(version=version)
    with pytest.raises(UsageError, match=r"lacks options .* load Apptainer 1\.1, SingularityCE 3\.10 or newer"):
        find_program()


def test_a_program_that_says_no_version_is_none_of_them(site: Site) -> None:
    site.change(version="\x1b[2J usage: apptainer")
    with pytest.raises(UsageError, match=r"does not report its version .*\\x1b"):
        find_program()


def test_variables_that_are_options_are_not_handed_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("APPTAINER_BIND", "APPTAINER_BINDPATH", "APPTAINER_MOUNT", "SINGULARITY_BIND", "APPTAINER_NV", "APPTAINERENV_X"):
        monkeypatch.setenv(name, "/scratch")
    for name in ("APPTAINER_CACHEDIR", "APPTAINER_TMPDIR"):
        monkeypatch.setenv(name, "/local")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-harness")
    environment = find_program().environment({"KEY": "$(id)", "HOME": "/elsewhere"})
    assert {name: value for name, value in environment.items() if "APPTAINER" in name or "SINGULARITY" in name} == {
        "APPTAINER_CACHEDIR": "/local",
        "APPTAINER_TMPDIR": "/local",
        "APPTAINERENV_KEY": "$(id)",
    }
    assert "OPENAI_API_KEY" not in environment


def test_what_failed_is_said_in_one_line(site: Site) -> None:
    answer = find_program().ask(["exec", "--no-such-option", "image.sif", "true"])
    assert (answer.is_well, answer.said) == (False, "unknown flag: --no-such-option")
