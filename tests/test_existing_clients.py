"""Programs written for the published harness run unchanged: each test makes the calls that one kind of them makes."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import inspect
import json
import logging
import multiprocessing
import os
import pickle
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.preparation import make_mock, prepare
from mlebench.registry import Competition, Registry

ID = "spaceship-titanic"
JSONL = "tensorflow2-question-answering"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in the published layout, without a trace of this harness; nobody writes into it."""
    data = tmp_path_factory.mktemp("published") / "data"
    for name in (ID, JSONL):
        competition = Registry(data).get_competition(name)
        raw = data.with_name(f"raw-{name}")
        make_mock(competition, raw, size=100, seed=0)
        prepare(competition, raw, mock=True)
        (competition.prepared_dir / "prepared.json").unlink()
        (competition.root / ".lock").unlink()
    return data


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    """The same with files of its own, for programs that write there."""
    subprocess.run(["cp", "-r", str(prepared), str(tmp_path / "data")], check=True)
    return tmp_path / "data"


@pytest.fixture
def competition(prepared: Path) -> Competition:
    return Registry(prepared).get_competition(ID)


@contextlib.contextmanager
def bare_root_logger() -> Iterator[logging.Logger]:
    """The root logger as a program finds it when it starts, without the handlers of the tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    try:
        yield root
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)


def fetch_board(competition: Competition) -> list[float]:
    """Leave what `mlebench leaderboard --refresh` leaves: one row for each of 200 teams, best first."""
    scores = [round(0.9 - place / 1000, 5) for place in range(200)]
    rows = [f"{score},team {place},2022-03-01" for place, score in enumerate(scores)]
    (competition.root / "leaderboard.csv").write_text("\n".join(["score,team,submitted", *rows]) + "\n")
    return scores


def command(*words: str | Path, module: str = "mlebench.cli") -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, its errors in its output as programs read them."""
    called = [sys.executable, "-m", module, *map(str, words)]
    return subprocess.run(called, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)


class TestAnEvaluationFrameworksTask:
    def test_it_prepares_in_set_up_and_grades_with_grade_csv(self, prepared: Path) -> None:
        from mlebench.data import download_and_prepare_dataset, is_dataset_prepared
        from mlebench.grade import grade_csv
        from mlebench.registry import registry

        competition = registry.set_data_dir(prepared).get_competition(ID)
        assert is_dataset_prepared(competition)
        assert is_dataset_prepared(competition, grading_only=True)
        # nothing is left to do, so no account is asked for
        download_and_prepare_dataset(competition, keep_raw=False, skip_verification=True)

        report = grade_csv(competition.gold_submission, competition)
        assert report.score == 1.0
        assert report.gold_medal and report.any_medal and report.above_median
        assert json.loads(json.dumps(report.to_dict()))["competition_id"] == ID

    def test_grading_needs_the_private_folder_alone(self, data: Path) -> None:
        from mlebench.data import is_dataset_prepared
        from mlebench.grade import grade_csv

        competition = Registry(data).get_competition(ID)
        submission = data / "submission.csv"
        submission.write_bytes(competition.sample_submission.read_bytes())
        subprocess.run(["rm", "-r", str(competition.public_dir)], check=True)
        assert is_dataset_prepared(competition, grading_only=True) is True
        assert is_dataset_prepared(competition) is False
        assert grade_csv(submission, competition).valid_submission

    def test_data_that_is_not_prepared_is_a_value_error(self, tmp_path: Path, competition: Competition) -> None:
        from mlebench.grade import grade_csv, validate_submission
        from mlebench.registry import registry

        elsewhere = registry.set_data_dir(tmp_path).get_competition(ID)
        for check in (grade_csv, validate_submission):
            with pytest.raises(ValueError, match=f"`mlebench prepare {ID} --data-dir"):
                check(competition.sample_submission, elsewhere)


