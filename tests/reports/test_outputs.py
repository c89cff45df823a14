"""`mlebench report` in all its forms, over the whole benchmark."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.registry import registry
from mlebench.reports.published_results import Percentage, published_results
from tests.reports.builders import report, seed_of, write_aggregate

# medals by seed; as means ± standard errors these are the published figures of one leaderboard entry
MEDALS = {"low": (18, 17, 18), "medium": (21, 22, 23), "high": (6, 6, 7)}
PUBLISHED_ENTRY = {"low": (80.30, 1.52), "medium": (57.89, 1.52), "high": (42.22, 2.22), "all": (61.33, 1.33)}


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree-search")
    for seed in range(3):
        outcomes = {}
        for split, medals in MEDALS.items():
            ids = registry.list_competition_ids(split)
            outcomes |= {name: "silver" if place < medals[seed] else "none" for place, name in enumerate(ids)}
        write_aggregate(folder / f"2026-02-0{seed + 1}_grading_report.json", seed_of(outcomes))
    return folder


def output(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert main(["report", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_json_gives_the_published_figures(benchmark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(output(capsys, benchmark, "--json"))

    found = {name: split["metrics"]["any_medal_percentage"] for name, split in document["splits"].items()}
    rounded = {name: (round(figure["mean"], 2), round(figure["standard_error"], 2)) for name, figure in found.items()}
    assert rounded == PUBLISHED_ENTRY
    for split in document["splits"].values():
        assert len(split["metrics"]) == 7
        for figure in split["metrics"].values():
            assert 0 <= figure["ci_lower"] <= figure["mean"] <= figure["ci_upper"] <= 100
    assert len(document["competitions"]) == 75
    assert all(len(row["runs"]) == 3 for row in document["competitions"])


def test_one_split_alone(benchmark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(output(capsys, benchmark / "*.json", "--split", "high", "--json"))

    assert list(document["splits"]) == ["high"]
    assert document["splits"]["high"]["per_seed"] == pytest.approx([40, 40, 100 * 7 / 15])


def test_markdown_row(benchmark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(
        capsys, benchmark, "--markdown", "--name", "Tree", "--models", "m-1", "--hours", "12", "--compare", "published"
    ).splitlines()

    assert lines[0].startswith("| Agent | Models | Low (%) |")
    assert lines[2] == ("| Tree | m-1 | 80.30 ± 1.52 | 57.89 ± 1.52 | 42.22 ± 2.22 | 61.33 ± 1.33 | 12 h | 2026-03-01 | v1 |")
    assert sum("±" in line for line in lines) == 1 + len(published_results())


def test_csv_has_a_row_for_every_run(benchmark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(output(capsys, benchmark, "--csv").splitlines()))

    assert len(rows) == 225
    assert sum(row["medal"] == "silver" for row in rows) == 53 + 66 + 19
    assert {row["seed"] for row in rows} == {"0", "1", "2"}


def test_terminal_tables(benchmark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, benchmark, "--details", "--compare", "published")

    assert "61.33 ± 1.33" in text
    assert "leaf-classification" in text
    assert "17.12 ± 0.61" in text


def test_missing_reports_are_refused_or_padded(benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads((benchmark / "2026-02-01_grading_report.json").read_text())
    kept = [
        entry for entry in content["competition_reports"] if entry["competition_id"] not in ("AI4Code", "leaf-classification")
    ]
    path = tmp_path / "gap.json"
    path.write_text(json.dumps({"competition_reports": kept}))

    assert main(["report", str(path)]) == 2
    refusal = capsys.readouterr().err
    assert "lacks 1 reports for low: leaf-classification, seed 0" in refusal
    assert "--pad-missing" in refusal

    padded = json.loads(output(capsys, path, "--pad-missing", "--json"))["splits"]
    assert padded["all"]["padded"] == ["AI4Code, seed 0", "leaf-classification, seed 0"]
    assert padded["high"]["padded"] == []
    assert "†" in output(capsys, path, "--pad-missing", "--markdown")


def test_comparison_with_another_report(benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write_aggregate(tmp_path / "other.json", [report(name, "none") for name in registry.list_competition_ids("all")])

    document = json.loads(output(capsys, benchmark, "--compare", other, "--split", "all", "--json"))

    (comparison,) = document["comparisons"]
    assert comparison["any_medal_difference"] == pytest.approx(100 * 46 / 75)
    assert comparison["medal_sign_test"]["losses"] == 0
    assert comparison["medal_sign_test"]["p_value"] < 1e-6
    assert document["others"][0]["splits"]["all"]["metrics"]["any_medal_percentage"]["mean"] == 0


def test_published_table_holds_the_leaderboard() -> None:
    results = published_results()

    aide = next(entry for entry in results if entry.agent == "AIDE" and entry.models == "o1-preview")
    assert (aide.any_medal["all"].mean, aide.any_medal["all"].standard_error, aide.hours) == (17.12, 0.61, 24)
    on_board = [entry for entry in results if entry.on_board]
    means = [entry.any_medal["all"].mean for entry in on_board if entry.any_medal["all"] is not None]
    assert len(on_board) == len(means) == 29
    assert means == sorted(means, reverse=True)
    assert [entry.agent for entry in results if entry.uses_known_leaks] == ["Disarray", "LoongFlow"]


def test_results_claimed_since_the_board_was_paused_are_marked_and_what_they_do_not_state_is_unknown() -> None:
    claimed = {entry.agent: entry for entry in published_results() if not entry.on_board}

    assert {entry.date.year for entry in claimed.values()} == {2026}
    assert all(entry.source.startswith("https://") and entry.uses_known_leaks is None for entry in claimed.values())
    assert claimed["ScienceFlow"].any_medal["all"] == Percentage(70.22, 1.18)
    assert claimed["BaguetteFlow"].any_medal["all"] == Percentage(65.3, None)
    assert (claimed["BaguetteFlow"].models, claimed["BaguetteFlow"].hours) == (None, None)
    assert claimed["Orze"].any_medal == {"low": Percentage(90.91, None), "medium": None, "high": None, "all": None}


def test_claims_show_as_such_in_every_output(benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    printed = output(capsys, benchmark, "--compare", "published", "--html", page)
    markdown = output(capsys, benchmark, "--compare", "published", "--markdown")
    document = json.loads(output(capsys, benchmark, "--compare", "published", "--json"))

    assert "Orze ‡" in printed and "‡ claimed, not on the board" in printed
    assert (
        "| Orze (claimed, not on the board) | Claude Opus 4, Moonshot v1 | 90.91 ± – | – | – | – | 24 h | 2026-05-14 | v1 |"
        in markdown
    )
    assert page.read_text().count("claimed, not on the board") == 3
    orze = next(entry for entry in document["published"]["results"] if entry["agent"] == "Orze")
    assert (orze["on_board"], orze["any_medal"]["all"], orze["uses_known_leaks"]) == (False, None, None)


def test_wrong_usage_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "nothing.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_reasons_are_counted_over_all_splits(benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    low, high = (registry.list_competition_ids(split) for split in ("low", "high"))
    path = write_aggregate(tmp_path / "r_grading_report.json", seed_of(dict.fromkeys(low + high, "invalid")))
    output(capsys, path, "--split", "low", "--split", "high", "--html", tmp_path / "page.html")
    assert f"{len(low + high)} × no reason recorded" in (tmp_path / "page.html").read_text()


def test_brackets_in_names_are_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_aggregate(tmp_path / "r_grading_report.json", [report("spaceship-titanic", "gold")])
    words = (path, "--name", "agent [bold]", "--models", "m [/x]", "--compare", "published")
    shown = output(capsys, *words)
    assert "agent [bold]" in shown and "m [/x]" in shown


def test_one_seed_and_one_competition_claim_no_certainty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_aggregate(tmp_path / "r_grading_report.json", [report("spaceship-titanic", "gold")])
    page = tmp_path / "page.html"

    document = json.loads(output(capsys, path, "--json", "--html", page))

    split = document["splits"]["selection"]
    unknown = {"standard_error": None, "ci_lower": None, "ci_upper": None}
    assert split["metrics"]["any_medal_percentage"] == {"mean": 100, **unknown}
    assert split["bootstrap"] is None
    notes = [
        "selection: one seed, so the standard error and the interval over seeds are unknown (–)",
        "selection: one competition, so the interval over competitions is unknown (–)",
    ]
    assert document["notes"] == notes
    shown, markdown, html = " ".join(output(capsys, path).split()), output(capsys, path, "--markdown"), page.read_text()
    for text in (shown, markdown, html):
        assert "± 0.00" not in text
        assert "100.0 … 100.0" not in text
    assert "100.00 ± –" in shown and "100.00 ± –" in html
    for note in notes:
        assert note in shown and note in html


def test_text_of_others_is_neither_obeyed_nor_computed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By a terminal, a spreadsheet, a table in Markdown or a browser."""
    odd = "=cmd\x1b[31m|x\n<b>\x9b\u202e\udcff"
    path = tmp_path / "r.json"
    entries = [report("spaceship-titanic", "invalid", error=odd), report(f"x{odd}", "none")]
    path.write_text(json.dumps({"competition_reports": [entry.to_dict() for entry in entries]}))
    page = tmp_path / "page.html"

    texts = [output(capsys, path, "--name", odd, flag) for flag in ("--details", "--csv", "--markdown", "--json")]
    output(capsys, path, "--name", odd, "--html", page)

    for text in (*texts, page.read_text(encoding="utf-8")):
        assert all(line.isprintable() for line in text.split("\n"))
    rows = list(csv.DictReader(texts[1].splitlines()))
    assert {row["name"][:5] for row in rows} == {"'=cmd"}
    assert any(row["error"].startswith("'=cmd\\x1b") for row in rows)
    assert "\\|x" in texts[2]
    assert odd in json.loads(texts[3])["results"]["name"]
    assert "<b>\\x9b" not in page.read_text(encoding="utf-8")


def test_a_page_appears_whole_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_aggregate(tmp_path / "r.json", [report("spaceship-titanic", "gold")])
    page = tmp_path / "page.html"
    page.write_text("before")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert main(["report", str(path), "--html", str(page)]) == 1
    assert capsys.readouterr().err == "mlebench report: No space left on device\n"
    assert page.read_text() == "before"


@pytest.mark.parametrize("hours", ["nan", "inf", "-1", "0", "many"])
def test_hours_are_a_number_above_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str], hours: str) -> None:
    assert main(["report", str(tmp_path), f"--hours={hours}"]) == 2
    assert "expected hours such as 24 or 0.5" in capsys.readouterr().err


def test_competitions_that_are_not_installed_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_aggregate(tmp_path / "r.json", [report("spaceship-titanik", "gold"), report("spaceship-titanic", "gold")])
    notes = json.loads(output(capsys, path, "--json"))["notes"]
    assert "not installed here, so only the id is known: spaceship-titanik" in notes
