"""What every packaged agent's folder must be, told without its container: exact locks, small images, models that answer it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlebench.agents import AgentFile, AgentSpec, agent_in
from mlebench.gateway.catalogue import read_catalogue
from mlebench.sandbox.docker.images import stage_names

AGENTS = Path(__file__).parents[2] / "agents"
EXACT = r"\d[\w.+-]*"
PINNED = re.compile(rf"(?P<name>[\w.-]+)(\[[\w,.-]+\])?==(?P<version>{EXACT})( ; [^#]+?)?( --hash=sha256:[0-9a-f]{{64}})+")
SPEECH = re.compile(r"\b[Yy]ou(r| are| have| must| should| will| can)\b")


def packaged_agents() -> list[str]:
    """Names of the folders that package a program."""
    folders = (path.parent for path in sorted(AGENTS.glob("*/agent.yaml")))
    return [folder.name for folder in folders if agent_in(folder, None).version is not None]


def variants_of(name: str) -> list[AgentSpec]:
    content = AgentFile.model_validate(read_yaml(AGENTS / name / "agent.yaml"))
    return [agent_in(AGENTS / name, variant) for variant in (None, *content.variants)]


def read_yaml(path: Path) -> Any:
    import yaml

    return yaml.safe_load(path.read_text())


def requirement_lines(path: Path) -> list[str]:
    """The requirements of a file of pip, each on one line without comments."""
    text = re.sub(r"\s*\\\n\s*", " ", path.read_text())
    lines = (re.sub(r"(^|\s+)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def instructions(name: str) -> list[tuple[str, str]]:
    """Of a Dockerfile: word and rest of every instruction."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (AGENTS / name / "Dockerfile").read_text())
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def calls_of(name: str) -> list[str]:
    """The commands that a Dockerfile runs."""
    return [call for word, rest in instructions(name) if word == "RUN" for call in re.split(r"&&|;|\|", rest)]


def pip_locks(name: str) -> list[Path]:
    """The files from which its Dockerfile lets pip or uv install."""
    calls = [call for call in calls_of(name) if re.search(r"\bpip install\b", call)]
    return [AGENTS / name / Path(file).name for call in calls for file in re.findall(r"-r (\S+)", call)]


def installed(name: str) -> Iterator[tuple[str, str]]:
    """Names and versions that an image of it gets, each with a digest."""
    for path in pip_locks(name):
        for line in requirement_lines(path):
            found = PINNED.fullmatch(line)
            assert found, f"{path.name} does not pin by version and hash: {line[:120]}"
            yield found["name"], found["version"]
    if (AGENTS / name / "package-lock.json").exists():
        packages = json.loads((AGENTS / name / "package-lock.json").read_text())["packages"]
        for path, entry in packages.items():
            if path and not entry.get("inBundle"):
                assert entry["integrity"].startswith("sha512-"), f"{name}: {path} has no digest"
                yield path.rpartition("node_modules/")[2], entry["version"]


def asked_of_npm(folder: Path) -> dict[str, str]:
    """Versions by package, as its package.json asks for them."""
    content = json.loads((folder / "package.json").read_text())
    return {**content.get("dependencies", {}), **content.get("optionalDependencies", {})}


def scripts(name: str) -> list[Path]:
    return sorted((AGENTS / name).glob("**/*.py"))


def texts_in(script: Path) -> list[str]:
    """Every string in a program except docstrings."""
    tree = ast.parse(script.read_text())
    holders = (node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef))
    documentation = {id(node.body[0].value) for node in holders if node.body and isinstance(node.body[0], ast.Expr)}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documentation)
    return [node.value for node in constants if isinstance(node.value, str)]


