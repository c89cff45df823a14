"""experiment.yaml, the flags of `mlebench run`, previews, and what the commands print."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench.agents import AgentSpec
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.runs.experiment import read_experiment
from mlebench.runs.group import Group
from mlebench.runs.schedule.preview import makespan
from tests.scripted import SUBMIT

EXPERIMENT = """
name: nightly
agents:
  - {agent}
  - {{agent: {agent}, arguments: {{steps: 20}}, profile: {{base: demo, time_limit: 2m}}}}
competitions: [toy-a, toy-b]
seeds: [3, 5]
profile: {{base: demo, memory: 1m, cpus: 0.1}}
sandbox: local
parallel: 2
"""


@pytest.fixture
def scripted(agent: Callable[..., AgentSpec], toys: Path) -> str:
    return str(agent(SUBMIT, settings="arguments: {steps: 1}").directory)


@pytest.fixture
def experiment(scripted: str, tmp_path: Path) -> Path:
    path = tmp_path / "experiment.yaml"
    path.write_text(EXPERIMENT.format(agent=scripted))
    return path


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_words(scripted: str, *more: str) -> list[str]:
    return ["run", "--agent", scripted, "-c", "toy-a", "--sandbox", "local", "--profile", "demo", *more]


def test_file_says_everything(experiment: Path) -> None:
    first, second = read_experiment(experiment, {}).plans()
    assert first.competitions == ("toy-a", "toy-b")
    assert first.seeds == (3, 5)
    assert (first.profile.memory, first.profile.cpus, first.profile.time_limit) == (2**20, 0.1, 300)
    assert first.agent.arguments == {"steps": 1}
    assert second.agent.arguments == {"steps": 20}
    assert (second.profile.time_limit, second.profile.cpus) == (120, 1)


def test_flags_replace_what_the_file_says(experiment: Path) -> None:
    (plan, _) = read_experiment(experiment, {"seeds": 1, "competitions": ["toy-c"], "parallel": 1}).plans()
    assert (plan.competitions, plan.seeds) == (("toy-c",), (0,))


def test_a_flag_that_sets_one_value_keeps_the_files_profile(experiment: Path) -> None:
    (plan, _) = read_experiment(experiment, {"profile": {"base": None, "cpus": 2, "disk": "9g"}}).plans()
    assert plan.profile.name.startswith("demo+")
    assert (plan.profile.cpus, plan.profile.memory, plan.profile.disk) == (2, 2**20, 9 * 2**30)
    (plan, _) = read_experiment(experiment, {"profile": {"base": "small", "cpus": 2}}).plans()
    assert (plan.profile.name, plan.profile.memory) == ("small+cpus=2", 8 * 2**30)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agents: [dummy]\nseeds: 0", "`seeds`: .*a number of seeds from 1"),
        ("agents: []", "`agents`"),
        ("agents: [dummy]\ncompetition: [a]", "`competition`"),
        ("agents: [dummy]\nsandbox: podman", "`sandbox`"),
        ("agents: [{agent: dummy, steps: 3}]", r"`agents\.0\.steps`"),
        ("agents: 3", "`agents`"),
    ],
)
def test_wrong_file_is_explained(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "e.yaml").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_experiment(tmp_path / "e.yaml", {})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run"], "no agent given; "),
        (["run", "--agent", "dummy"], "no competition chosen"),
        (["run", "--agent", "dumy", "-c", "toy-a"], "did you mean `dummy`"),
        (["run", "--agent", "dummy", "-c", "toy-x"], "toy-a"),
        (["run", "--agent", "dummy", "-c", "toy-a", "--profile", "dmo"], "unknown profile `dmo`; did you mean `demo`?"),
        (["run", "--agent", "dummy", "-c", "toy-a", "--profile-set", "cpus"], "KEY=VALUE"),
        (["run", "--agent", "dummy", "-c", "toy-a", "--profile-set", "memory=lots"], "such as `512m`"),
        (["run", "--agent", "dummy", "-c", "toy-a", "--profile-set", "cpus=lots"], "`cpus`: expected a valid number, not `lots`"),
        (["run", "--agent", "dummy", "-c", "toy-a", "--profile-set", "tme=1h"], "unknown key `tme`; did you mean `time_limit`?"),
        (["run", "--agent", "dummy", "-c", "toy-a", "--budget", "cals=5"], "unknown key `budget.cals`; did you mean `calls`?"),
        (["run", "--agent", "dummy", "-c", "toy-a", "--budget", "calls"], "expected KEY=AMOUNT, such as `usd=5`"),
        (
            ["run", "--agent", "baseline", "-c", "toy-a", "--argument", "maxrows=9"],
            "unknown argument `maxrows` of agent baseline; did you mean `max_rows`?",
        ),
        # has no default, and is known only by where its value goes
        (
            ["run", "--agent", "aide/compatible", "-c", "toy-a", "--argument", "baseurl=x"],
            "unknown argument `baseurl` of agent aide/compatible; did you mean `base_url`?",
        ),
        (["run", "--agent", "dummy", "-c", "toy-a", "-c", "toy-a"], "in the plan twice"),
        (["run", "--agent", "dummy", "-c", "toy-a", "--seeds", "0"], "seeds"),
        (["run", "--agent", "dummy", "-c", "toy-a", "--parallel", "0", "--sandbox", "local"], "parallel"),
        (["run", "--agent", "dummy", "-c", "toy-a", "--sandbox", "local", "--name", "../x"], "is not a valid run group name"),
        (["run", "--agent", "dummy", "-c", "toy-a", "--sandbox", "local", "--profile-set", "cpus=999"], "999 CPUs"),
        (["run", "--resume", "nothing"], "unknown run group `nothing`"),
        (["run", "--resume", "nothing", "--seeds", "2"], "`--seeds` cannot change when a group is resumed"),
        (["run", "missing.yaml"], "cannot read missing.yaml"),
        (["runs", "nothing"], "unknown run group `nothing`"),
        (["runs", "--watch"], "no run group given; "),
        (["agents", "build"], "no agent given; "),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    toys: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    code, out, err = call(capsys, *words)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert not (toys.parent / "runs").exists()


def test_run_ends_with_a_table_and_a_report(scripted: str, capsys: pytest.CaptureFixture[str], runs_dir: Path) -> None:
    code, out, err = call(capsys, *run_words(scripted, "--seeds", "2", "--name", "mine", "--sandbox", "plain"))
    assert code == 0
    assert "toy-a_seed1" in out and "bronze" in out
    assert "no isolation" in err
    assert (runs_dir / "mine" / "grading_report.json").exists()


def test_json_is_one_document_and_nothing_else(scripted: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, *run_words(scripted, "--json"))
    content = json.loads(out)
    assert code == 0
    assert content["states"] == {"finished": 1}
    assert content["runs"][0]["report"]["bronze_medal"] is True
    assert json.loads(call(capsys, "runs", "--json")[1])[0]["state"] == "done"
    assert json.loads(call(capsys, "runs", "latest", "--json")[1])["runs"] == content["runs"]


def test_experiment_makes_a_group_per_agent(experiment: Path, capsys: pytest.CaptureFixture[str], runs_dir: Path) -> None:
    code, _, _ = call(capsys, "run", str(experiment))
    assert code == 0
    assert [path.name for path in sorted(runs_dir.iterdir())] == ["nightly_scripted", "nightly_scripted-2"]
    group = Group.open(runs_dir / "nightly_scripted-2")
    assert group.plan.agent.arguments == {"steps": 20}
    assert all(record.has_valid_submission for record in group.records())


def test_group_records_what_a_reader_needs(scripted: str, capsys: pytest.CaptureFixture[str], runs_dir: Path) -> None:
    call(capsys, *run_words(scripted, "--sandbox", "plain", "--name", "mine", "--argument", "steps=7", "--argument", "model=big"))
    manifest = Group.open(runs_dir / "mine").manifest
    assert manifest["models"] == ["big"]
    assert manifest["arguments"] == {"steps": 7, "model": "big"}
    assert manifest["hardware"]["cpus"] >= 1 and manifest["hardware"]["memory"] > 0
    assert {"version", "commit", "python"} <= set(manifest["harness"])
    assert (manifest["network"], manifest["time_limit_seconds"]) == ("not isolated", 300)


def test_dry_run_starts_nothing_and_names_what_is_missing(
    scripted: str, toys: Path, runs_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = run_words(scripted, "-c", "toy-b", "--seeds", "3", "--parallel", "1", "--dry-run")
    code, out, _ = call(capsys, *words, "--json")
    (preview,) = json.loads(out)
    assert code == 0
    assert (preview["runs"], preview["slots"], preview["problems"]) == (6, 1, [])
    assert preview["expected_seconds"] == preview["longest_seconds"] == 6 * 300
    (toys / "toy-b").rename(toys / "elsewhere")
    code, out, _ = call(capsys, *words)
    assert code == 2
    assert "run `mlebench prepare toy-b`" in out
    assert not runs_dir.exists()


def test_dry_run_of_what_no_machine_holds(scripted: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = run_words(scripted, "--profile-set", "memory=999t", "--dry-run")
    code, out, _ = call(capsys, *words, "--json")
    (preview,) = json.loads(out)
    assert code == 2
    assert (preview["slots"], preview["expected_seconds"], preview["longest_seconds"]) == (0, None, None)
    assert " never " in call(capsys, *words)[1]


def test_missing_secret_is_said_before_anything_starts(
    agent: Callable[..., AgentSpec], toys: Path, runs_dir: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    script = f'echo "key $TOY_KEY"\n{SUBMIT}'
    folder = str(agent(script, settings="environment: {TOY_KEY: '${{ secrets.TOY_KEY }}'}").directory)
    code, _, err = call(capsys, *run_words(folder))
    assert code == 2
    assert "export TOY_KEY=" in err
    assert not runs_dir.exists()
    (tmp_path / ".env").write_text("# keys\nexport TOY_KEY='toy-secret'\n")
    assert call(capsys, *run_words(folder, "--name", "mine"))[0] == 0
    written = [path for path in (runs_dir / "mine").rglob("*") if path.is_file()]
    assert len(written) > 3
    assert not [path for path in written if b"toy-secret" in path.read_bytes()]
    assert "key ***" in (runs_dir / "mine" / "toy-a_seed0" / "run.log").read_text()


def test_tail_shows_the_log_of_a_run(scripted: str, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, *run_words(scripted))
    code, out, _ = call(capsys, "runs", "latest", "--tail", "toy-a_seed0")
    assert code == 0
    assert "exited (0)" in out
    assert "did you mean `latest`?" in call(capsys, "runs", "lates")[2]
    code, _, err = call(capsys, "runs", "latest", "--tail", "toy-a")
    assert code == 2
    assert "toy-a_seed0" in err


def test_obfuscated_runs_read_the_other_description(
    agent: Callable[..., AgentSpec], toys: Path, runs_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(agent('cat "$DATA_DIR/description.md"; echo "$COMPETITION_ID"').directory)
    call(capsys, *run_words(folder, "--obfuscated", "--name", "mine"))
    log = (runs_dir / "mine" / "toy-a_seed0" / "run.log").read_text()
    assert "Predict y.\n" in log and "toy" not in log.split("Predict")[1]


def test_agents_are_listed_with_arguments_and_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "agents", "--json")
    listed: dict[str, Any] = {entry["id"]: entry for entry in json.loads(out)}
    assert code == 0
    assert {"dummy", "baseline"} <= set(listed)
    assert listed["baseline"]["arguments"] == {"max_rows": 200000}


def test_makespan_puts_the_longest_first() -> None:
    assert makespan([([1, 1, 1, 3], 2)]) == 3
    assert makespan([([], 2)]) == makespan([]) == 0
    assert makespan([([1], 0)]) == float("inf")


def test_makespan_of_several_groups_shares_the_slots() -> None:
    assert makespan([([2, 2], 2), ([2, 2], 2)]) == 4
    # one of the second kind fills half of what holds four of the first
    assert makespan([([1, 1], 4), ([1], 2)]) == 1
    assert makespan([([1, 1, 1], 4), ([1], 2)]) == 2
    assert makespan([([1], 3), ([1, 1, 1], 7)]) == 1
    assert makespan([([1], 1), ([1], 0)]) == float("inf")
    assert makespan([([1], 1), ([], 0)]) == 1


def totals(out: str) -> list[list[str]]:
    """The rows `all` of the tables that a dry run prints: of the plan and of the cost."""
    rows = [[cell.strip() for cell in line.strip("│\n").split("│")] for line in out.splitlines() if line.startswith("│")]
    return [row for row in rows if row[0] == "all"]


def test_dry_run_of_several_groups_sums_them_up(
    scripted: str, agent: Callable[..., AgentSpec], tmp_path: Path, runs_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tmp_path / "experiment.yaml"
    experiment.write_text(
        f"agents: [{scripted}, {{agent: {scripted}, profile: {{base: demo, time_limit: 1h, budget: {{usd: 2}}, gpus: 0}}}}]\n"
        "competitions: [toy-a, toy-b]\nseeds: 3\nprofile: {base: demo, budget: {usd: 0.5}}\nsandbox: local\n"
        "network: models\nparallel: 1\n"
    )
    words = ["run", str(experiment), "--dry-run"]

    _, out, _ = call(capsys, *words)

    plan, cost = totals(out)
    assert plan[3:8] == ["12", "–", "–", "6 h 30 min", "6 h 30 min"], out
    assert cost[1:] == ["6.5", "0", "0 B", "600.0 MiB", "no limit", "no limit", "no limit", "15"], out
    assert isinstance(json.loads(call(capsys, *words, "--json")[1]), list)
    # a group without a limit leaves the sum without one
    experiment.write_text(experiment.read_text().replace("budget: {usd: 0.5}", "budget: {calls: 5}"))
    assert totals(call(capsys, *words)[1])[1][5:] == ["no limit"] * 4
    experiment.write_text(experiment.read_text().replace("network: models", "network: none"))
    assert totals(call(capsys, *words)[1])[1][5:] == ["0"] * 4
    # one group is its own sum
    _, out, _ = call(capsys, *run_words(scripted, "--network", "models", "--budget", "usd=1", "--dry-run"))
    assert totals(out) == []
    assert not runs_dir.exists()
