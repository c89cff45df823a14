"""Level 6 is claimed where the plan closes everything, and fails where anything in the bundle says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench.evidence.levels.sealed import sealed_level
from mlebench.evidence.verdict import Level
from mlebench.gateway.models import Model
from tests.evidence.stated import StatedGroup, opened, stated_group

ANSWERED = {"outcome": "answered", "status": 200, "action": "generate", "model": "m"}
CALL = {"outcome": "checked", "status": 200, "valid": True}
MODEL = Model(name="m", served="m-1", provider="p", dialects=("chat",), base_url="https://models.example.org/v1")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., StatedGroup]:
    return lambda name="group", **parts: stated_group(tmp_path, name, **parts)


@pytest.fixture
def with_models(make: Callable[..., StatedGroup]) -> StatedGroup:
    return make(profile={"network": "models"}, models={"m": MODEL})


def level(tmp_path: Path, *groups: StatedGroup) -> Level:
    # agents lie where a bundle has them
    return sealed_level(opened(tmp_path, *groups))


def test_without_network_it_holds(tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
    found = level(tmp_path, make())
    assert found.state == "holds" and found.summary.startswith("6 runs reached nothing")


def test_with_models_alone_it_holds(tmp_path: Path, with_models: StatedGroup) -> None:
    with_models.ledger("model_calls", ANSWERED, {**ANSWERED, "outcome": "refused", "model": "x"})
    found = level(tmp_path, with_models)
    assert found.state == "holds" and "models through the gateway" in found.summary


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"profile": {"network": "open"}}, "the network was open"),
        ({"profile": {"network": "models", "allow": ["pypi.org"]}}, "open hosts were pypi.org"),
        ({"profile": {"network": "models", "grants": ["web_search"]}}, "the gateway granted web_search"),
        ({"sandbox": "local"}, "the sandbox is local"),
        ({"settings": "environment: {KEY: '${{ secrets.MY_KEY }}'}"}, "the agent was given the secrets MY_KEY"),
    ],
)
def test_what_is_open_is_not_claimed(tmp_path: Path, make: Callable[..., StatedGroup], parts: dict[str, Any], why: str) -> None:
    found = level(tmp_path, make(**parts))
    assert found.state == "not claimed" and f"group: {why}" in found.summary


def test_one_open_group_is_enough(tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
    assert level(tmp_path, make(), make("other", profile={"network": "open"})).state == "not claimed"


class TestGaps:
    """What cannot be looked at is not claimed."""

    def test_an_agent_that_is_left_out(self, tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
        group = make()
        (tmp_path / "agents" / "group" / "agent.yaml").unlink()
        found = level(tmp_path, group)
        assert found.state == "not claimed" and "agent.yaml is not in the bundle" in found.summary

    def test_a_run_without_record(self, tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
        group = make()
        group.records.popitem()
        assert "1 run has no record" in level(tmp_path, group).summary

    def test_an_old_record_without_ends(self, tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
        group = make()
        group.record().ledgers = {}
        found = level(tmp_path, group)
        assert found.state == "not claimed" and "1 record does not say" in found.summary

    def test_a_ledger_that_stands_by_hash(self, tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
        group = make()
        group.record().ledgers["checker_calls"] = {"lines": 4, "head": "0" * 64}
        group.left_out[group.file_of(group.record().run_id, "checker_calls.jsonl")] = "large"
        found = level(tmp_path, group)
        assert found.state == "not claimed" and "1 ledger is present only as hashes" in found.summary

    def test_no_group_at_all(self, tmp_path: Path) -> None:
        assert level(tmp_path).state == "not claimed"


class TestContradictions:
    @pytest.mark.parametrize(
        "change",
        [
            lambda group: group.manifest(network="open"),
            lambda group: group.manifest(sandbox="local"),
            lambda group: group.manifest(allow=["pypi.org"]),
            lambda group: group.manifest(grants=["web_search"]),
            lambda group: group.manifest(allow="none"),
            lambda group: group.manifest(network={"a": [1]}),
            lambda group: group.conditions(network="open"),
            lambda group: group.conditions(sandbox="local"),
            lambda group: group.conditions(allow=("pypi.org",)),
            lambda group: group.conditions(grants=("web_search",)),
        ],
    )
    def test_one_place_of_the_plan_says_otherwise(
        self, tmp_path: Path, make: Callable[..., StatedGroup], change: Callable[[StatedGroup], None]
    ) -> None:
        group = make()
        change(group)
        found = level(tmp_path, group)
        assert found.state == "fails" and found.findings[0].file == "groups/group/group.yaml"
        assert "disagree" in found.findings[0].message

    @pytest.mark.parametrize("within", ["", "attempts/1"])
    def test_calls_to_models_without_a_gateway(self, tmp_path: Path, make: Callable[..., StatedGroup], within: str) -> None:
        group = make()
        group.ledger("model_calls", ANSWERED, within=within)
        found = level(tmp_path, group)
        assert found.state == "fails"
        assert found.findings[0].file.endswith(f"{within and within + '/'}model_calls.jsonl")

    def test_usage_without_a_gateway(self, tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
        group = make()
        group.record().usage = {"calls": 1}
        assert level(tmp_path, group).findings[0].file.endswith("run.json")

    def test_a_model_that_the_plan_does_not_name(self, tmp_path: Path, with_models: StatedGroup) -> None:
        with_models.ledger("model_calls", ANSWERED, {**ANSWERED, "model": "other"})
        (finding,) = level(tmp_path, with_models).findings
        assert (finding.line, "other" in finding.message) == (2, True)

    @pytest.mark.parametrize(
        "settings",
        [
            "environment: {KEY: '${{ secrets.MY_KEY }}'}\narguments: {model: gpt-5}",
            "environment: {URL: 'http://10.0.0.1'}\narguments: {model: gpt-5}",
            "arguments: {model: gpt-6}",
            "arguments: {model: gpt-5}\nimage: mine",
            "arguments: {model: gpt-5}\nmodels: [x]",
            "nonsense: 1",
            "variants: [",
            "x: " + "[" * 50_000 + "]" * 50_000,
            "arguments: {model: " + "9" * 5000 + "}",
            "\0",
        ],
    )
    def test_the_agents_own_file_says_otherwise(self, tmp_path: Path, make: Callable[..., StatedGroup], settings: str) -> None:
        group = make()
        (tmp_path / "agents" / "group" / "agent.yaml").write_text(settings)
        (finding,) = level(tmp_path, group).findings
        assert finding.file == "agents/group/agent.yaml" and finding.message.isprintable()
        assert str(tmp_path) not in finding.message

    def test_arguments_of_the_group_are_no_contradiction(self, tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
        group = make()
        agent = group.group.plan.agent
        group.plan(agent=agent.with_arguments({"steps": 9}), argument_settings={"steps": 9})
        assert level(tmp_path, group).state == "holds"

    def test_a_ledger_of_checks_that_is_gone(self, tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
        for change in (
            {"ledgers": {"checker_calls": {"lines": 1, "head": "0" * 64}}},
            {"checker_calls": [{}]},
            {"refused_checks": 1},
        ):
            group = make()
            vars(group.record()).update(change)
            assert level(tmp_path, group).findings[0].file.endswith("checker_calls.jsonl"), change

    @pytest.mark.parametrize("digest", [None, "", 7, "sha256:short", f"sha256:{'b' * 64}"])
    def test_an_image_that_is_missing_or_another(self, tmp_path: Path, make: Callable[..., StatedGroup], digest: object) -> None:
        group = make()
        group.record().resources = {"image_digest": digest}
        (finding,) = level(tmp_path, group).findings
        assert finding.file.endswith("run.json") and "image" in finding.message

    def test_a_manifest_without_the_image(self, tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
        group = make()
        group.manifest(engine={"engine": "docker", "images": {}})
        (finding,) = level(tmp_path, group).findings
        assert finding.file == "groups/group/group.yaml" and "image" in finding.message
        group.manifest(engine={"engine": None, "images": {}})
        assert level(tmp_path, group).state == "holds"

    def test_a_run_that_never_began_has_no_image(self, tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
        group = make()
        group.record().resources, group.record().started_at = {}, None
        assert level(tmp_path, group).state == "holds"

    @pytest.mark.parametrize("manifest", [{"engine": None}, {"engine": {"images": [1]}}, {"engine": {"images": {"group": 3}}}])
    def test_a_strange_manifest_raises_nothing(
        self, tmp_path: Path, make: Callable[..., StatedGroup], manifest: dict[str, Any]
    ) -> None:
        group = make()
        group.manifest(**manifest)
        level(tmp_path, group)


def test_a_model_without_encryption_is_flagged(tmp_path: Path, make: Callable[..., StatedGroup]) -> None:
    model = MODEL.model_copy(update={"base_url": "http://10.0.0.1/v1"})
    found = level(tmp_path, make(profile={"network": "models"}, models={"m": model}))
    assert found.state == "holds" and "its operator decides" in found.flags[0].message