class TestACoderThatCallsTheCommandLine:
    def test_it_reads_the_report_from_the_output_of_grade_sample(self, prepared: Path) -> None:
        submission = prepared / ID / "prepared" / "public" / "sample_submission.csv"
        done = command("grade-sample", submission, ID, "--data-dir", prepared)
        assert done.returncode == 0
        report = json.loads(done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1])
        assert report["competition_id"] == ID
        assert report["valid_submission"] is True
        assert "Invalid submission" not in done.stdout

    @pytest.mark.parametrize("submission", ["None", "missing.csv"])
    def test_a_submission_that_is_not_there_is_a_report_too(self, prepared: Path, submission: str) -> None:
        done = command("grade-sample", submission, ID, "--data-dir", prepared)
        assert done.returncode == 0
        report = json.loads(done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1])
        assert (report["submission_exists"], report["valid_submission"], report["score"]) == (False, False, None)

    def test_it_searches_the_log_for_invalid_submission(self, prepared: Path, tmp_path: Path) -> None:
        (tmp_path / "bad.csv").write_text("PassengerId\n1\n")
        done = command("grade-sample", tmp_path / "bad.csv", ID, "--data-dir", prepared)
        assert done.returncode == 0
        (line,) = [line for line in done.stdout.splitlines() if "Invalid submission: " in line]
        assert "Transported" in line
        assert '"valid_submission": false' in done.stdout

    def test_in_one_process_the_log_goes_to_the_standard_error_of_the_moment(
        self, prepared: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        submission = prepared / ID / "prepared" / "public" / "sample_submission.csv"
        for _ in range(2):
            assert main(["grade-sample", str(submission), ID, "--data-dir", str(prepared)]) == 0
            log = capsys.readouterr().err
            assert json.loads(log[log.index("{") : log.rindex("}") + 1])["valid_submission"] is True
            assert re.search(r"\[INFO\]", log)

    @pytest.mark.parametrize("module", ["mlebench.cli", "mlebench.cli.main"])
    def test_the_command_line_is_a_module(self, prepared: Path, module: str) -> None:
        done = command("prepare", "-c", ID, "--data-dir", prepared, module=module)
        assert done.returncode == 0, done.stdout
        assert "Warning" not in done.stdout

    def test_the_command_line_is_a_function(self, capsys: pytest.CaptureFixture[str]) -> None:
        from mlebench.cli import main as command_line

        assert command_line(["--version"]) == 0
        # as an entry point finds it after the module of that name was imported
        import mlebench.cli

        assert mlebench.cli.main is command_line
        assert capsys.readouterr().out.startswith("mlebench ")

    def test_command_lines_with_short_and_long_options(self, data: Path, tmp_path: Path) -> None:
        (tmp_path / "ids.txt").write_text(f"{ID}\n")
        where = ["--data-dir", str(data)]
        for words in (
            ["-c", ID, "--keep-raw", "--skip-verification"],
            ["--list", str(tmp_path / "ids.txt")],
            ["-l", str(tmp_path / "ids.txt"), "--overwrite-checksums"],
        ):
            assert main(["prepare", *words, *where]) == 0
        submission = data / ID / "prepared" / "public" / "sample_submission.csv"
        (tmp_path / "s.jsonl").write_text(json.dumps({"competition_id": ID, "submission_path": str(submission)}))
        assert main(["grade", "--submission", str(tmp_path / "s.jsonl"), "--output-dir", str(tmp_path / "out"), *where]) == 0
        assert pd.read_json(next((tmp_path / "out").glob("*_grading_report.json")), typ="series")["total_runs"] == 1

    def test_a_leaderboard_that_was_fetched_is_not_fetched_again(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        fetch_board(Registry(data).get_competition(ID))
        assert main(["dev", "download-leaderboard", "-c", ID, "--data-dir", str(data)]) == 0
        assert str(data / ID / "leaderboard.csv") in capsys.readouterr().err


class TestAnAgentFrameworkThatGradesFrames:
    """It calls a competition's grader, and ranks the score on the competition's leaderboard."""

    def test_a_score_has_five_decimals_and_none_is_for_whatever_cannot_be_scored(
        self, competition: Competition, caplog: pytest.LogCaptureFixture
    ) -> None:
        from mlebench.grade import grade_csv
        from mlebench.utils import load_answers, read_csv

        answers = load_answers(competition.answers)
        submission = read_csv(competition.sample_submission)
        score = competition.grader(submission, answers)
        assert score == grade_csv(competition.sample_submission, competition).score
        assert score == round(score, 5)

        for broken in (submission.drop(columns="Transported"), submission.head(3), submission.assign(PassengerId="x")):
            caplog.clear()
            assert competition.grader(broken, answers) is None
            assert "Invalid submission: " in caplog.text

    def test_our_own_callers_get_the_error_and_all_decimals(self, competition: Competition) -> None:
        from mlebench.grade_helpers import Grader, InvalidSubmissionError
        from mlebench.utils import load_answers, read_csv

        grader: Grader = competition.grader
        answers = load_answers(competition.answers)
        submission = read_csv(competition.sample_submission)
        assert round(grader.score(submission, answers), 5) == grader(submission, answers)
        with pytest.raises(InvalidSubmissionError):
            grader.score(submission.drop(columns="Transported"), answers)

    def test_a_grader_has_a_name_and_a_function_and_is_made_of_them(self, competition: Competition) -> None:
        from mlebench.grade_helpers import Grader, InvalidSubmissionError
        from mlebench.utils import load_answers, read_csv

        grader = competition.grader
        assert isinstance(grader, Grader)
        assert grader.name == competition.metric == "accuracy"
        answers = load_answers(competition.answers)
        assert grader.grade_fn(read_csv(competition.gold_submission), answers) == 1.0
        with pytest.raises(InvalidSubmissionError):
            grader.grade_fn(answers[["PassengerId"]], answers)
        assert Grader.from_dict({"name": "mine", "grade_fn": "math:dist"}).name == "mine"
        assert Grader("constant", lambda submission, answers: 1 / 3)(answers, answers) == 0.33333

    def test_the_leaderboard_is_one_of_real_rows(self, data: Path) -> None:
        from mlebench.data import get_leaderboard

        competition = Registry(data).get_competition(ID)
        scores = fetch_board(competition)
        board = pd.read_csv(competition.leaderboard)
        assert board["score"].tolist() == get_leaderboard(competition)["score"].tolist() == scores
        grader = competition.grader
        assert grader.is_lower_better(board) is False
        place = grader.rank_score(0.83, board)
        assert (place["bronze_medal"], place["gold_medal"], place["above_median"]) == (True, False, True)
        assert place["gold_threshold"] == scores[9]
        assert grader.rank_score(None, board)["above_median"] is False
        # a score normalised by the share of teams that it beats
        assert sum(score < 0.83 for score in board["score"]) / len(board) == 0.645

    def test_where_none_was_fetched_nothing_is_taken_for_it(self, competition: Competition) -> None:
        from mlebench.data import get_leaderboard

        assert competition.leaderboard.exists() is False
        assert competition.leaderboard.suffix == ".csv"
        for read in (lambda: get_leaderboard(competition), lambda: pd.read_csv(competition.leaderboard)):
            with pytest.raises(UsageError, match=f"`mlebench leaderboard {ID} --refresh`"):
                read()

    def test_answers_may_be_json_lines(self, prepared: Path) -> None:
        from mlebench.grade import grade_csv
        from mlebench.utils import load_answers, read_csv

        competition = Registry(prepared).get_competition(JSONL)
        answers = load_answers(competition.answers)
        assert isinstance(answers, list) and "example_id" in answers[0]
        for path in (competition.sample_submission, competition.gold_submission):
            assert competition.grader(read_csv(path), answers) == grade_csv(path, competition).score

    def test_an_empty_table_is_a_warning(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        from mlebench.utils import read_csv

        (tmp_path / "empty.csv").touch()
        table = read_csv(tmp_path / "empty.csv")
        assert table.empty and list(table.columns) == []
        assert "empty.csv is empty" in caplog.text


class TestAValidationServer:
    def test_it_wraps_validate_submission(self, competition: Competition, tmp_path: Path) -> None:
        from mlebench.grade import validate_submission

        assert validate_submission(competition.sample_submission, competition)[0] is True
        (tmp_path / "bad.csv").write_text("PassengerId\n1\n")
        valid, message = validate_submission(submission=tmp_path / "bad.csv", competition=competition)
        assert valid is False
        assert "Transported" in message

    def test_a_file_that_is_not_there_needs_no_data(self, tmp_path: Path) -> None:
        from mlebench.grade import validate_submission

        competition = Registry(tmp_path).get_competition(ID)
        (tmp_path / "submission.txt").touch()
        for name, word in (("submission.csv", "missing"), ("submission.txt", "not a .csv file")):
            valid, message = validate_submission(tmp_path / name, competition)
            assert valid is False
            assert word in message

    def test_it_lists_ids_in_the_order_of_their_letters(self) -> None:
        from mlebench.registry import registry

        ids = registry.list_competition_ids()
        assert len(ids) == 82
        assert ids == sorted(ids)


class TestAScriptThatRunsAgents:
    """It makes a folder for each run, hands runs to workers through a queue, and waits until the queue is done."""

    def test_workers_that_reach_for_the_root_loggers_handler_end(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from mlebench.utils import get_runs_dir, get_timestamp

        monkeypatch.setenv("MLEBENCH_RUNS_DIR", str(tmp_path / "runs"))
        group = f"{get_timestamp()}_run-group_dummy"
        with bare_root_logger():
            made = self.work_through([ID, "demo-wine"], group)
        assert [folder.parent for folder in made] == [get_runs_dir() / group] * 2
        assert [folder.name.rpartition("_")[0] for folder in made] == [ID, "demo-wine"]
        assert "\033[1;35mRunning demo-wine\033[0m" in (made[1] / "run.log").read_text()

    @staticmethod
    def work_through(names: list[str], group: str) -> list[Path]:
        from mlebench.utils import create_run_dir, get_logger, purple

        logger = get_logger("agents.run")
        tasks: queue.Queue[str] = queue.Queue()
        made: list[Path] = []

        def work() -> None:
            while True:
                name = tasks.get()
                folder = create_run_dir(name, "dummy", group)
                handler = logging.FileHandler(folder / "run.log")
                handler.setFormatter(logging.getLogger().handlers[0].formatter)
                logger.addHandler(handler)
                logger.info(purple(f"Running {name}"))
                logger.removeHandler(handler)
                handler.close()
                made.append(folder)
                tasks.task_done()

        for name in names:
            tasks.put(name)
        threading.Thread(target=work, daemon=True).start()
        waiting = threading.Thread(target=tasks.join, daemon=True)
        waiting.start()
        waiting.join(timeout=30)
        assert not waiting.is_alive()
        return made

    def test_two_runs_of_one_competition_get_two_folders(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from mlebench.utils import create_run_dir, generate_run_id

        monkeypatch.setenv("MLEBENCH_RUNS_DIR", str(tmp_path))
        assert create_run_dir(ID, "dummy", "group") != create_run_dir(competition_id=ID, agent_id="dummy", run_group="group")
        assert generate_run_id(ID, "dummy", "group") != generate_run_id(ID, "dummy", "group")
        assert "run-group_dummy" in create_run_dir(ID, "dummy").parent.name

    def test_a_log_may_go_to_a_file(self, tmp_path: Path) -> None:
        from mlebench.utils import get_logger

        with bare_root_logger() as root:
            get_logger("first", filename=tmp_path / "log.txt").info("hello")
            get_logger("second", level=logging.DEBUG, filename=tmp_path / "log.txt").debug("once")
            get_logger("third", filename=tmp_path / "other.txt").info("both")
            assert len(root.handlers) == 2
        text = (tmp_path / "log.txt").read_text()
        assert [text.count(word) for word in ("hello", "once", "both")] == [1, 1, 1]
        assert "both" in (tmp_path / "other.txt").read_text()

    def test_it_lists_split_files_and_prepares_each(self) -> None:
        from mlebench.registry import registry

        splits = registry.get_splits_dir()
        sizes = {path.stem: len(path.read_text().split()) for path in splits.glob("*.txt")}
        assert {"low": 22, "medium": 38, "high": 15, "dev": 7, "split75": 75}.items() <= sizes.items()
        low = (splits / "low.txt").read_text().split()
        assert set(low) == set(registry.get_lite_competition_ids())
        assert (registry.get_competitions_dir() / low[0] / "description.md").exists()
        for name in ("low", "medium", "high", "dev"):
            assert set((splits / f"{name}.txt").read_text().split()) == set(registry.list_competition_ids(name))


class TestAScriptThatGradesAndAggregates:
    def test_it_grades_a_list_and_reads_the_totals_by_key(self, prepared: Path, tmp_path: Path) -> None:
        from mlebench.grade import aggregate_reports, grade_csv, grade_jsonl
        from mlebench.grade_helpers import CompetitionReport
        from mlebench.registry import registry

        mine = registry.set_data_dir(new_data_dir=prepared)
        competition = mine.get_competition(competition_id=ID)
        paths = [competition.sample_submission, tmp_path / "missing.csv", tmp_path]
        lines = [json.dumps({"competition_id": ID, "submission_path": str(path)}) for path in paths]
        lines[1:1] = ["# a remark", "", "  // another"]
        (tmp_path / "submissions.jsonl").write_text("\n".join(lines) + "\n")
        grade_jsonl(path_to_submissions=tmp_path / "submissions.jsonl", output_dir=tmp_path / "out", registry=mine)
        (written,) = (tmp_path / "out").glob("*_grading_report.json")
        content = json.loads(written.read_text())
        assert (content["total_runs"], content["total_runs_with_submissions"], content["total_valid_submissions"]) == (3, 1, 1)

        reports = [CompetitionReport.from_dict(entry) for entry in content["competition_reports"]]
        totals = aggregate_reports(competition_reports=reports)
        assert totals["total_runs"] == totals.total_runs == 3
        assert json.loads(json.dumps(totals)) == totals.to_dict() == content
        assert pickle.loads(pickle.dumps(totals)) == totals
        report = grade_csv(path_to_submission=tmp_path / "submissions.jsonl", competition=competition)
        assert report.submission_exists is False

    def test_a_list_needs_no_registry(self, prepared: Path, tmp_path: Path) -> None:
        # the default data directory is settled when a program starts
        line = {"competition_id": ID, "submission_path": str(prepared / ID / "prepared" / "public" / "sample_submission.csv")}
        (tmp_path / "s.jsonl").write_text(json.dumps(line))
        code = "import sys; from mlebench.grade import grade_jsonl; grade_jsonl(*sys.argv[1:])"
        command = [sys.executable, "-c", code, str(tmp_path / "s.jsonl"), str(tmp_path / "out")]
        subprocess.run(command, check=True, env=os.environ | {"MLEBENCH_DATA_DIR": str(prepared)})
        (written,) = (tmp_path / "out").glob("*.json")
        assert json.loads(written.read_text())["total_valid_submissions"] == 1


class TestAHarnessThatReadsACompetitionsAttributes:
    def test_every_attribute_is_there(self, prepared: Path) -> None:
        from mlebench.registry import registry

        mine = registry.set_data_dir(prepared)
        assert isinstance(mine, Registry)
        assert mine.get_data_dir() == prepared
        competition = mine.get_competition(ID)
        assert competition.id == ID
        assert competition.name == "Spaceship Titanic"
        assert competition.competition_type == "simple"
        assert competition.description.startswith("#")
        for path in (competition.answers, competition.gold_submission, competition.sample_submission):
            assert path.is_file()
        assert competition.raw_dir == prepared / ID / "raw"
        assert competition.public_dir == prepared / ID / "prepared" / "public"
        assert competition.private_dir == prepared / ID / "prepared" / "private"

    def test_checksums_are_a_file(self, data: Path) -> None:
        from mlebench.utils import load_yaml

        competition = Registry(data).get_competition(ID)
        assert competition.checksums.is_file()
        sums = load_yaml(competition.checksums)
        assert set(sums["public"]) == {"sample_submission.csv", "test.csv", "train.csv"}
        assert sums["public"]["train.csv"] == competition.facts.md5.public["train.csv"]
        assert set(sums) == {"zip", "public", "private"}
        assert yaml.safe_load(competition.checksums.read_text()) == sums
        # ours to read as it is
        assert competition.checksums.public == sums["public"]

    def test_a_script_prepares_by_hand_with_three_paths(self, tmp_path: Path) -> None:
        from mlebench.registry import registry

        competition = registry.set_data_dir(tmp_path).get_competition(ID)
        make_mock(competition, tmp_path / "raw", size=60, seed=0)
        for folder in ("public", "private"):
            (tmp_path / folder).mkdir()
        assert list(inspect.signature(competition.prepare_fn).parameters) == ["raw", "public", "private"]
        competition.prepare_fn(tmp_path / "raw", tmp_path / "public", tmp_path / "private")
        assert (tmp_path / "public" / "train.csv").exists()

    def test_competitions_are_keys_and_can_be_replaced(self, competition: Competition, tmp_path: Path) -> None:
        from mlebench.grade import grade_csv
        from mlebench.utils import read_csv

        same = Registry(competition.data_dir).get_competition(ID)
        assert {competition: 1}[same] == 1
        assert len({competition, dataclasses.replace(competition, name="mine")}) == 2

        answers = read_csv(competition.answers)
        answers["Transported"] = ~answers["Transported"]
        answers.to_csv(tmp_path / "answers.csv", index=False)
        turned = dataclasses.replace(competition, answers=tmp_path / "answers.csv", name="Turned round")
        assert (turned.name, turned.id, turned.sample_submission) == ("Turned round", ID, competition.sample_submission)
        assert grade_csv(competition.gold_submission, turned).score == 0.0
        assert dataclasses.replace(turned, raw_dir=tmp_path).name == "Turned round"
        assert pickle.loads(pickle.dumps(turned)) == copy.deepcopy(turned) == turned
        assert dataclasses.asdict(turned)["replaced"]["name"] == "Turned round"
        with pytest.raises(TypeError, match="no 'colour'"):
            dataclasses.replace(competition, colour="red")

    def test_scores_are_ranked_on_the_board_that_was_put_in(self, competition: Competition, tmp_path: Path) -> None:
        from mlebench.grade import grade_csv

        (tmp_path / "board.csv").write_text("score\n" + "\n".join(str(1 + place) for place in range(100, 0, -1)))
        report = grade_csv(competition.gold_submission, dataclasses.replace(competition, leaderboard=tmp_path / "board.csv"))
        assert (report.score, report.any_medal, report.gold_threshold) == (1.0, False, 92.0)

    def test_folders_that_were_put_in_are_not_prepared_elsewhere(self, competition: Competition, tmp_path: Path) -> None:
        from mlebench.data import download_and_prepare_dataset

        with pytest.raises(UsageError, match=r"registry\.set_data_dir"):
            download_and_prepare_dataset(dataclasses.replace(competition, raw_dir=tmp_path))

    def test_a_competition_reaches_another_process(self, competition: Competition) -> None:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(name_of, (dataclasses.replace(competition, name="mine"),)) == "mine"


def name_of(competition: Competition) -> str:
    return competition.name


class TestArgumentNames:
    """Programs may give every argument by its published name."""

    @pytest.mark.parametrize(
        ("place", "names"),
        [
            ("mlebench.data:download_and_prepare_dataset",
             "competition keep_raw overwrite_checksums overwrite_leaderboard skip_verification"),
            ("mlebench.data:download_dataset", "competition_id download_dir quiet force"),
            ("mlebench.data:ensure_leaderboard_exists", "competition force"),
            ("mlebench.data:get_leaderboard", "competition"),
            ("mlebench.data:is_dataset_prepared", "competition grading_only"),
            ("mlebench.grade:aggregate_reports", "competition_reports"),
            ("mlebench.grade:grade_csv", "path_to_submission competition"),
            ("mlebench.grade:grade_jsonl", "path_to_submissions output_dir registry"),
            ("mlebench.grade:validate_submission", "submission competition"),
            ("mlebench.registry:Registry.get_competition", "self competition_id"),
            ("mlebench.registry:Registry.set_data_dir", "self new_data_dir"),
            ("mlebench.utils:compress", "src compressed exist_ok"),
            ("mlebench.utils:create_run_dir", "competition_id agent_id run_group"),
            ("mlebench.utils:extract", "src dst recursive"),
            ("mlebench.utils:get_logger", "name level filename"),
            ("mlebench.utils:load_answers", "path_to_answers"),
            ("mlebench.utils:read_jsonl", "file_path skip_commented_out_lines"),
        ],
    )  # fmt: skip
    def test_they_come_in_the_published_order(self, place: str, names: str) -> None:
        module, _, path = place.partition(":")
        found: object = __import__(module, fromlist=["_"])
        for name in path.split("."):
            found = getattr(found, name)
        parameters = inspect.signature(found).parameters.values()  # type: ignore[arg-type]
        positional = [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
        assert positional == names.split()
