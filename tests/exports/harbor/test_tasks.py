"""What a task holds, and what becomes of profiles, rewards and a user's own competitions."""

from __future__ import annotations

import importlib.metadata
import stat
from pathlib import Path

import pytest
import yaml

from mlebench._support.paths import content_dir
from mlebench._support.version import VERSION
from mlebench.cli.main import main
from mlebench.registry import Registry
from tests.exports.harbor.conftest import Exported

WINE = "demo-wine"


def test_a_task_is_a_folder_in_harbors_form(exported: Exported) -> None:
    exported.export(WINE, "--without-data")
    recipe = {f"environment/packages/{name}" for name in ("light.txt",)} | {"environment/runtime/entrypoint.sh"}
    files = exported.files(WINE)
    assert recipe <= files.keys()
    assert {name.split("/")[0] for name in files} == {"task.toml", "instruction.md", "environment", "tests"}
    assert {name for name in files if name.startswith("tests/")} == {
        f"tests/{name}" for name in ("Dockerfile", "docker-compose.yaml", "requirements.txt", "test.sh")
    }
    assert (exported.folder / WINE / "tests/test.sh").stat().st_mode & stat.S_IXOTH
    config = exported.config(WINE)
    assert config["schema_version"] == "1.4"
    assert config["task"]["name"] == "mlebench/demo-wine"
    assert config["artifacts"] == ["/home/submission/submission.csv"]
    assert config["verifier"]["environment_mode"] == "separate"


def test_its_metadata_say_what_it_is_made_of(exported: Exported) -> None:
    exported.export("spaceship-titanic", "--without-data", "--edition", "v2", "--profile", "cpu", "--reward", "gold")
    competition = Registry(edition="v2").get_competition("spaceship-titanic")
    metadata = exported.config("spaceship-titanic")["metadata"]
    assert metadata["edition"] == "v2" and metadata["competition_version"] == competition.facts.version
    assert (metadata["split"], metadata["modality"]) == (competition.split, "tabular")
    assert (metadata["profile"], metadata["reward"], metadata["harness_version"]) == ("cpu", "gold", VERSION)
    assert "--edition v2 --reward gold" in exported.text("spaceship-titanic/tests/test.sh")
    assert exported.text("spaceship-titanic/instruction.md").endswith(competition.description)


def test_the_profile_bounds_the_agent(exported: Exported) -> None:
    exported.export(WINE, "--without-data", "--profile", "gpu", "--profile-set", "time_limit=90m", "--profile-set", "pids=99")
    config = exported.config(WINE)
    assert config["agent"] == {"timeout_sec": 5400.0, "user": 1000}
    bounds = {key: config["environment"][key] for key in ("cpus", "memory_mb", "storage_mb", "gpus", "network_mode")}
    assert bounds == {"cpus": 8.0, "memory_mb": 65536, "storage_mb": 102400, "gpus": 1, "network_mode": "public"}
    assert config["environment"]["env"]["TIME_LIMIT_SECS"] == "5400"
    assert config["environment"]["env"]["OMP_NUM_THREADS"] == "8"
    service = yaml.safe_load(exported.text(f"{WINE}/environment/docker-compose.yaml"))["services"]["main"]
    assert (service["shm_size"], service["pids_limit"]) == (16 * 2**30, 99)
    assert "nvidia/cuda" in service["build"]["args"]["PARENT"]


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        (["network=none"], {"network_mode": "no-network"}),
        (["network=models"], {"network_mode": "allowlist", "allowed_hosts": []}),
        (["network=models", "allow=pypi.org,*.example.org"],
         {"network_mode": "allowlist", "allowed_hosts": ["pypi.org", "*.example.org"]}),
    ],
)  # fmt: skip
def test_what_the_profile_closes_is_closed_while_the_agent_works(
    settings: list[str], policy: dict[str, object], exported: Exported
) -> None:
    exported.export(WINE, "--without-data", *(word for setting in settings for word in ("--profile-set", setting)))
    agent = exported.config(WINE)["agent"]
    assert {key: agent[key] for key in agent if key in ("network_mode", "allowed_hosts")} == policy


