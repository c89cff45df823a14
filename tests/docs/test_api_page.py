"""`docs/api.md` is what the docstrings say, its links lead somewhere, and every example in them runs."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import re
import shutil
from pathlib import Path

import pytest

import mlebench

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
spec = importlib.util.spec_from_file_location("api_page", ROOT / "docs" / "api_page.py")
assert spec and spec.loader
api_page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(api_page)
FUNCTIONS = [name for names in api_page._GROUPS.values() for name in names if inspect.isfunction(getattr(mlebench, name))]


def test_the_page_is_up_to_date() -> None:
    assert api_page.api_page() == PAGE, "`python docs/generate.py` writes docs/api.md"


def test_links_within_the_page_lead_to_one_heading() -> None:
    headings = [re.sub(r"\s", "-", heading.lower()) for heading in re.findall(r"^#+ (.*)$", PAGE, flags=re.MULTILINE)]
    links = re.findall(r"\]\(#([^)]*)\)", PAGE)
    assert len(links) == len(mlebench.__all__) - len({"__version__", "registry"})
    assert [link for link in links if headings.count(link) != 1] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_everything(name: str) -> None:
    function = getattr(mlebench, name)
    signature = inspect.signature(function)
    assert "" not in {parameter.annotation or "" for parameter in signature.parameters.values()}
    text = inspect.getdoc(function) or ""
    [described] = re.findall(r"^Args:\n(.*?)(?=^\S|\Z)", text, flags=re.DOTALL | re.MULTILINE) or [""]
    assert re.findall(r"^    (\w+):", described, flags=re.MULTILINE) == list(signature.parameters)
    assert "Returns:\n" in text and "Example:\n" in text


def test_every_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("MLEBENCH_RUNS_DIR", raising=False)
    wine = mlebench.prepare("demo-wine")
    shutil.copy(wine.sample_submission, "submission.csv")
    Path("submissions.jsonl").write_text('{"competition_id": "demo-wine", "submission_path": "submission.csv"}\n')
    mlebench.run(agents="dummy", competitions=["demo-wine"], sandbox="plain", name="first")
    runner = doctest.DocTestRunner(verbose=False)
    report: list[str] = []
    for name in [name for name in FUNCTIONS if name != "run"]:
        [example] = doctest.DocTestFinder(recurse=False).find(getattr(mlebench, name), name, globs={"mlebench": mlebench})
        runner.run(example, out=report.append)
    assert (runner.failures, runner.tries > len(FUNCTIONS)) == (0, True), "".join(report)
