"""The tables of docs/performance.md are those of benchmarks/results.json, and say honestly what is met."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.results import PAGE, Figure, figures_of, keep, reaches, tables, with_tables
from benchmarks.timing import Spread, alone, alternate, command, ratio

FIGURE = Figure(
    "sorting, 10 rows", Spread(2.0, 1.0, 3.0), "s", Spread(8.0, 8.0, 8.0), "a plain program", Spread(4.0, 2.0, 8.0), "at least 3",
    peak=5_000_000,
)  # fmt: skip


def test_the_page_holds_what_the_results_say() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert with_tables(page, tables()) == page, "run `python -m benchmarks.results`"


def test_every_line_with_a_limit_says_how_much_memory_it_took() -> None:
    assert [figure.what for figure in figures_of() if figure.limit and not figure.peak] == []


def test_figures_are_kept_as_they_are_and_benchmark_by_benchmark(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    keep(path, "one", [FIGURE])
    keep(path, "other", [FIGURE, FIGURE])
    keep(path, "other", [FIGURE])

    assert figures_of(path) == [FIGURE, FIGURE]


def test_a_goal_that_is_missed_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    keep(path, "one", [FIGURE, Figure("reading", Spread.of([7.0]), "ms", goal="at most 5")])

    _, _, met, missed = tables(path)["goals"].splitlines()

    assert met == "| sorting, 10 rows | at least 3 | 8 s, a plain program | 2 s (1 to 3) | 4 (2 to 8) | yes | 5 MB |"
    assert missed == "| reading | at most 5 |  | 7 ms |  | **no** |  |"


def test_a_goal_in_other_words_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        reaches("quicker than before", 1.0)


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the table `goals`"):
        with_tables("# Performance\n", {"goals": "| |"})


def test_rivals_take_turns_after_a_round_that_does_not_count() -> None:
    calls: list[str] = []
    clock = iter(range(1000))

    taken = alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2, clock=lambda: next(clock))

    assert calls == ["a", "b", "b", "a", "a", "b"]
    assert {name: len(times) for name, times in taken.items()} == {"a": 2, "b": 2}


def test_what_is_slow_counts_with_the_round_that_it_got() -> None:
    clock = iter(range(0, 100_000, 100))

    taken = alternate({"a": lambda: None, "b": lambda: None}, 5, clock=lambda: next(clock), most_seconds=50)

    assert taken == {"a": [100], "b": [100]}


def test_a_ratio_is_taken_round_by_round() -> None:
    assert ratio([1.0, 2.0, 4.0], [4.0, 4.0, 4.0]) == Spread(2.0, 1.0, 4.0)


def test_memory_of_a_process_of_its_own_is_measured() -> None:
    used = alone(hold, 80_000_000)

    assert used.result == 80_000_000
    assert 80_000_000 < used.peak < 600_000_000


def test_an_error_in_a_process_of_its_own_arrives_here() -> None:
    with pytest.raises(ValueError, match="so it goes"):
        alone(fail)


def test_a_process_of_its_own_that_dies_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="`die` died with exit code 7"):
        alone(die)


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="exit code 3"):
        command(["sh", "-c", "exit 3"])


def hold(size: int) -> int:
    return len(bytes(size).replace(b"\0", b"\1"))


def die() -> None:
    os._exit(7)


def fail() -> None:
    raise ValueError("so it goes")
