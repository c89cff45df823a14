"""How report files become seeds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.reports.places import load_results
from mlebench.runs.regrade import regrade_group
from tests.reports.builders import report, seed_of, write_aggregate
from tests.reports.toys import make_group

ALL = {"a": "gold", "b": "none", "c": "bronze"}


def seeds_of(*sources: Path | str) -> list[set[str]]:
    (results,) = load_results(sources)
    return [set(seed) for seed in results.seeds]


def test_a_whole_file_is_a_seed(tmp_path: Path) -> None:
    for number in range(3):
        outcome = ["gold", "none", "silver"][number]
        write_aggregate(tmp_path / f"{number}_grading_report.json", seed_of(ALL | {"a": outcome}))

    (results,) = load_results([tmp_path])

    assert [seed["a"].report.score for seed in results.seeds if seed["a"].report] == [0.9, 0.4, 0.8]
    assert results.name == tmp_path.name
    assert results.conditions.edition == "v1"


def test_parts_of_a_seed_are_put_together(tmp_path: Path) -> None:
    low = write_aggregate(tmp_path / "low.json", seed_of({"a": "gold"}))
    high = write_aggregate(tmp_path / "high.json", seed_of({"b": "none", "c": "none"}))

    assert seeds_of(low, high) == [{"a", "b", "c"}]


def test_a_further_report_of_a_competition_is_its_next_seed(tmp_path: Path) -> None:
    twice = write_aggregate(tmp_path / "twice.json", [*seed_of(ALL), *seed_of(ALL)])
    once_more = write_aggregate(tmp_path / "more.json", seed_of({"a": "gold"}))

    assert seeds_of(twice, once_more) == [{"a", "b", "c"}, {"a", "b", "c"}, {"a"}]


def test_an_absent_report_does_not_shift_later_seeds(tmp_path: Path) -> None:
    first = write_aggregate(tmp_path / "1.json", seed_of({"a": "none", "b": "none"}))
    second = write_aggregate(tmp_path / "2.json", seed_of(ALL))

    assert seeds_of(first, second) == [{"a", "b"}, {"a", "b", "c"}]


def test_named_seeds_count(tmp_path: Path) -> None:
    reports = [replace(entry, seed=seed) for seed in (5, 7) for entry in seed_of({"a": "gold", "b": "none"})]
    path = tmp_path / "named.json"
    path.write_text(json.dumps({"competition_reports": [entry.to_dict() for entry in (reports[2], *reports[:2])]}))

    assert seeds_of(path) == [{"a", "b"}, {"a"}]


def test_single_reports_and_globs(tmp_path: Path) -> None:
    for number, name in enumerate(["a", "b", "a"]):
        content = report(name, "gold", run_id=str(number)).to_dict()
        (tmp_path / f"{number}.json").write_text(json.dumps(content))

    assert seeds_of(str(tmp_path / "*.json")) == [{"a", "b"}, {"a"}]


def test_a_file_named_twice_or_copied_counts_once(tmp_path: Path) -> None:
    path = write_aggregate(tmp_path / "1.json", seed_of(ALL))
    copy = tmp_path / "copy.json"
    copy.write_bytes(path.read_bytes())

    (results,) = load_results([path, str(tmp_path / "1.*"), copy])

    assert len(results.seeds) == 1
    assert results.notes == ("copy.json is a copy of 1.json and counts once",)


def test_editions_and_split_keys_are_never_averaged(tmp_path: Path) -> None:
    for name, edition, key in (("1", "v1", None), ("2", "v2", None), ("3", "v2", "0f")):
        content = report("a", "gold", edition=edition, split_key_hash=key).to_dict()
        (tmp_path / f"{name}.json").write_text(json.dumps(content))

    for pair, told in (
        (["1.json", "2.json"], r"2\.json differs from those before it in edition \(v1 → v2\)"),
        (["2.json", "3.json"], r"3\.json differs .* in split key \(published → 0f\)"),
    ):
        with pytest.raises(UsageError, match=told):
            load_results([tmp_path / name for name in pair])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a grading report"),
        ('{"competition_reports": [{"score": 1}]}', r"competition_reports\[0\]: a grading report needs `competition_id`"),
    ],
)
def test_what_is_no_report_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)

    with pytest.raises(UsageError, match=rf"odd.json.*{complaint}"):
        load_results([path])


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a run group, a bundle nor a grading report"):
        load_results([tmp_path / "absent.json"])
    with pytest.raises(UsageError, match="neither a run group, a bundle nor a grading report"):
        load_results([str(tmp_path / "*.json")])
    with pytest.raises(UsageError, match="contains neither run groups nor grading reports"):
        load_results([tmp_path])


@pytest.mark.parametrize("content", [b"", b"{", b"[]", "{}".encode("utf-16"), b'{"competition_reports": [{"score": 1}]}'])
def test_a_faulty_report_in_a_folder_does_not_break_the_next_command(tmp_path: Path, content: bytes) -> None:
    sound = write_aggregate(tmp_path / "1_grading_report.json", seed_of(ALL))
    faulty = tmp_path / "2_grading_report.json"
    faulty.write_bytes(content)

    (results,) = load_results([tmp_path])

    assert len(results.seeds) == 1
    (note,) = results.notes
    assert note.startswith("2_grading_report.json is skipped: ")
    with pytest.raises(UsageError, match="2_grading_report"):
        load_results([sound, faulty])


def test_a_byte_order_mark_is_no_part_of_a_report(tmp_path: Path) -> None:
    path = write_aggregate(tmp_path / "r.json", seed_of(ALL))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert seeds_of(path) == [{"a", "b", "c"}]


def test_a_folder_here_does_not_stand_before_a_group_of_its_name(
    tmp_path: Path, toys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = make_group(tmp_path / "runs", toys, {"toy-one": [0.25]}, name="mine")
    regrade_group(group.folder)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()

    for name in ("mine", "latest"):
        (results,) = load_results([name])
        assert results.sources == (str(group.folder),)

    write_aggregate(tmp_path / "mine" / "1_grading_report.json", seed_of(ALL))
    with pytest.raises(UsageError, match=r"`mine` is both a run group in .*runs and a path here; write .*runs/mine or \./mine"):
        load_results(["mine"])
    assert seeds_of("./mine") == [{"a", "b", "c"}]