def argument_names(script: Path) -> set[str]:
    """Keys of the dictionary `defaults` or `DEFAULTS`, which is what the program takes."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(script.read_text())):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        is_defaults = any(isinstance(target, ast.Name) and target.id in ("defaults", "DEFAULTS") for target in targets)
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if is_defaults and isinstance(value, ast.Dict):
            names |= {key.value for key in value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return names


packaged = pytest.mark.parametrize("name", packaged_agents())


@packaged
def test_its_version_is_the_one_that_the_lock_file_pins(name: str) -> None:
    version = agent_in(AGENTS / name, None).version
    asked = _direct_packages(name)
    found = {package: pinned for package, pinned in installed(name) if package in asked}
    assert version in found.values(), f"{name} has version {version}, and its lock files pin {found}"


def _direct_packages(name: str) -> set[str]:
    folder = AGENTS / name
    if (folder / "package.json").exists():
        return set(asked_of_npm(folder))
    sources = [*folder.glob("*.in"), *(path for path in pip_locks(name) if len(requirement_lines(path)) == 1)]
    return {re.split(r"[\[=<>~ ;]", line)[0] for path in sources for line in requirement_lines(path)}


@packaged
def test_what_it_installs_is_pinned_with_digests(name: str) -> None:
    assert list(installed(name))
    for call in calls_of(name):
        assert not re.match(r"\s*(npm (i|install|add)|npx|curl|wget|git|apt-get|apk)\b", call), call
        if re.search(r"\bpip install\b", call):
            assert "--require-hashes" in call and "--no-cache" in call, call
        if re.search(r"\bnpm ci\b", call):
            assert "--ignore-scripts" in call, call


@packaged
def test_its_lock_files_name_no_host(name: str) -> None:
    for path in pip_locks(name):
        lines = path.read_text().splitlines()
        assert [line for line in lines if "://" in line or line.startswith("-")] == []
    if (AGENTS / name / "package-lock.json").exists():
        lock = json.loads((AGENTS / name / "package-lock.json").read_text())
        assert [path for path, entry in lock["packages"].items() if "resolved" in entry] == []


@packaged
def test_its_package_json_asks_for_exact_versions(name: str) -> None:
    path = AGENTS / name / "package.json"
    if not path.exists():
        return
    content = json.loads(path.read_text())
    assert content["private"] is True and "devDependencies" not in content
    asked = asked_of_npm(AGENTS / name)
    assert asked and [version for version in asked.values() if not re.fullmatch(EXACT, version)] == []
    lock = json.loads((AGENTS / name / "package-lock.json").read_text())["packages"][""]
    assert {**lock.get("dependencies", {}), **lock.get("optionalDependencies", {})} == asked


@packaged
def test_its_image_is_the_base_with_copied_files(name: str) -> None:
    agent, lines = agent_in(AGENTS / name, None), instructions(name)
    stages = {f"${{{stage.upper()}}}" for stage in agent.stages}
    parents = [rest.split()[0] for word, rest in lines if word == "FROM"]
    own = {rest.split()[2] for word, rest in lines if word == "FROM" and " AS " in rest}
    assert set(agent.stages) <= set(stage_names())
    assert parents[-1] == "${BASE}"
    # a stage may build on an earlier one
    assert stages <= set(parents[:-1]) <= stages | own | {"${BASE}"}
    last = lines[max(n for n, (word, _) in enumerate(lines) if word == "FROM") + 1 :]
    if agent.stages:
        assert {word for word, _ in last} == {"COPY"}
        assert all(rest.startswith("--from=") for _, rest in last)
    # the classic builder knows neither
    assert not re.search(r"--mount=|<<", " ".join(rest for _, rest in lines))


@packaged
def test_the_models_of_every_variant_exist_and_answer_it(name: str) -> None:
    catalogue = read_catalogue()
    for agent in variants_of(name):
        if agent.named_models == ():
            # it asks past the gateway
            assert agent.resources["network"] == "open", agent.id
            continue
        assert agent.resources["network"] == "models", agent.id
        assert agent.secret_names == [], agent.id
        assert agent.dialects and agent.models and not agent.missing_arguments, agent.id
        for model in agent.models:
            dialects = catalogue.get(model).dialects
            assert set(dialects) & set(agent.dialects), f"{agent.id} asks {model} in {agent.dialects}, it is served in {dialects}"


@packaged
def test_variants_differ_and_the_full_ones_have_the_full_set(name: str) -> None:
    seen: dict[str, str] = {}
    for agent in variants_of(name)[1:]:
        assert (agent.package_set == "full") == str(agent.variant).endswith("-full"), agent.id
        content = {**agent.to_dict(), "variant": None, "description": None}
        other = seen.setdefault(json.dumps(content, sort_keys=True), agent.id)
        assert other == agent.id, f"{agent.id} is the same as {other}"


@packaged
def test_its_start_script_names_its_interpreter(name: str) -> None:
    script = AGENTS / name / agent_in(AGENTS / name, None).start
    assert script.read_bytes().startswith(b"#!/bin/sh\n")


@packaged
def test_it_uses_the_common_ground_and_has_no_words_of_its_own_for_the_task(name: str) -> None:
    used = [path for path in scripts(name) if re.search(r"^from mlebench_agent\.", path.read_text(), re.MULTILINE)]
    assert used, f"{name} imports nothing of mlebench_agent"
    said = {path.name: [text for text in texts_in(path) if SPEECH.search(text)] for path in scripts(name)}
    assert not any(said.values()), said


@packaged
def test_it_takes_the_arguments_that_its_variants_give(name: str) -> None:
    taken = set().union(*(argument_names(path) for path in scripts(name)))
    if not taken:
        # arguments of any name go to the program
        return
    for agent in variants_of(name):
        assert set(agent.arguments) <= {*taken, "continue"}, agent.id
    assert taken <= set(agent_in(AGENTS / name, None).arguments), "agent.yaml lists every argument"


@pytest.mark.parametrize("name", ["mini-swe-agent", "openhands"])
def test_nothing_in_its_image_reports_home(name: str) -> None:
    reporters = re.compile(r"(posthog|lmnr|sentry)(-.*)?|opentelemetry-(sdk|exporter.*)")
    assert [package for package, _ in installed(name) if reporters.fullmatch(package)] == []


def test_there_are_packaged_agents() -> None:
    assert {"aide", "codex"} <= set(packaged_agents())


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("# a comment\na==1 \\\n    --hash=sha256:0\n    # via b\n", ["a==1 --hash=sha256:0"]),
        ("a==1  # said\n\n", ["a==1"]),
    ],
)
def test_requirements_are_read_as_pip_reads_them(tmp_path: Path, text: str, lines: list[str]) -> None:
    (tmp_path / "requirements.txt").write_text(text)
    assert requirement_lines(tmp_path / "requirements.txt") == lines


@pytest.mark.parametrize("line", ["a==1", "a>=1 --hash=sha256:" + "0" * 64, "a==1 --hash=md5:" + "0" * 32, "a @ file:///a"])
def test_a_line_without_version_or_hash_is_not_pinned(line: str) -> None:
    assert not PINNED.fullmatch(line)
