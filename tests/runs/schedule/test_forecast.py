"""In which order runs start when little is known of how long they take."""

from __future__ import annotations

from mlebench.agents import AgentSpec
from mlebench.profiles import Profile
from mlebench.registry import Registry
from mlebench.runs.plan import Plan, PlannedRun
from mlebench.runs.schedule.forecast import Forecast
from mlebench.runs.schedule.guess import relative_length

HOUR = 3600.0
GUESSES = {"short": 1.0, "middle": 3.0, "long": 9.0}


def forecast_of(plan: Plan, earlier: dict[str, list[float]] | None = None) -> Forecast:
    return Forecast(plan, earlier or {}, GUESSES)


def order(forecast: Forecast, runs: tuple[PlannedRun, ...]) -> list[tuple[str, int]]:
    return [(run.competition_id, run.seed) for run in sorted(runs, key=forecast.rank)]


def plan_of(*names: str, seeds: int = 2) -> Plan:
    profile = Profile(name="test", time_limit=24 * HOUR, cpus=1, memory=2**20)
    return Plan(AgentSpec.__new__(AgentSpec), names, tuple(range(seeds)), profile, "local")


def test_the_first_seed_of_what_is_unknown_starts_before_all_else() -> None:
    plan = plan_of("short", "long", "middle")
    forecast = forecast_of(plan, {"middle": [6 * HOUR]})

    assert order(forecast, plan.runs)[:2] == [("long", 0), ("short", 0)]
    # what the known one took makes guesses of the others comparable with it: some 18 hours and 2
    assert order(forecast, plan.runs)[2:] == [("long", 1), ("middle", 0), ("middle", 1), ("short", 1)]


def test_what_is_known_counts_more_than_any_guess() -> None:
    plan = plan_of("short", "long")
    forecast = forecast_of(plan, {"short": [5 * HOUR], "long": [HOUR]})

    assert order(forecast, plan.runs) == [("short", 0), ("short", 1), ("long", 0), ("long", 1)]


def test_further_seeds_of_what_still_runs_rise_as_time_passes() -> None:
    """A competition thought to be short whose first run has not ended after hours is a long one."""
    plan = plan_of("short", "middle", "long")
    forecast = forecast_of(plan)
    first = {run.competition_id: run for run in plan.runs if run.seed == 0}
    for run in first.values():
        forecast.begin(run)
    forecast.learn(first["middle"], 3 * HOUR)
    waiting = tuple(run for run in plan.runs if run.seed == 1)
    assert order(forecast, waiting) == [("long", 1), ("short", 1), ("middle", 1)]
    forecast.learn(first["long"], 4 * HOUR)

    assert order(forecast, waiting) == [("short", 1), ("long", 1), ("middle", 1)]


def test_an_unknown_length_is_still_shown_as_the_time_limit() -> None:
    """A guess is an order of start and nothing that a page may show."""
    plan = plan_of("short", "long")
    forecast = forecast_of(plan)

    assert {forecast.expected(run) for run in plan.runs} == {(24 * HOUR, False)}


def test_a_run_that_takes_its_whole_limit_makes_the_length_known() -> None:
    plan = plan_of("short", "long")
    forecast = forecast_of(plan)

    assert forecast.learn(plan.runs[0], 24 * HOUR)
    assert forecast.expected(plan.runs[0]) == (24 * HOUR, True)


def test_guesses_follow_the_split_and_the_size() -> None:
    registry = Registry()
    lengths = {name: relative_length(registry.get_competition(name).facts) for name in registry.list_competition_ids()}

    assert lengths["bms-molecular-translation"] > lengths["cassava-leaf-disease-classification"]
    assert lengths["cassava-leaf-disease-classification"] > lengths["nomad2018-predict-transparent-conductors"]
    assert all(0.05 < length < 50 for length in lengths.values())
