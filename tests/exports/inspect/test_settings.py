"""What a user asks of the task: which competitions, which limits, and what is said of what cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.exports.inspect.settings import SPLIT_KEY_VARIABLE, DataPlace, chosen, limits, overrides
from mlebench.registry import Competition
from tests.cases import Cases
from tests.exports.inspect.scripted import needs_inspect

NOTHING = (None, None, None, None, None)


def place(competition: Competition) -> DataPlace:
    return DataPlace(competition.data_dir, competition.edition.name)


def ids(found: list[Competition]) -> list[str]:
    return [each.id for each in found]


def test_competitions_are_named_by_id_or_list(wine: Competition, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("# of mine\ndemo-wine\n")
    for split, named in ((None, "demo-wine"), (None, " demo-wine, demo-wine,"), (None, ["demo-wine"]),
                         (str(tmp_path / "mine.txt"), None), (str(tmp_path / "mine.txt"), ["demo-wine"])):  # fmt: skip
        assert ids(chosen(place(wine), split, named)) == ["demo-wine"]


def test_a_split_may_end_as_lists_of_other_harnesses_do(tmp_path: Path) -> None:
    for split in ("demo", "demo.txt"):
        with pytest.raises(UsageError, match=r"demo-breast-cancer, demo-diabetes, demo-digits and 1 more are not prepared"):
            chosen(DataPlace(tmp_path, "v1"), split, None)


def test_what_is_not_prepared_is_said_with_the_command_that_prepares_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"`mlebench prepare demo-wine --edition v2 --data-dir {tmp_path}`"):
        chosen(DataPlace(tmp_path, "v2"), None, "demo-wine")


def test_who_names_nothing_or_nonsense_is_told_so(tmp_path: Path) -> None:
    for split, named, said in (
        (None, None, "-T split=low"),
        (None, "", "-T split=low"),
        (None, "demo-wines", "did you mean `demo-wine`"),
        ("lwo", None, "did you mean `low`"),
    ):
        with pytest.raises(UsageError, match=said):
            chosen(DataPlace(tmp_path, "v1"), split, named)
    with pytest.raises(UsageError, match="-T edition=v2"):
        DataPlace.of(None, "v3")


def test_the_split_key_comes_from_the_environment(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = cases.prepared("spaceship-titanic", "v2")
    assert chosen(place(prepared), None, "spaceship-titanic")[0].edition.key_hash is None
    monkeypatch.setenv(SPLIT_KEY_VARIABLE, "of my own")
    with pytest.raises(UsageError, match="prepared from another key"):
        chosen(place(prepared), None, "spaceship-titanic")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": 0}, "`seeds`: expected greater than or equal to 1"),
        ({"seeds": "three"}, "`seeds`: expected a valid integer"),
        ({"seeds": 1.5}, "`seeds`: expected a valid integer"),
        ({"obfuscated": "maybe"}, "`obfuscated`: expected a valid boolean"),
        ({"split": ["low", "high"]}, "`split`: expected a valid string"),
        ({"ids": 3}, "ids"),
        ({"profile": 3}, "`profile`: expected a valid string"),
        ({"compose_overrides": 3}, "compose_overrides"),
        ({"tool_timeout": -5}, "`tool_timeout`: expected greater than or equal to 1"),
        ({"obfuscate": True}, r"unknown key `obfuscate`; did you mean `obfuscated`\?"),
        ({"split_key": "of my own"}, "unknown key `split_key`"),
    ],
)
@needs_inspect
def test_parameters_that_are_none_are_refused_in_one_sentence(given: dict[str, object], said: str, tmp_path: Path) -> None:
    from inspect_ai._util.error import PrerequisiteError

    from mlebench.exports.inspect import competitions

    with pytest.raises(PrerequisiteError, match=said) as raised:
        competitions(**{"ids": "demo-wine", "data_dir": str(tmp_path), **given})
    assert "\n" not in str(raised.value.message) and "of my own" not in str(raised.value.message)


def test_limits_are_a_profiles_with_what_is_given_instead() -> None:
    plain = limits("demo", None, None, None, None, "none")
    assert (plain.cpus, plain.memory, plain.gpus, plain.time_limit, plain.network) == (1, 2 * 2**30, 0, 300, "none")
    changed = limits("demo", 2.5, "16g", 1, "4h", "open")
    assert (changed.cpus, changed.memory, changed.gpus, changed.time_limit, changed.network) == (2.5, 2**34, 1, 14400, "open")
    assert changed.name == "demo+cpus=2.5+gpus=1+memory=16g+time_limit=4h"


def test_impossible_limits_are_refused() -> None:
    for given, said in (
        (("demos", None, None, None, None, "none"), "unknown profile `demos`"),
        (("demo", -1, None, None, None, "none"), "cpus"),
        (("demo", None, "much", None, None, "none"), "memory"),
        (("demo", None, None, None, None, "models"), "neither none nor open"),
    ):
        with pytest.raises(UsageError, match=said):
            limits(*given)  # type: ignore[arg-type]


def test_overrides_are_a_mapping_its_text_or_a_file(tmp_path: Path) -> None:
    wanted = {"services": {"default": {"hostname": "lab"}}}
    (tmp_path / "more.yaml").write_text("services: {default: {hostname: lab}}\n")
    for given in (wanted, "{services: {default: {hostname: lab}}}", str(tmp_path / "more.yaml")):
        assert overrides(given) == wanted
    assert overrides(None) == {}
    for bad in ("hostname", "{", str(tmp_path / "none.yaml")):
        with pytest.raises(UsageError, match="compose_overrides"):
            overrides(bad)
