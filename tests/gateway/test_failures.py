"""When a provider's failures end a run, by a clock of the test's own."""

from __future__ import annotations

import asyncio

import pytest

from mlebench._support.dialect import DialectName
from mlebench.gateway.failures import Failures, Verdict, is_failure
from mlebench.gateway.models import Model


def model(provider: str = "acme") -> Model:
    return Model(name="m", served="m", provider=provider, dialects=("chat",), base_url="http://x")


class World:
    """A clock, and providers that answer probes as they are told."""

    def __init__(self, patience: float = 600.0) -> None:
        self.now = 0.0
        self.verdicts: list[Verdict] = []
        self.asked: list[str] = []
        self.failures = Failures(patience, self.probe, lambda: self.now, self.sleep, probe_seconds=60.0)

    async def probe(self, model: Model, dialect: DialectName) -> Verdict:
        self.asked.append(model.provider)
        return self.verdicts.pop(0) if self.verdicts else "fails"

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def fail(self, provider: str = "acme", after: float = 0.0) -> bool:
        self.now += after
        return self.failures.failed(model(provider), "chat")

    def is_down(self, provider: str = "acme") -> bool:
        return asyncio.run(self.failures.is_down(model(provider), "chat"))

    def explains_end(self) -> bool:
        return asyncio.run(self.failures.explain_end())


@pytest.mark.parametrize(
    ("status", "fails"),
    [(200, False), (400, False), (404, False), (401, True), (403, True), (429, True), (500, True), (529, True)],
)
def test_statuses_that_are_the_providers_doing(status: int, fails: bool) -> None:
    assert is_failure(status) is fails


def test_patience_is_counted_from_the_first_failure_without_a_break() -> None:
    world = World()
    assert not world.fail() and not world.fail(after=599)
    assert world.fail(after=1)
    world.failures.answered(model())
    assert not world.fail() and not world.fail(after=599) and world.fail(after=1)


def test_providers_are_judged_one_by_one() -> None:
    world = World()
    assert not world.fail("one")
    assert not world.fail("two", after=600)
    assert world.fail("one")


def test_a_provider_that_never_answered_ends_no_run_in_which_another_did() -> None:
    world = World()
    world.failures.answered(model("good"))
    assert not world.fail("bad") and not world.fail("bad", after=10_000)
    assert not world.explains_end() and not world.asked
    world.failures.answered(model("bad"))
    assert not world.fail("bad") and world.fail("bad", after=600) and world.explains_end()


def test_a_probe_that_is_answered_clears_the_provider() -> None:
    world = World()
    world.fail()
    assert world.fail(after=600)
    world.verdicts = ["works"]
    assert not world.is_down()
    assert not world.fail(after=599)


def test_a_busy_provider_is_asked_again_for_a_minute() -> None:
    world = World()
    world.verdicts = ["busy"] * 100
    assert world.is_down()
    assert 50 <= world.now <= 60 and 3 <= len(world.asked) <= 10
    world = World()
    world.verdicts = ["busy", "busy", "works"]
    assert not world.is_down()


def test_an_agents_own_end_is_explained_by_its_last_call_alone() -> None:
    world = World()
    assert not world.explains_end()
    world.fail()
    world.failures.answered(model())
    assert not world.explains_end() and not world.asked
    world.fail()
    assert world.explains_end()
    world.verdicts = ["works"]
    assert not world.explains_end() and not world.explains_end() and len(world.asked) == 2
