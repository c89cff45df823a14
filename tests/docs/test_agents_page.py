"""What the page on the agents says is what their folders, and the models, hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlebench.agents import AgentFile, list_agents
from mlebench.cli.main import main
from mlebench.gateway.catalogue import read_catalogue

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
AGENTS = list_agents()


def section(title: str) -> str:
    [found] = re.findall(rf"^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)", TEXT, flags=re.DOTALL | re.MULTILINE)
    return found


def section_of(agent: str) -> str:
    """One section may describe several agents: `### baseline and dummy`."""
    return next(section(title) for title in re.findall(r"^### (.*)$", TEXT, flags=re.MULTILINE) if agent in title.split(" and "))


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the first table, the head's first."""
    [table, *_] = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    head, _, *lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    return [head, *lines]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def dialects_of(agent: AgentFile) -> list[str]:
    """Those of the agent itself and of its variants."""
    each = [agent, *agent.variants.values()]
    return list(dict.fromkeys(dialect for one in each for dialect in one.dialects or ()))


HEAD, *TABLE = rows(TEXT)


def test_every_agent_has_a_row_and_a_section() -> None:
    assert HEAD[:4] == ["agent", "what it is", "dialects", "variants"]
    assert [code(row[0])[0] for row in TABLE] == list(AGENTS)
    for name in AGENTS:
        assert f"--agent {name}" in section_of(name) or name == "dummy"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: code(row[0])[0])
def test_versions_dialects_and_variants_are_those_of_the_folders(row: list[str]) -> None:
    agent: AgentFile = AGENTS[code(row[0])[0]]
    if agent.version:
        assert f" {agent.version}" in row[1]
    assert code(row[2]) == dialects_of(agent)
    assert code(row[3]) == [variant for variant in agent.variants if not variant.endswith("-full")]
    # a packaged program takes space
    assert bool(re.search(r"^\d+ MB$", row[4])) == bool(agent.version)


@pytest.mark.parametrize("name", [name for name, agent in AGENTS.items() if agent.version or agent.dialects])
def test_a_section_names_every_argument_with_its_default(name: str) -> None:
    agent, text = AGENTS[name], section_of(name)
    named: dict[str, str] = {}
    for row in rows(text):
        for argument in code(row[0]):
            named[argument] = row[2]
    for argument, default in agent.arguments.items():
        assert argument in named, argument
        if not isinstance(default, str):
            assert json.dumps(default) in named[argument], argument


def test_which_agent_asks_which_provider() -> None:
    catalogue = read_catalogue([])
    speaks: dict[str, set[Any]] = {}
    for name in catalogue.models:
        model = catalogue.get(name)
        speaks.setdefault(model.provider, set()).update(model.dialects)
    [_, *providers], *table = rows(section("Which agent can ask which model"))
    assert set(speaks) < {name for cell in providers for name in code(cell)}
    speaks["compatible"] = {"chat"}
    asking = {name: dialects for name, agent in AGENTS.items() if (dialects := dialects_of(agent))}
    assert sorted(name for row in table for name in code(row[0])) == sorted(asking)
    for row in table:
        for name in code(row[0]):
            for provider, cell in zip(providers, row[1:], strict=True):
                can = bool(speaks[code(provider)[0]].intersection(asking[name]))
                assert (cell == "yes") == can, (name, provider)


class TestPaperTable:
    def test_it_is_previewed_without_a_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "a-key")
        words = ["run", str(ROOT / "docs" / "paper-table.yaml"), "--dry-run", "--data-dir", str(tmp_path / "data"),
                 "--runs-dir", str(tmp_path / "runs")]  # fmt: skip

        # 2: nothing is prepared here, and no machine of tests holds 36 CPUs, 440 GB and a GPU
        assert main([*words, "--json"]) == 2
        previews = json.loads(capsys.readouterr().out)

        assert [entry["agent"].partition("/")[0] for entry in previews] == ["aide", "mlab", "openhands"]
        assert {(entry["runs"], len(entry["competitions"]), len(entry["seeds"])) for entry in previews} == {(66, 22, 3)}
        assert {entry["profile"]["network"] for entry in previews} == {"models"}
        assert {name for entry in previews for name in entry["models"]} == {"gpt-4o"}
        assert all("and 19 more are not prepared in" in entry["problems"][0] for entry in previews)
        usd, hours = sum(entry["most_usd"] for entry in previews), sum(entry["gpu_hours"] for entry in previews)
        assert f"{usd:,.0f} USD" in section("The paper's table") and f"{hours:,.0f} GPU-hours" in section("The paper's table")
        assert main(words) == 2
        [total] = [line for line in capsys.readouterr().out.splitlines() if re.match(r"│ all .*GiB", line)]
        assert total.count(f" {hours:,g} ") == 2 and f" {usd:,g} " in total
        assert not (tmp_path / "runs").exists()
