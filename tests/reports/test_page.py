"""The page in a real browser, at the size of a whole benchmark: 75 competitions × 3 seeds with snapshots."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench.registry import registry
from mlebench.reports.document import Document, make_document
from mlebench.reports.page import make_page, write_page
from mlebench.reports.published_results import published_results
from mlebench.reports.results import GradedRun, GradedSnapshot, Results, RunDetails
from mlebench.runs.conditions import Conditions
from tests.browser import Page, open_browser
from tests.reports.builders import report

OUTCOMES = ("gold", "silver", "bronze", "above", "none", "invalid", "missing")
LARGEST_BYTES = 6_000_000
MOST_SECONDS_OF_WORK = 1
"""Of its thread in the browser, to load the page: processor time, which is the same on a busy machine."""
EVERY_TEN_MINUTES = range(600, 24 * 3600, 600)
EVERY_FIVE_MINUTES = range(300, 24 * 3600, 300)


def full_results(name: str, hours: float, runs: Path) -> Results:
    """225 runs of a day, a snapshot every ten minutes and a check every five."""
    rng = random.Random(name)
    layers: dict[int, dict[str, GradedRun]] = {0: {}, 1: {}, 2: {}}
    for competition_id, seed in itertools.product(registry.list_competition_ids("all"), layers):
        folder = runs / f"{competition_id}_seed{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.log").write_text("log")
        last = report(competition_id, rng.choice(OUTCOMES), rank=7, leaderboard_size=1000)
        snapshots = [
            GradedSnapshot(seconds, replace(report(competition_id, rng.choice(OUTCOMES)), score=rng.random()))
            for seconds in EVERY_TEN_MINUTES
        ]
        details = RunDetails(
            folder, hours=24, gpu_hours=24, peak_memory_bytes=2**33, check_seconds=tuple(map(float, EVERY_FIVE_MINUTES))
        )
        layers[seed][competition_id] = GradedRun(last, details, tuple(snapshots))
    limits = {"time_limit": hours * 3600, "gpus": 1}
    conditions = Conditions(name, {"model": "m-1 & <m-2>"}, models=("m-1 & <m-2>",), limits=limits, profile="standard")
    return Results(conditions, layers, (name,))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def document(runs: Path) -> Document:
    results = [full_results("tree search", 24, runs / "one"), full_results("one shot", 12, runs / "two")]
    return make_document(results, [], published=published_results())


@pytest.fixture(scope="module")
def path(document: Document, runs: Path) -> Path:
    path = runs / "report.html"
    write_page(document, path)
    return path


@pytest.fixture(scope="module")
def page(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        page.resize(1280, 900)
        page.open(path)
        yield page


def test_weight(path: Path) -> None:
    assert path.stat().st_size < LARGEST_BYTES


def test_it_loads_fast_with_the_network_off(page: Page, path: Path) -> None:
    page.call("Performance.enable", timeDomain="threadTicks")
    page.open(path)
    measured = {each["name"]: each["value"] for each in page.call("Performance.getMetrics")["metrics"]}
    assert 0 < measured["TaskDuration"] < MOST_SECONDS_OF_WORK
    assert set(page.requests) <= {path.as_uri(), "data:,"}
    assert page.errors == []


def test_every_run_is_there_with_a_working_link_to_its_log(page: Page, path: Path) -> None:
    assert page.run("document.querySelectorAll('#runs tbody tr').length") == 225
    links = page.run("[...document.querySelectorAll('#runs a')].map((link) => link.getAttribute('href'))")
    assert len(links) == 225
    assert all((path.parent / link).is_file() for link in links)


def test_charts_are_drawn(page: Page) -> None:
    drawn = page.run(
        "[...document.querySelectorAll('#medals .bar rect')].filter((bar) => bar.getBoundingClientRect().width > 5).length"
    )
    assert 75 <= drawn <= 225
    colours = page.run(
        "[...new Set([...document.querySelectorAll('#medals .bar rect')].map((bar) => getComputedStyle(bar).fill))]"
    )
    assert len(colours) == 6
    for section, least in (("time", 8), ("attempts", 1), ("comparisons", 1)):
        lengths = page.run(
            f"[...document.querySelectorAll('#{section} svg')].map((chart) => chart.getBoundingClientRect().height)"
        )
        assert sum(length > 100 for length in lengths) >= least
    assert page.run("[...document.querySelectorAll('#time path.line')].every((line) => line.getTotalLength() > 0)")
    assert re.fullmatch(
        r"[A-Za-z0-9-]+: gold: [123]", page.run("document.querySelector('#medals .color-0 .bar title').textContent")
    )


def test_labels_of_charts_are_not_cut(page: Page) -> None:
    cut = page.run(
        """[...document.querySelectorAll('svg')].flatMap((chart) => {
             const frame = chart.getBoundingClientRect();
             return frame.width === 0 ? [] : [...chart.querySelectorAll('text')].filter((text) => {
               const box = text.getBoundingClientRect();
               return box.left < frame.left - 1 || box.right > frame.right + 1;
             }).map((text) => text.textContent);
           })"""
    )
    assert cut == []


def test_ticks_of_calls_are_thin_rows_below_the_scores_in_their_seeds_colour(page: Page) -> None:
    page.run("document.querySelector('#time > details').open = true")
    lines = page.run(
        """[...document.querySelectorAll('#time > details[open] g.series > path')].map((line) => {
             const box = line.getBoundingClientRect(), style = getComputedStyle(line);
             return [line.parentNode.classList.contains('ticks'), box.top, box.bottom, style.stroke, style.strokeWidth];
           })"""
    )
    labels = page.run("[...document.querySelectorAll('#time > details[open] .axis.y text')].map((label) => label.textContent)")
    test_labels_of_charts_are_not_cut(page)
    page.run("document.querySelector('#time > details').open = false")

    scores, rows = lines[:3], lines[3:]
    assert [is_ticks for is_ticks, *_ in lines] == [False] * 3 + [True] * 3
    assert [row[3] for row in rows] == [line[3] for line in scores]
    assert {row[4] for row in rows} == {"1px"} and {line[4] for line in scores} == {"2px"}
    assert max(line[2] for line in scores) <= rows[0][1]
    for above, below in itertools.pairwise(rows):
        assert above[2] <= below[1], "rows do not touch"
    assert [label for label in labels if label.startswith("seed")] == [f"seed {seed}: checks" for seed in range(3)]
    # no label of the scores stands among the rows
    assert all(0 <= float(label) <= 1 for label in labels if not label.startswith("seed"))


def column(page: Page, section: str, number: int) -> list[str]:
    found: list[str] = page.run(
        f"[...document.querySelectorAll('#{section} tbody')][0].rows.length && "
        f"[...document.querySelector('#{section} tbody').rows].map((row) => row.cells[{number}].innerText.trim())"
    )
    return found


def click(page: Page, section: str, number: int) -> str:
    direction: str = page.run(
        f"(() => {{ const heading = document.querySelector('#{section} thead').rows[0].cells[{number}];"
        "heading.querySelector('button').click(); return heading.ariaSort; })()"
    )
    return direction


def numbers(cells: list[str]) -> list[float]:
    return [float(match.group()) for cell in cells if (match := re.search(r"-?\d+(\.\d+)?", cell))]


def test_tables_sort_by_number_with_unknown_values_last(page: Page) -> None:
    score = 4
    assert click(page, "competitions", score) == "ascending"
    up = column(page, "competitions", score)
    assert click(page, "competitions", score) == "descending"
    down = column(page, "competitions", score)

    assert numbers(up) == sorted(numbers(up))
    assert numbers(down) == sorted(numbers(down), reverse=True)
    assert len(numbers(up)) < 75
    unknown = 75 - len(numbers(up))
    assert not numbers(up[-unknown:])
    assert not numbers(down[-unknown:])
    assert len(column(page, "competitions", 0)) == 75


def test_tables_sort_by_text(page: Page) -> None:
    click(page, "published", 0)
    agents = column(page, "published", 0)

    assert agents == sorted(agents, key=str.casefold)
    click(page, "published", 5)
    assert numbers(column(page, "published", 5))[0] == 1.6


def test_text_is_never_markup(page: Page, document: Document, tmp_path: Path) -> None:
    assert "m-1 & <m-2>" in page.run("document.querySelector('#conditions').textContent")
    assert page.run("document.querySelectorAll('m-2').length") == 0
    assert "<m-2>" not in make_page(document, tmp_path)


def test_readable_on_a_phone(page: Page, tmp_path: Path) -> None:
    page.resize(390, 844)
    try:
        assert page.run("document.documentElement.scrollWidth") <= 390
        assert page.run("parseFloat(getComputedStyle(document.body).fontSize)") >= 15
        smallest = page.run(
            "Math.min(...[...document.querySelectorAll('#medals text')].map((t) => t.getBoundingClientRect().height))"
        )
        assert smallest > 8
    finally:
        page.resize(1280, 900)


WIDE = """[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth)
            .map((box) => box.closest('section').id + ': ' + box.textContent.slice(0, 60))"""


@pytest.mark.parametrize("width", [1300, 1900])
def test_no_table_and_no_chart_needs_a_scroll_bar_on_a_wide_screen(page: Page, width: int) -> None:
    page.resize(width, 900)
    page.run("document.querySelectorAll('details:not(td details)').forEach((part) => { part.open = true; })")
    try:
        assert page.run(WIDE) == []
        used = page.run("document.querySelector('#runs table').getBoundingClientRect().width")
        assert used > 0.9 * width, "the page uses the width it has"
    finally:
        page.run("document.querySelectorAll('details').forEach((part) => { part.open = false; })")
        page.resize(1280, 900)


def test_the_winner_and_by_how_much_stand_in_the_first_screen(page: Page) -> None:
    page.run("scrollTo(0, 0)")
    sentence = page.run("document.querySelector('#standings .winner').textContent")
    gap = r"[\d.]+ percentage points"
    assert re.fullmatch(
        rf"(No clear difference: )?.+ (leads .+ by|is) {gap}.* on all \(95 % .+ to .+; sign test p [=<] [\d.]+\)\.", sentence
    )
    assert page.run("document.querySelector('#standings table').getBoundingClientRect().bottom") < 900
    medals = numbers(column(page, "standings", 1))
    assert len(medals) == 2 and medals == sorted(medals, reverse=True)
    assert column(page, "standings", 2)[0] == "–"


def test_each_result_has_its_runs(page: Page) -> None:
    assert page.run("document.querySelectorAll('#result-2 details:last-of-type tbody tr').length") == 225
    assert page.run("document.querySelector('#result-2 h2').textContent") == "one shot"


def test_rows_are_filtered_by_words(page: Page) -> None:
    assert visible(page, "competitions", "tabular  dec") == ["tabular-playground-series-dec-2021"]
    assert page.run("document.querySelector('#competitions output').textContent") == "1 of 75"
    assert visible(page, "competitions", "<b>") == []
    assert len(visible(page, "competitions", "")) == 75


def visible(page: Page, section: str, words: str) -> list[str]:
    """The first cells of the rows that are left when `words` stand in the filter."""
    rows: list[str] = page.run(
        f"(() => {{ const box = document.querySelector('#{section} input[type=search]'); box.value = {json.dumps(words)};"
        "box.dispatchEvent(new Event('input'));"
        f"return [...document.querySelectorAll('#{section} tbody tr')].filter((row) => row.getClientRects().length)"
        ".map((row) => row.cells[0].textContent); })()"
    )
    return rows


def test_a_part_that_is_drawn_again_keeps_its_filter_and_takes_over_the_sorting(page: Page) -> None:
    table = "".join(f"<tr><td>row-{number}</td><td>{number % 7}</td></tr>" for number in range(12))
    head = "<thead><tr><th>Name</th><th>Value</th></tr></thead>"
    page.run(
        f"""window.draw = (sorted) => {{
             const part = Object.assign(document.createElement('section'), {{ id: 'drawn' }});
             part.innerHTML = '<table class="sortable">{head}<tbody>{table}</tbody></table>';
             if (sorted) part.firstChild.dataset.sorted = sorted;
             const old = document.querySelector('#drawn');
             old ? old.replaceWith(part) : document.querySelector('main').append(part);
             part.dispatchEvent(new CustomEvent('fresh', {{ bubbles: true }}));
           }}; draw()"""
    )
    assert visible(page, "drawn", "row-1") == ["row-1", "row-10", "row-11"]
    page.run("draw('1 descending')")
    left = "[...document.querySelectorAll('#drawn tbody tr')].filter((row) => !row.hidden).map((row) => row.cells[0].textContent)"
    box = page.run("document.querySelector('#drawn input').value")
    kept, order = page.run(left), page.run("document.querySelectorAll('#drawn th')[1].ariaSort")
    page.run("document.querySelector('#drawn').remove()")

    assert (box, order, kept) == ("row-1", "descending", ["row-11", "row-10", "row-1"])


def test_a_table_is_copied_as_csv_with_what_is_shown(page: Page) -> None:
    visible(page, "runs", "3d-object")
    page.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.run("[...document.querySelectorAll('#runs .tools button')].at(-1).click()")
    header, *rows = list(csv.reader(io.StringIO(page.run("window.copied"))))
    visible(page, "runs", "")

    assert header[:4] == ["Competition", "Seed", "Outcome", "Score"]
    assert [row[:2] for row in rows] == [["3d-object-detection-for-autonomous-vehicles", str(seed)] for seed in range(3)]
    assert {row[5] for row in rows} == {"24 h (24 h GPU)"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_outcome_stands_out_from_the_page_and_so_from_its_neighbours(page: Page, scheme: str) -> None:
    page.prefer(scheme)
    bars = [f"getComputedStyle(document.querySelector('#medals .bars .color-{place} rect'))" for place in range(6)]
    paper = page.run("getComputedStyle(document.body).backgroundColor")
    fills, gaps = [page.run(f"{bar}.fill") for bar in bars], {page.run(f"{bar}.stroke") for bar in bars}
    page.prefer("light")

    assert gaps == {paper}, "between two bars lies a strip of the page"
    assert all(contrast(fill, paper) >= 3 for fill in fills), fills


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_in_both_themes(page: Page, scheme: str) -> None:
    page.prefer(scheme)
    paper, ink, faint, link = (
        page.run(f"getComputedStyle(document.querySelector('{place}')).{style}")
        for place, style in (("body", "backgroundColor"), ("body", "color"), (".note", "color"), ("a", "color"))
    )

    assert (luminance(paper) > 0.5) == (scheme == "light")
    for text in (ink, faint, link):
        assert contrast(text, paper) >= 4.5
    for number in range(3):
        line = page.run(f"getComputedStyle(document.querySelector('#time .lines .color-{number} path')).stroke")
        assert contrast(line, paper) >= 3
    page.prefer("light")


# Machado, Oliveira & Fernandes (2009), severity 1.0
SIGHT = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_medals_can_be_told_apart(page: Page, scheme: str, sight: str) -> None:
    page.prefer(scheme)
    fills = [
        page.run(f"getComputedStyle(document.querySelector('#medals .bars .color-{place} rect')).fill") for place in range(6)
    ]
    page.prefer("light")

    seen = [lab(linear(fill), SIGHT[sight]) for fill in fills]
    for one, other in itertools.combinations(range(6), 2):
        difference = sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5
        assert difference > 10, (one, other, fills[one], fills[other])


def test_it_prints(page: Page) -> None:
    pdf = page.pdf()

    pages = len(re.findall(rb"/Type\s*/Page[^s]", pdf))
    assert pdf.startswith(b"%PDF")
    assert 5 < pages < 90


def linear(colour: str) -> tuple[float, ...]:
    channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    return tuple(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def lab(rgb: tuple[float, ...], sight: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) of a linear RGB colour as the given sight sees it."""
    seen = [min(1.0, max(0.0, sum(a * b for a, b in zip(row, rgb, strict=True)))) for row in sight]
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    x, y, z = (
        sum(a * b for a, b in zip(row, seen, strict=True)) / white for row, white in zip(to_xyz, (0.9505, 1, 1.089), strict=True)
    )
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)
