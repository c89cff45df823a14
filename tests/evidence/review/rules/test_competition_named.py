"""Agents that bring along what is known of a competition are found by its name; those that speak of their field are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.evidence.review.rules.competition_named import NAME, named_in, names_of_competitions
from tests.evidence.review.scripted_runs import LAMPS, RIVERS, Script, Scripts

ROOT = Path(__file__).parents[4]
CHEATS = {
    "an id in a prompt": {"prompts/base.txt": "In spaceship-titanic the cabin's deck matters.\n"},
    "an id in code": {"hints.py": "HINTS = {'dogs-vs-cats-redux-kernels-edition': 'clip to 0.02'}\n"},
    "a title": {"AGENTS.md": "For the Random Acts of Pizza challenge use the requester's age.\n"},
    "a title of two words": {"AGENTS.md": "On Kaggle's Spaceship Titanic, CatBoost reaches a score of 0.81.\n"},
    "settings": {"config.yaml": "recipes:\n  nomad2018-predict-transparent-conductors: {model: lightgbm}\n"},
    "underscores": {"recipes.py": "def leaf_classification(): ...\n\nuse = 'tgs_salt_identification_challenge'\n"},
    "a file's name": {"examples/whale-categorization-playground.md": "Use ArcFace.\n"},
}
HONEST = {
    "a field of work": (
        "We classify leaves, detect insults in comments, find whales and extract sentiment from tweets. Titanic is a ship."
    ),
    "words of titles": (
        "Tasks: text normalization, dog breed identification, leaf classification, tweet sentiment extraction, toxic comments."
    ),
    "names of data": "datasets = ['titanic', 'iris', 'mnist', 'cifar10', 'imdb']",
    "longer words": "my-spaceship-titanic-like-thing and AI4Coders",
}


@pytest.mark.parametrize("name", CHEATS)
def test_names_are_found(name: str, scripts: Scripts) -> None:
    scripts.group("group", [Script(seed=seed) for seed in (0, 1)], agent=CHEATS[name])
    [finding] = scripts.findings(NAME)
    assert finding.level == "violation"
    assert finding.runs == ("lamp-prices_seed0", "lamp-prices_seed1")
    assert finding.evidence[0].file.startswith("agent/")


@pytest.mark.parametrize("name", HONEST)
def test_a_field_is_no_name(name: str, scripts: Scripts) -> None:
    scripts.group("group", [Script()], agent={"AGENTS.md": HONEST[name]})
    assert [finding for finding in scripts.findings(NAME) if finding.level == "violation"] == []


def test_how_to_start_an_agent_is_worth_a_look(scripts: Scripts) -> None:
    scripts.group("group", [Script()], agent={"README.md": "Try it: `mlebench run --agent x -c spaceship-titanic`\n"})
    assert [finding.level for finding in scripts.findings(NAME)] == ["look"]


def test_own_competitions_count_too(scripts: Scripts) -> None:
    scripts.group("group", [Script()], agent={"notes.txt": "lamp-prices: take the logarithm\n"})
    assert [finding.level for finding in scripts.findings(NAME)] == ["violation"]


@pytest.mark.parametrize("style", ["chat", "messages", "responses", "gemini", "blocks"])
def test_system_texts_name_the_runs_own_competition_alone(style: str, scripts: Scripts) -> None:
    scripts.group("own", [Script(style=style, commands=["ls"], system=f"You solve {LAMPS}.")])
    assert scripts.findings(NAME) == ()
    system = f"You solve {LAMPS}. Earlier: {RIVERS} was won with a ridge; leaf-classification with an SVM."
    scripts.group("other", [Script(style=style, commands=["ls"], system=system)])
    [finding] = scripts.findings(NAME)
    assert (finding.level, finding.group) == ("violation", "other")
    assert "leaf-classification" in finding.text


def test_what_commands_print_names_whatever_it_likes(scripts: Scripts) -> None:
    scripts.group(
        "group", [Script(commands=["cat notes"], outputs={"cat notes": "spaceship-titanic"}, logs={"a.log": "AI4Code"})]
    )
    assert scripts.findings(NAME) == ()


def test_no_packaged_agent_names_one() -> None:
    known = names_of_competitions()
    files = [path for path in (ROOT / "agents").rglob("*") if path.is_file() and path.suffix not in (".pyc",)]
    assert files
    named = {path.name: [one.name for one in named_in(path.read_text(errors="replace"), known)] for path in files}
    assert {name: found for name, found in named.items() if found} == {}
