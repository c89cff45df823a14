"""agent.yaml: inheritance of variants, placeholders, how a name finds its folder, and what wrong files say."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlebench import agents
from mlebench.agents import AgentSpec, file_digest, get_agent, list_agents, script_problems
from mlebench.errors import UsageError
from mlebench.sandbox.docker import images

VARIANTS = """
description: searches
arguments: {steps: 100, model: none, "agent.code.model": coder}
environment:
  OPENAI_API_KEY: ${{ secrets.OPENAI_API_KEY }}
  OPENAI_BASE_URL: ${{ arguments.base_url }}/v1
resources: {shm: 1g}
variants:
  gpt: {arguments: {model: gpt, base_url: "https://example.org"}}
  gpt-long: {extends: gpt, description: searches long, arguments: {steps: 500}, resources: {cpus: 4}}
  gpt-plain: {extends: gpt-long, arguments: {steps: null}, environment: {OPENAI_API_KEY: none}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLEBENCH_AGENTS_PATH", str(tmp_path / "own"))
    return write(tmp_path / "own", "searcher", VARIANTS)


def write(parent: Path, name: str, text: str) -> Path:
    (parent / name).mkdir(parents=True)
    (parent / name / "agent.yaml").write_text(text)
    return parent / name


def test_variant_inherits_key_by_key(folder: Path) -> None:
    agent = get_agent("searcher/gpt-long")
    assert agent.id == "searcher/gpt-long"
    assert agent.arguments == {
        "steps": 500, "model": "gpt", "agent.code.model": "coder", "base_url": "https://example.org"
    }  # fmt: skip
    assert agent.resources == {"shm": "1g", "cpus": 4}
    assert agent.description == "searches long"
    assert agent.models == ["gpt", "coder"]
    assert agent.secret_names == ["OPENAI_API_KEY"]


def test_null_takes_an_inherited_argument_away(folder: Path) -> None:
    agent = get_agent("searcher/gpt-plain")
    assert "steps" not in agent.arguments
    assert agent.secret_names == []


def test_arguments_become_words() -> None:
    agent = AgentSpec("a", None, Path(), arguments={"text": "a b", "number": 1, "flag": True, "list": [1, "x"]})
    assert agent.command_arguments == ["text=a b", "number=1", "flag=true", 'list=[1, "x"]']


def test_placeholders_are_filled_in(folder: Path) -> None:
    environment = get_agent("searcher/gpt").resolve_environment({"OPENAI_API_KEY": "sk-1"})
    assert environment == {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "https://example.org/v1"}


def test_missing_secret_or_argument_is_named(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"needs the secret OPENAI_API_KEY.*`.env`"):
        get_agent("searcher/gpt").resolve_environment({})
    with pytest.raises(UsageError, match=r"needs the argument base_url.*--argument base_url"):
        get_agent("searcher").resolve_environment({"OPENAI_API_KEY": "sk-1"})


def test_models_are_named_by_the_agents_file_or_by_its_arguments(tmp_path: Path) -> None:
    text = """
models: ["${{ arguments.model }}", fixed, "${{ arguments.model }}"]
arguments: {model: one, other_model: not-asked}
variants:
  two: {arguments: {model: two}}
  none: {models: []}
  lacking: {arguments: {model: null}}
"""
    folder = write(tmp_path, "asker", text)
    agents_by_name = {name: get_agent(f"{folder}/{name}") for name in ("two", "none", "lacking")}
    assert get_agent(str(folder)).models == ["one", "fixed"]
    assert agents_by_name["two"].models == ["two", "fixed"]
    assert agents_by_name["none"].models == ["one", "not-asked"]
    assert (agents_by_name["lacking"].models, agents_by_name["lacking"].missing_arguments) == (["fixed"], ["model"])
    assert AgentSpec.from_dict(agents_by_name["two"].to_dict()) == agents_by_name["two"]


PACKAGED = """
version: 1.2.3
stages: [node]
dialects: [responses, chat]
variants:
  plain: {arguments: {steps: 1}}
  messages: {version: 2.0.1, dialects: [messages], stages: [node, python]}
  without: {extends: messages, stages: []}
"""


def test_version_dialects_and_stages_are_inherited_and_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = write(tmp_path, "packaged", PACKAGED)
    found = {name: get_agent(f"{folder}/{name}" if name else str(folder)) for name in ("", "plain", "messages", "without")}
    shown = {name: (agent.version, agent.dialects, agent.stages) for name, agent in found.items()}
    assert shown[""] == shown["plain"] == ("1.2.3", ("responses", "chat"), ("node",))
    assert shown["messages"] == ("2.0.1", ("messages",), ("node", "python"))
    assert shown["without"] == ("2.0.1", ("messages",), ())
    for agent in found.values():
        assert AgentSpec.from_dict(json.loads(json.dumps(agent.to_dict()))) == agent


def test_an_agent_that_packages_nothing_has_none_of_these(folder: Path) -> None:
    agent = get_agent("searcher")
    assert (agent.version, agent.dialects, agent.stages) == (None, None, ())
    assert AgentSpec.from_dict(json.loads(json.dumps(agent.to_dict()))) == agent


def test_an_agent_that_an_earlier_harness_recorded_is_read(folder: Path) -> None:
    content = get_agent("searcher/gpt").to_dict()
    for key in ("version", "dialects", "stages", "named_models"):
        del content[key]
    assert AgentSpec.from_dict(content) == get_agent("searcher/gpt")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("dialects: [respones]", "`dialects.0`"),
        ("dialects: chat", "`dialects`"),
        ("dialects: [[chat]]", "`dialects.0`"),
        ("version: 1.10", "`version`"),
        ("version: [1]", "`version`"),
        ("stages: node", "`stages`"),
        ("stages: {node: 1}", "`stages`"),
        ("variants: {a: {dialects: [http]}}", "`variants.a.dialects"),
    ],
)
def test_wrong_values_of_these_are_explained(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(UsageError, match=re.escape(where)) as refused:
        get_agent(str(write(tmp_path, "packaged", text)))
    assert "packaged/agent.yaml" in str(refused.value)


@pytest.mark.parametrize("models", ['["${{ secrets.KEY }}"]', '[""]', "[' ']", "gpt", "[[a]]", "{a: b}"])
def test_what_names_no_model_is_refused(tmp_path: Path, models: str) -> None:
    with pytest.raises(UsageError, match="models"):
        get_agent(str(write(tmp_path, "asker", f"models: {models}")))


def test_record_of_an_agent_holds_no_secret_and_reads_back(folder: Path) -> None:
    agent = get_agent("searcher/gpt")
    assert "sk-1" not in str(agent.to_dict())
    assert AgentSpec.from_dict(agent.to_dict()) == agent


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("variants: {a: {extends: b}, b: {extends: a}}", "cycle"),
        ("variants: {a: {extends: missing}}", "'missing', which does not exist"),
        ("argumnts: {}", "`argumnts`"),
        ("arguments: 3", "`arguments`"),
        ('environment: {"A=B": x}', "'A=B' is not a valid variable name"),
        ('environment: {"": x}', "'' is not a valid variable name"),
        ('environment: {A: "b\\0c"}', "'A' contains a NUL byte"),
        ('variants: {a: {environment: {"A=B": x}}}', "'A=B' is not a valid variable name"),
        (": [", "not valid YAML"),
        ("- a", "holds a list"),
    ],
)
def test_wrong_file_is_explained(folder: Path, tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "own", "wrong", text)
    with pytest.raises(UsageError, match=message) as caught:
        get_agent("wrong")
    assert "agent.yaml" in str(caught.value)


