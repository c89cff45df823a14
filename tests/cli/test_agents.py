"""`mlebench agents` lists what there is in a row each, shows an agent in full, and builds what it is told to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlebench._support import terminal
from mlebench.agents import AgentSpec
from mlebench.cli.main import main
from mlebench.errors import EngineUnreachable, WorkFailed
from mlebench.sandbox.docker import engine, images

CODER = """
description: writes code
version: 1.2.3
stages: [node]
models: ["${{ arguments.model }}"]
dialects: [responses]
arguments: {model: small, effort: high, seed_file: null}
resources: {network: models, shm: 2g}
environment: {SEARCH_KEY: "${{ secrets.SEARCH_KEY }}"}
variants:
  talker: {arguments: {model: chatty}}
  quick: {arguments: {effort: low}, package_set: full}
  lacking: {arguments: {model: null}}
"""
MODELS = """
providers:
  mine: {dialects: [chat, responses], base_url: "http://127.0.0.1:9/v1", key: MY_KEY}
  talk: {dialects: [chat], base_url: "http://127.0.0.1:9/v1"}
models:
  small: {provider: mine}
  chatty: {provider: talk}
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an own agent `coder`, with models of its own and no key, on a machine without an engine."""
    folder = tmp_path / "agents" / "coder"
    folder.mkdir(parents=True)
    (folder / "agent.yaml").write_text(CODER)
    (folder / "start.sh").write_text("true\n")
    (folder / "Dockerfile").write_text("ARG BASE\nARG NODE\nFROM ${NODE} AS build\nFROM ${BASE}\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLEBENCH_AGENTS_PATH", str(tmp_path / "agents"))
    monkeypatch.setenv("MLEBENCH_MODELS", str(tmp_path / "models.yaml"))
    monkeypatch.setenv("MLEBENCH_BASE_IMAGE", "parent")
    monkeypatch.setattr(engine, "connect", _no_engine)
    for name in ("MY_KEY", "SEARCH_KEY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def _no_engine(seconds: float = 0.0) -> Any:
    raise EngineUnreachable("no container engine answers")


@dataclass
class Builder:
    """Stands in the place of an engine's builds."""

    asked: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)

    def ensure(
        self, client: Any, agent: AgentSpec, log: images.Log, rebuild: bool = False, *, listener: Any = None
    ) -> images.Image:
        self.asked.append(f"{agent.id}{' again' if rebuild else ''}")
        if agent.id in self.failing:
            raise WorkFailed(f"building {agent.id} failed: no space")
        return images.Image(f"mlebench/agent-{agent.name}:light", "sha256:1")


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Builder:
    made = Builder()
    monkeypatch.setattr(engine, "connect", lambda: None)
    monkeypatch.setattr(images, "ensure_agent_image", made.ensure)
    return made


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["agents", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_each_agent_has_a_row_and_its_variants_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    (row,) = (line for line in out.splitlines() if line.startswith("│ coder"))
    assert code == 0
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "coder", "1.2.3", "small", "models", "no engine", "–"
    ]  # fmt: skip
    assert "coder: writes code\n    variants: talker, quick, lacking\n" in out
    assert "`mlebench agents NAME` shows an agent in full" in err
    for name in ("aide", "baseline", "codex", "command", "dummy"):
        assert f"│ {name} " in out


def test_every_variant_has_a_row_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--variants")
    rows = [line.split("│") for line in out.splitlines() if line.startswith("│ coder")]
    assert [(cells[1].strip(), cells[3].strip()) for cells in rows] == [
        ("coder", "small"), ("coder/talker", "chatty"), ("coder/quick", "small"), ("coder/lacking", "–")
    ]  # fmt: skip
    assert "variants:" not in out
    # a variant that is described like its agent is not described again
    assert "coder: writes code" in out and "coder/quick: " not in out and "\naide/local: like `compatible`" in out


def test_a_row_fits_an_ordinary_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_WIDTH_OF_FILES", 100)
    rows = [line for line in run(capsys)[1].splitlines() if line.startswith("│")]
    named = [line.split("│")[1].strip() for line in rows]
    assert "codex" in named and max(map(len, rows)) <= 100
    # only a name of a model may need a second line
    assert all(cell.strip() == "" for line in rows if not line.split("│")[1].strip() for cell in line.split("│")[4:-1])


def test_a_list_in_json_holds_every_variant_with_all_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--json")
    found = {entry["id"]: entry for entry in json.loads(out)}
    coder = found["coder/quick"]
    assert code == 0
    assert (coder["version"], coder["dialects"], coder["stages"], coder["network"]) == (
        "1.2.3",
        ["responses"],
        ["node"],
        "models",
    )
    assert (coder["models"], coder["secrets"], coder["arguments"]["effort"]) == (["small"], ["SEARCH_KEY"], "low")
    assert (coder["container"]["kind"], coder["container"]["image"]) == ("own", "mlebench/agent-coder:full")
    assert coder["container"]["state"] is None and coder["image"] is None
    assert found["command"]["container"]["kind"] == "ready-made"