@pytest.mark.parametrize("host", ["pypi.org:8443", "a_b.example.org"])
def test_hosts_that_harbor_cannot_open_are_refused(host: str, exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--profile-set", "network=models", "--profile-set", f"allow={host}", "-o", str(exported.folder)]
    assert main(["export", "harbor", WINE, "--without-data", *words]) == 2
    assert f"the profile allows `{host}`" in capsys.readouterr().err
    assert not exported.folder.exists()


def test_agents_are_told_the_same_but_what_is_not_there(exported: Exported) -> None:
    exported.export(WINE, "--without-data")
    told = exported.text(f"{WINE}/instruction.md")
    ours = (content_dir("containers") / "instructions.txt").read_text()
    ours_by_title, harbors = by_title(ours), by_title((content_dir("containers") / "instructions_harbor.txt").read_text())
    assert list(ours_by_title) == list(harbors)
    assert {title for title in harbors if harbors[title] != ours_by_title[title]} == {
        "THE TASK", "CHECKING A SUBMISSION", "TIME AND MACHINE"
    }  # fmt: skip
    assert told.startswith(ours.splitlines()[0])
    assert "/home/submission/submission.csv" in told
    for absent in ("validate_submission", "localhost:5000", "description.md"):
        assert absent not in told


def by_title(text: str) -> dict[str, str]:
    """The sections of instructions by their titles, lines in capitals."""
    sections: dict[str, str] = {"": ""}
    for line in text.splitlines(keepends=True):
        if line.strip() and line.isupper() and line[0].isalpha():
            sections[line.strip()] = ""
        else:
            sections[list(sections)[-1]] += line
    return sections


def test_the_verifier_grades_with_the_libraries_that_are_here(exported: Exported) -> None:
    exported.export(WINE, "--without-data")
    assert f"pandas=={importlib.metadata.version('pandas')}\n" in exported.text(f"{WINE}/tests/requirements.txt")
    assert f"--no-deps mlebench=={VERSION}\n" in exported.text(f"{WINE}/tests/Dockerfile")
    compose = yaml.safe_load(exported.text(f"{WINE}/tests/docker-compose.yaml"))
    assert compose["services"]["main"]["network_mode"] == "none"


def test_a_wheel_takes_the_place_of_the_package_index(exported: Exported, tmp_path: Path) -> None:
    wheel = tmp_path / "mlebench-0.9-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    exported.export(WINE, "--without-data", "--wheel", str(wheel))
    assert exported.files(WINE)[f"tests/{wheel.name}"] == b"wheel"
    dockerfile = exported.text(f"{WINE}/tests/Dockerfile")
    assert f"COPY {wheel.name} /packages/\n" in dockerfile and f"--no-deps /packages/{wheel.name}\n" in dockerfile


def test_a_ready_image_takes_the_place_of_the_recipe(exported: Exported) -> None:
    exported.export(WINE, "--without-data", "--image", "mlebench/base:light")
    environment = {name for name in exported.files(WINE) if name.startswith("environment/")}
    assert environment == {"environment/Dockerfile", "environment/docker-compose.yaml"}
    service = yaml.safe_load(exported.text(f"{WINE}/environment/docker-compose.yaml"))["services"]["main"]
    assert service["build"]["args"] == {"BASE": "mlebench/base:light"}


def test_a_competition_of_ones_own_travels_with_its_task(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-competition", "my-own"]) == 0
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "competitions"))
    exported.export("my-own", "--without-data")
    files = exported.files("my-own")
    for path in (tmp_path / "competitions" / "my-own").rglob("*.py"):
        assert files[f"tests/competitions/my-own/{path.name}"] == path.read_bytes()
    assert not [name for name in files if name.endswith(".py") and not name.startswith(("tests/", "environment/runtime/"))]
    assert "ENV MLEBENCH_COMPETITIONS_PATH=/competitions\n" in exported.text("my-own/tests/Dockerfile")


def test_percentiles_need_a_leaderboard(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--without-data", "--reward", "percentile", "-o", str(exported.folder)]
    assert main(["export", "harbor", "spaceship-titanic", *words]) == 2
    assert "`mlebench leaderboard spaceship-titanic --refresh` gets it" in capsys.readouterr().err
    exported.export(WINE, "--without-data", "--reward", "percentile")


def test_the_split_key_is_left_to_whoever_runs_the_task(exported: Exported) -> None:
    exported.export("spaceship-titanic", "--without-data", "--edition", "v2", "--split-key", "our secret")
    assert exported.config("spaceship-titanic")["verifier"]["environment"]["env"] == {
        "MLEBENCH_SPLIT_KEY": "${MLEBENCH_SPLIT_KEY}"
    }
    assert not [name for name, content in exported.files("spaceship-titanic").items() if b"our secret" in content]
    metadata = exported.config("spaceship-titanic")["metadata"]
    assert metadata["split_key_hash"] in metadata["volume"]