def test_near_names_are_told(folder: Path) -> None:
    with pytest.raises(UsageError, match="did you mean `searcher`"):
        get_agent("sercher")
    with pytest.raises(UsageError, match="did you mean `gpt-long`"):
        get_agent("searcher/gpt-lang")
    with pytest.raises(UsageError, match=r"searcher does not exist; `mlebench new-agent \.\./searcher` creates"):
        get_agent("../searcher")
    with pytest.raises(UsageError, match="agent dummy has no variants; omit `/deep`"):
        get_agent("dummy/deep")


def test_own_agents_stand_beside_the_shipped_ones_and_hide_them(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "own", "dummy", "description: my own dummy")
    agents = list_agents()
    assert {"searcher", "baseline", "dummy"} <= set(agents)
    assert agents["dummy"].description == "my own dummy"
    assert get_agent("dummy").directory == tmp_path / "own" / "dummy"


def test_agent_is_found_by_its_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert get_agent("./searcher/gpt").id == "searcher/gpt"
    assert get_agent(str(folder)).variant is None


def test_a_path_needs_no_leading_dot_where_no_agent_has_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parents[1])
    assert get_agent("own/searcher").directory == folder
    assert get_agent("own/searcher/gpt").id == "searcher/gpt"
    write(folder.parents[1] / "searcher", "gpt", "description: a folder that reads like a variant")
    assert get_agent("searcher/gpt").directory == folder


def test_an_address_finds_the_agent_again(folder: Path, tmp_path: Path) -> None:
    """A dry run prints it in a command to paste; the name alone would not find a folder that was given by its path."""
    assert get_agent("searcher/gpt").address == "searcher/gpt"
    elsewhere = write(tmp_path / "elsewhere", "wanderer", VARIANTS)
    hidden = write(tmp_path / "elsewhere", "searcher", VARIANTS)
    for directory in (elsewhere, hidden):
        for given in (str(directory), f"{directory}/gpt"):
            agent = get_agent(given)
            assert agent.address == given
            assert get_agent(agent.address) == agent


def test_fingerprint_notices_every_file(folder: Path) -> None:
    before = get_agent("searcher").fingerprint()
    (folder / "start.sh").write_text("true")
    changed = get_agent("searcher").fingerprint()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_bytes(b"1")
    assert before != changed == get_agent("searcher").fingerprint()