def test_an_agent_in_full_says_what_is_missing_and_how_to_run_it(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "coder")
    assert code == 0
    for fact in ("writes code", "1.2.3", "responses", "shm=2g", "model=small effort=high", "seed_file", "SEARCH_KEY"):
        assert fact in out, fact
    assert "│ coder/quick   │ small  │ models  │ effort=low      │ full        │" in out
    assert "run it: `mlebench run --agent coder -c spaceship-titanic`" in out
    assert "missing: model `small` needs the key MY_KEY; set it with `export MY_KEY=…`" in out
    assert "missing: agent coder needs the secret SEARCH_KEY" in out
    assert "missing: no container engine answers" in out


def test_what_is_missing_follows_the_machine(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret-key-of-mine")
    monkeypatch.setenv("SEARCH_KEY", "secret-key-of-search")
    _, out, _ = run(capsys, "coder", "--json")
    (coder,) = json.loads(out)
    assert coder["missing"] == ["no container engine answers; start Docker or Podman"]
    assert coder["command"] == ["mlebench", "run", "--agent", "coder", "-c", "spaceship-titanic"]
    assert coder["variants"] == ["coder/talker", "coder/quick", "coder/lacking"]
    assert "secret-key" not in out


def test_a_model_that_the_agent_cannot_talk_to_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "coder/talker")
    assert "missing: agent coder/talker calls models in responses, but model `chatty` only supports chat" in out


def test_a_model_that_no_file_has_is_named(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    (home / "agent.yaml").write_text(CODER.replace("model: small", "model: smal"))
    assert "missing: unknown model `smal`; did you mean `small`?" in run(capsys, "coder")[1]


def test_an_argument_that_a_run_needs_stands_in_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "coder/lacking", "--json")
    (lacking,) = json.loads(out)
    assert lacking["command"][-2:] == ["--argument", "model=…"]
    assert lacking["unset_arguments"] == ["model", "seed_file"]


def test_an_agent_given_by_its_path_is_run_by_its_path(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLEBENCH_AGENTS_PATH")
    assert "`mlebench run --agent ./agents/coder/quick -c spaceship-titanic`" in run(capsys, "./agents/coder/quick")[1]


def test_a_stage_that_does_not_exist_is_said(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    (home / "agent.yaml").write_text(CODER.replace("[node]", "[nod]"))
    assert "missing: agent coder builds on the stage `nod`, which does not exist" in run(capsys, "coder")[1]
    (row,) = (line for line in run(capsys)[1].splitlines() if line.startswith("│ coder"))
    assert "│ wrong " in row
    code, _, err = run(capsys, "build", "codex", "coder")
    assert code == 2 and "`stages` in its agent.yaml may list node or python" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["codr"], "unknown agent `codr`; did you mean `coder`? `mlebench agents` lists all agents"),
        (["coder/quik"], "unknown variant `quik` of agent coder; did you mean `quick`?"),
        (["bulid", "coder", "aide"], "did you mean `mlebench agents build coder aide`?"),
        (["list", "coder"], "unexpected argument `coder`"),
        (["coder", "--variants"], "`--variants` is an option of `mlebench agents`"),
        (["--variants", "coder"], "`--variants` goes with the list; `mlebench agents coder` shows"),
        (["coder", "--rebuild"], "`--rebuild` is an option of `mlebench agents build`"),
        (["--all"], "`--all` is an option of `mlebench agents build`"),
        (["build"], "no agent given; run `mlebench agents build NAME`"),
        (["build", "coder", "--all"], "not both"),
        (["build", "coder", "codr"], "unknown agent `codr`; did you mean `coder`? `mlebench agents` lists all agents"),
    ],
)
def test_wrong_words_are_explained(capsys: pytest.CaptureFixture[str], builder: Builder, words: list[str], told: str) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert told in err
    assert builder.asked == []


def test_several_images_are_built_once_each(capsys: pytest.CaptureFixture[str], builder: Builder) -> None:
    code, out, _ = run(capsys, "build", "coder", "dummy", "coder", "--rebuild")
    assert code == 0
    assert builder.asked == ["coder again", "dummy again"]
    assert out.splitlines() == ["coder: mlebench/agent-coder:light (sha256:1)", "dummy: mlebench/agent-dummy:light (sha256:1)"]


def test_all_are_those_with_an_image_of_their_own(capsys: pytest.CaptureFixture[str], builder: Builder, home: Path) -> None:
    in_base = home.parent / "in-base"
    in_base.mkdir()
    (in_base / "agent.yaml").write_text("description: needs nothing of its own\n")
    assert run(capsys, "build", "--all")[0] == 0
    assert {"aide", "codex", "coder"} <= set(builder.asked)
    assert not {"command", "in-base"}.intersection(builder.asked)


def test_one_that_fails_keeps_no_other_from_being_built(capsys: pytest.CaptureFixture[str], builder: Builder) -> None:
    builder.failing = {"coder"}
    code, out, err = run(capsys, "build", "coder", "dummy", "--json")
    assert code == 1
    assert [entry["agent"] for entry in json.loads(out)] == ["dummy"]
    assert "1 of 2 images could not be built: coder: building coder failed: no space" in err
    code, out, err = run(capsys, "build", "coder")
    assert (code, out) == (1, "") and "1 of 1" not in err
