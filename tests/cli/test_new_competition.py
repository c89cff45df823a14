"""`mlebench new-competition`: a folder of one's own as the source, and options that do not go together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.errors import CannotDraft
from mlebench.registry import Competition, Registry
from mlebench.scaffold import board as boards
from mlebench.scaffold import draft as drafts
from mlebench.scaffold.draft.origin import Origin
from mlebench.scaffold.draft.proposal import Draft
from tests.cases import Cases
from tests.scaffold.drafter import TABLE, replace_drafter


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    wards = tmp_path / "wards"
    wards.mkdir()
    (wards / "patients.csv").write_text("age,outcome\n" + "".join(f"{age},{age % 2}\n" for age in range(40)))
    return tmp_path


def new(home: Path, *words: str) -> int:
    return main(["new-competition", *words, "--into", str(home / "own")])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["wards", "--from-folder", "wards"], "--from-folder needs `--target COLUMN`"),
        (["wards", "--from-folder", "wards", "--target", "outcome"], "--from-folder needs `--metric METRIC`"),
        (["wards", "--from-folder", "words", "--target", "outcome"], "does not exist; did you mean `"),
        (["wards", "--from-folder", "wards/patients.csv", "--target", "outcome"], "is not a folder"),
        (["wards", "--from-folder", "wards", "--target", "outcome", "--metric", "acuracy"], "--metric: no metric is called"),
        (["wards", "--from-folder", "wards", "--target", "outcome", "--patience", "1h"], "--patience goes with --from-kaggle"),
        (["wards", "--from-folder", "wards", "--target", "outcome", "--max-rate", "1m"], "--max-rate goes with --from-kaggle"),
        (["wards", "--from-folder", "wards", "--from-kaggle"], "exclude each other"),
        (["the wards", "--from-folder", "wards", "--target", "outcome"], "not a valid competition name"),
        (["wards", "--target", "outcome"], "--target goes with --from-kaggle or --from-folder"),
        (["wards", "--metric", "accuracy"], "--metric goes with --from-kaggle or --from-folder"),
        (["wards", "--data-dir", "data"], "--data-dir goes with --from-kaggle or --from-folder"),
        (["https://www.kaggle.com/c/lamps"], "`mlebench new-competition https://www.kaggle.com/c/lamps --from-kaggle`"),
        (["wards", "--from-kagle"], "did you mean `--from-kaggle`"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(
    home: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    assert new(home, *words) == 2
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error
    assert not (home / "own").exists()


def test_a_home_that_cannot_be_written_is_refused_at_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "own").write_text("a file")
    assert new(home, "wards", "--from-folder", str(home / "wards"), "--target", "outcome") == 2
    assert f"cannot write {home / 'own'}; choose another folder with `--into`" in capsys.readouterr().err


def test_a_folder_is_drafted_with_what_the_user_names(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[Path, Origin]] = []

    def draft(raw: Path, origin: Origin) -> Draft:
        asked.append((raw, origin))
        raise CannotDraft("`outcome` is no column of patients.csv")

    monkeypatch.setattr(drafts, "draft", draft)
    monkeypatch.chdir(home)
    assert new(home, "wards", "--from-folder", "wards", "--target", "outcome", "--metric", "Accuracy") == 1
    ((raw, origin),) = asked
    assert raw == home / "wards"
    assert (origin.id, origin.source, origin.target, origin.metric) == ("wards", "folder", "outcome", "Accuracy")
    error = capsys.readouterr().err
    assert "`outcome` is no column of patients.csv; `mlebench new-competition wards --into" in error
    assert sorted(path.name for path in (home / "wards").iterdir()) == ["patients.csv"]


def test_data_that_cannot_be_read_is_refused_before_it_is_compared(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "wards" / "scans").symlink_to(home / "nowhere")
    assert new(home, "wards", "--from-folder", str(home / "wards"), "--target", "outcome", "--metric", "accuracy") == 1
    assert "scans is a broken link" in capsys.readouterr().err


def test_a_folder_gets_a_leaderboard_of_reference_methods_and_is_only_read(
    home: Path, cases: Cases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reference_board(competition: Competition, left_out: Callable[[str, str], object]) -> list[tuple[str, float]]:
        left_out("one feature", "it took too long")
        return [("constant", 0.5), (f"{len(competition.answers_table)} answers", 0.25)]

    def write_board(rows: list[tuple[str, float]], folder: Path) -> Path:
        path = folder / "leaderboard.csv"
        path.write_text("name,score\n" + "".join(f"{name},{score}\n" for name, score in rows))
        return path

    replace_drafter(monkeypatch)
    monkeypatch.setattr(boards, "reference_board", reference_board)
    monkeypatch.setattr(boards, "write_board", write_board)
    raw = cases.copied(TABLE, home)
    before = {path.name: path.read_bytes() for path in raw.iterdir()}
    assert new(home, "wards", "--from-folder", str(raw), "--target", "Transported", "--metric", "accuracy") == 0
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == before
    shown, told = capsys.readouterr()
    assert "wards: one feature is left out: it took too long" in told
    assert f"mlebench prepare wards --from {raw}`" in shown
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(home / "own"))
    assert list(Registry().get_competition("wards").read_leaderboard()["score"]) == [0.5, 0.25]
    assert main(["prepare", "wards", "--from", str(raw), "--force"]) == 0