def test_fingerprint_and_recipe_of_an_image_read_each_file_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start in a container asks for both."""
    (folder / "Dockerfile").write_text("FROM base\n")
    (folder / "start.sh").write_text("exit\n")
    agent = get_agent("searcher")
    read: list[str] = []

    def digest(file: Any, algorithm: str) -> Any:
        read.append(Path(file.name).name)
        return real_digest(file, algorithm)

    real_digest = hashlib.file_digest
    monkeypatch.setattr(agents.hashlib, "file_digest", digest)
    monkeypatch.setattr(agents, "_SETTLED_SECONDS", 0.0)
    recipe = images.agent_recipe(agent, images.base_recipe())
    before = (agent.fingerprint(), recipe.hash)
    assert (agent.fingerprint(), recipe.hash) == before
    assert sorted(read) == ["Dockerfile", "agent.yaml", "start.sh"]

    (folder / "start.sh").write_text("quit\n")
    assert agent.fingerprint() != before[0] and recipe.hash != before[1]


def test_a_file_that_is_written_again_at_once_is_noticed(tmp_path: Path) -> None:
    """Two contents of one size, faster than the clock of the file system ticks."""
    file = tmp_path / "file"
    digests = set()
    for number in range(100, 150):
        file.write_text(str(number))
        digests.add(file_digest(file))
    assert len(digests) == 50


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}"])
def test_an_empty_file_is_an_agent_with_every_default(folder: Path, text: str) -> None:
    write(folder.parent, "empty", text)
    assert (get_agent("empty").start, get_agent("empty").arguments) == ("start.sh", {})


@pytest.mark.parametrize(("text", "kind"), [("- a\n- b\n", "a list"), ("just words", "`just words`"), ("12", "`12`")])
def test_a_file_without_keys_says_what_it_holds(folder: Path, text: str, kind: str) -> None:
    write(folder.parent, "odd", text)
    with pytest.raises(UsageError) as refused:
        get_agent("odd")
    assert f"odd/agent.yaml holds {kind}; write keys with values, such as `description: …`" in str(refused.value)


def scripts(folder: Path, **files: bytes) -> list[str]:
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    return script_problems(get_agent(str(folder)))


def test_windows_line_ends_in_a_script_are_named_before_it_starts(folder: Path) -> None:
    assert (
        scripts(folder, start_sh=b"#!/bin/sh\necho\n", solve_py=b"#!/usr/bin/env python\r\nprint()\r\n", data_csv=b"a\r\n") == []
    )
    (problem,) = scripts(folder, start_sh=b"#!/bin/sh\r\necho\r\n")
    assert "start.sh has Windows line endings (CRLF)" in problem
    command = re.search("`(sed .*)`", problem)[1]
    assert subprocess.run(["sh", "-c", command]).returncode == 0
    assert (folder / "start.sh").read_bytes() == b"#!/bin/sh\necho\n"
    assert scripts(folder) == []


def test_every_shell_script_of_the_folder_is_looked_at(folder: Path) -> None:
    (problem,) = scripts(folder, start_sh=b"\xef\xbb\xbf#!/bin/sh\n", helper_bash=b"echo\r\n", tool=b"#! /bin/bash -e\r\n")
    assert "helper.bash, start.sh, tool have Windows line endings" in problem
    subprocess.run(["sh", "-c", re.search("`(sed .*)`", problem)[1]], check=True)
    assert scripts(folder) == []


def test_a_start_script_that_is_missing_is_named(folder: Path) -> None:
    assert "has no start.sh" in script_problems(get_agent(str(folder)))[0]


def test_a_folder_with_a_blank_is_an_agent_and_one_that_cannot_be_printed_is_not(tmp_path: Path) -> None:
    assert get_agent(str(write(tmp_path, "my agent", ""))).id == "my agent"
    for name in (os.fsdecode(b"bad-\xff"), "line\nbreak"):
        with pytest.raises(UsageError, match="the agent's folder is called"):
            get_agent(str(write(tmp_path, name, "")))


def test_keys_with_nothing_behind_them_are_as_good_as_none(folder: Path) -> None:
    write(folder.parent, "bare", "description:\narguments:\nenvironment:\n  # KEY: value\nvariants:\n  long:\n")
    assert (get_agent("bare/long").arguments, get_agent("bare").environment) == ({}, {})


def test_a_wrong_kind_of_value_is_said_without_pythons_words(folder: Path) -> None:
    write(folder.parent, "kinds", "variants: {long: [1]}\nenvironment: [a]\n")
    with pytest.raises(UsageError) as refused:
        get_agent("kinds")
    assert str(refused.value).count("expected keys with values") == 2
    assert "Variant" not in str(refused.value)


def test_a_folder_given_like_a_name_is_explained(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path, "mine too", "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"write './mine too'"):
        get_agent("mine too")


def test_an_image_is_named_after_its_agent_whatever_the_folder_is_called(tmp_path: Path) -> None:
    names = [images._tag_part(name) for name in ("aide", "my-agent.v2", "My Agent", "my agent", "a--b", "\u00e9")]
    assert names[:2] == ["aide", "my-agent.v2"]
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names[2:])
    assert len(set(names)) == len(names)
