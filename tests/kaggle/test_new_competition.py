"""`mlebench new-competition SLUG --from-kaggle`: facts, pages, leaderboard and data; what is refused at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.errors import CannotDraft, RulesNotAccepted, UsageError, WorkFailed
from mlebench.kaggle.transfer import Transfer
from mlebench.preparation import disk
from mlebench.registry import Registry
from mlebench.scaffold import board as boards
from mlebench.scaffold import draft as drafts
from mlebench.scaffold.draft.origin import Origin
from mlebench.scaffold.draft.proposal import Draft
from mlebench.scaffold.fetched import fetch_origin
from tests.kaggle.conftest import TABLE
from tests.kaggle.loopback import FILES, Contest, Fault, LoopbackKaggle, board
from tests.kaggle.own_contests import TEAMS, serve
from tests.scaffold.drafter import replace_drafter

SLUG = "lamps-2026"


@pytest.fixture
def contest(kaggle: LoopbackKaggle) -> Contest:
    return serve(kaggle, TABLE, slug=SLUG)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "data" / SLUG / "raw"


def told(raw: Path, **options: Any) -> tuple[Origin, list[str]]:
    lines: list[str] = []
    return fetch_origin(SLUG, raw, tell=lines.append, **options), lines


def test_everything_that_kaggle_says_arrives(contest: Contest, raw: Path) -> None:
    origin, lines = told(raw)
    assert (origin.id, origin.title, origin.source) == (SLUG, "Spaceship Titanic", "kaggle")
    assert (origin.metric, origin.year, origin.teams, origin.awards_medals) == ("Categorization Accuracy", 2022, TEAMS, False)
    assert set(origin.pages) == {"Description", "Evaluation", "Data Description"}
    assert "accuracy" in origin.pages["Evaluation"]
    assert len(origin.board) == TEAMS and list(origin.board) == sorted(origin.board, reverse=True)
    assert origin.download_bytes == len(contest.archive)
    assert {path.name for path in raw.iterdir()} == {"train.csv", "test.csv", "sample_submission.csv"}
    assert not raw.with_name(f"{SLUG}.zip").exists()
    assert re.search(r"to download \(3 files, .* unpacked\); needs about .* of disk, .* free in", lines[0])
    assert len(lines) == 1


def test_prepare_finds_the_data_afterwards(contest: Contest, kaggle: LoopbackKaggle, raw: Path) -> None:
    told(raw)
    asked = len(kaggle.requests(FILES))
    _, lines = told(raw)
    assert f"the data is in {raw} already" in lines[0]
    # the download is opened once to learn its size, and not read
    assert len(kaggle.requests(FILES)) == asked + 1
    assert Registry().get_competition(TABLE).raw_dir.parent.parent == raw.parent.parent


def test_what_the_user_names_goes_before_what_kaggle_names(contest: Contest, raw: Path) -> None:
    origin, _ = told(raw, metric="accuracy", target="Transported")
    assert (origin.metric, origin.target) == ("accuracy", "Transported")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"board": board([0.9, 0.8])}, "it has 2 rows but the competition has 120 teams"),
        ({"teams": 0}, "does not report the number of teams"),
        (
            {"board": board([0.1 + 0.001 * place for place in range(TEAMS)])},
            r"not sorted from best to worst \(accuracy, maximize\)",
        ),
        ({"deadline": "2999-01-31T23:59:00Z"}, "runs until 2999-01-31"),
    ],
)
def test_a_leaderboard_that_is_not_whole_and_final_is_left_out(
    contest: Contest, raw: Path, change: dict[str, Any], reason: str
) -> None:
    for name, value in change.items():
        setattr(contest, name, value)
    origin, lines = told(raw)
    assert origin.board == []
    assert any(re.search(f"continuing without Kaggle's leaderboard: .*{reason}", line) for line in lines)


def test_either_order_will_do_where_the_metric_is_not_known(contest: Contest, raw: Path) -> None:
    contest.metric = "Custom Metric 17"
    contest.board = contest.board[::-1]
    origin, _ = told(raw)
    assert len(origin.board) == TEAMS


def test_teams_without_a_score_are_left_out_of_the_leaderboard(contest: Contest, raw: Path) -> None:
    contest.board = board([0.9, 0.8, ""])
    contest.teams = 3
    assert told(raw)[0].board == [0.9, 0.8]


def test_a_competition_without_pages_is_said_to_have_none(contest: Contest, raw: Path) -> None:
    contest.pages = []
    origin, lines = told(raw)
    assert origin.pages == {} and "shows no pages" in lines[0]


def test_rules_that_are_not_accepted_are_named_before_the_download(contest: Contest, kaggle: LoopbackKaggle, raw: Path) -> None:
    contest.accepted = False
    with pytest.raises(RulesNotAccepted, match=f"accept its rules at .*/{SLUG}/rules"):
        told(raw)
    assert kaggle.requests(FILES) == [] and not raw.exists()


def test_a_disk_that_is_too_small_is_noticed_before_the_download(
    contest: Contest, kaggle: LoopbackKaggle, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free_space", lambda folder: 1000)
    with pytest.raises(UsageError, match="1000 B free, but downloading and unpacking takes at least"):
        told(raw)
    assert not raw.exists() and not list(raw.parent.glob("*.part"))


def test_an_interrupted_download_goes_on_where_it_stopped(contest: Contest, kaggle: LoopbackKaggle, raw: Path) -> None:
    # the first request of the file only asks for its size
    kaggle.fail(FILES, Fault(break_after=0), Fault(break_after=500), *[Fault(break_after=0)] * 40)
    with pytest.raises(WorkFailed, match="run the same command to continue"):
        told(raw, transfer=Transfer(patience=0.3))
    assert not raw.exists()
    kaggle.faults.clear()
    kaggle.seen.clear()
    told(raw)
    assert "bytes=500-" in [request.range for request in kaggle.requests(FILES)]
    assert raw.is_dir()


def test_a_damaged_archive_is_downloaded_anew(contest: Contest, raw: Path) -> None:
    sound, contest.archive = contest.archive, contest.archive[:400] + bytes(400) + contest.archive[800:]
    with pytest.raises(WorkFailed):
        told(raw)
    assert not raw.exists()
    contest.archive = sound
    told(raw)
    assert (raw / "train.csv").is_file()


@pytest.fixture
def drafting(monkeypatch: pytest.MonkeyPatch) -> list[Origin]:
    """What the drafter is asked for."""
    return replace_drafter(monkeypatch)


def new(tmp_path: Path, *words: str) -> int:
    return main(["new-competition", *words, "--into", str(tmp_path / "own")])


def test_the_command_creates_a_folder_and_says_why_and_what_next(
    contest: Contest, raw: Path, drafting: list[Origin], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(tmp_path, f"https://www.kaggle.com/competitions/{SLUG}/overview", "--from-kaggle") == 0
    shown = capsys.readouterr().out
    folder = tmp_path / "own" / SLUG
    assert f"created {folder}; guessed:\n  id: PassengerId has 60 values\\x1b[31m in 60 rows\n" in shown
    assert f"next: `mlebench check {folder}`" in shown
    assert f"MLEBENCH_COMPETITIONS_PATH={folder.parent} mlebench prepare {SLUG} --keep-raw" in shown
    assert sorted(path.name for path in folder.parent.iterdir()) == [SLUG]
    assert drafting[0].board


def test_the_offered_prepare_fetches_nothing_again(
    contest: Contest,
    kaggle: LoopbackKaggle,
    drafting: list[Origin],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert new(tmp_path, SLUG, "--from-kaggle", "--quiet") == 0
    asked = len(kaggle.seen)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "own"))
    assert main(["prepare", SLUG, "--keep-raw"]) == 0
    assert len(kaggle.seen) == asked


def test_a_folder_that_exists_is_refused_before_anything_is_asked(
    contest: Contest, kaggle: LoopbackKaggle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own" / SLUG).mkdir(parents=True)
    assert new(tmp_path, SLUG, "--from-kaggle") == 2
    assert "already exists" in capsys.readouterr().err
    assert kaggle.seen == []


def test_what_cannot_be_worked_out_keeps_the_download(
    contest: Contest,
    kaggle: LoopbackKaggle,
    raw: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def draft(raw: Path, origin: Origin) -> Draft:
        raise CannotDraft("no table holds labels")

    monkeypatch.setattr(drafts, "draft", draft)
    assert new(tmp_path, SLUG, "--from-kaggle") == 1
    error = capsys.readouterr().err
    assert f"no table holds labels; the data stays in {raw}; " in error
    assert f"`mlebench new-competition {SLUG} --into {tmp_path / 'own'}` creates a folder" in error
    assert (raw / "train.csv").is_file() and not (tmp_path / "own").exists()
    # the offered command works
    assert new(tmp_path, SLUG) == 0


def test_without_a_leaderboard_of_kaggle_reference_methods_make_one(
    contest: Contest, drafting: list[Origin], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contest.teams = 0
    seen = []

    def reference_board(competition: Any, **options: Any) -> list[tuple[str, float]]:
        seen.append(competition.answers.is_file())
        return [("constant", 0.5)]

    def write_board(rows: list[tuple[str, float]], folder: Path) -> Path:
        (folder / "leaderboard.csv").write_text("name,score\n" + "".join(f"{name},{score}\n" for name, score in rows))
        return folder / "leaderboard.csv"

    monkeypatch.setattr(boards, "reference_board", reference_board)
    monkeypatch.setattr(boards, "write_board", write_board)
    assert new(tmp_path, SLUG, "--from-kaggle") == 0
    assert seen == [True]
    assert "constant,0.5" in (tmp_path / "own" / SLUG / "leaderboard.csv").read_text()


def test_a_leaderboard_that_cannot_be_made_leaves_a_folder_and_exit_code_1(
    contest: Contest,
    drafting: list[Origin],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def reference_board(competition: Any, **options: Any) -> list[tuple[str, float]]:
        raise WorkFailed("no method could be scored")

    contest.teams = 0
    monkeypatch.setattr(boards, "reference_board", reference_board)
    assert new(tmp_path, SLUG, "--from-kaggle") == 1
    shown = capsys.readouterr().out
    assert "no leaderboard of reference methods: no method could be scored" in shown and "next: `mlebench check" in shown
    assert (tmp_path / "own" / SLUG / "competition.yaml").is_file()


@pytest.mark.parametrize(
    ("change", "words", "code", "sentence"),
    [
        (lambda contest: setattr(contest, "accepted", False), [SLUG], 2, "accept its rules at"),
        (lambda contest: None, ["lamps-2062"], 1, "does not show lamps-2062"),
        (lambda contest: None, ["not a slug"], 2, "names no Kaggle competition"),
        (lambda contest: None, [SLUG, "--metric", "acuracy"], 2, "--metric: no metric is called"),
        (lambda contest: None, [SLUG, "--patience", "soon"], 2, "--patience"),
        (lambda contest: None, [SLUG, "--max-rate", "0"], 2, "--max-rate is 0"),
    ],
)
def test_each_problem_is_one_sentence(
    contest: Contest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Contest], None],
    words: list[str],
    code: int,
    sentence: str,
) -> None:
    change(contest)
    assert new(tmp_path, *words, "--from-kaggle") == code
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error
    assert not (tmp_path / "own").exists()


def test_no_account_is_one_sentence(
    contest: Contest, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    assert new(tmp_path, SLUG, "--from-kaggle") == 2
    assert "no Kaggle credentials found" in capsys.readouterr().err


def test_a_mock_of_an_earlier_trial_is_replaced_by_the_download(contest: Contest, raw: Path) -> None:
    raw.mkdir(parents=True)
    (raw / "train.csv").write_text("made,up\n")
    (raw.parent / "mock.json").write_text("{}")
    told(raw)
    assert (raw / "train.csv").read_text() != "made,up\n" and not (raw.parent / "mock.json").exists()
