"""Other runs, limits, agents and circumstances than those that were."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from tests.evidence.kinds.scores import totals
from tests.evidence.real_group import TWICE
from tests.evidence.tampering import GROUP, Contents, Kinds, chained, sha256

PLAN = Kinds()
RUN, OTHER, BAD = "demo-wine_seed0", "demo-wine_seed2", "demo-breast-cancer_seed0"
YAML = "group.yaml"
RECORD = f"{RUN}/run.json"


def in_plan(contents: Contents, changes: dict[str, Any]) -> None:
    with contents.group() as group:
        group["plan"] |= changes


def in_profile(contents: Contents, changes: dict[str, Any]) -> None:
    with contents.group() as group:
        group["plan"]["profile"] |= changes


def in_conditions(contents: Contents, changes: dict[str, Any]) -> None:
    with contents.group() as group:
        group["conditions"] |= changes


def in_manifest(contents: Contents, changes: dict[str, Any]) -> None:
    with contents.group() as group:
        group["manifest"] |= changes


def everywhere(contents: Contents, **limits: Any) -> None:
    """Other limits in plan, conditions and manifest, and their hash in the records, but not in the profile's name."""
    with contents.plan() as plan:
        plan["profile"] |= limits
    with contents.group() as group:
        group["conditions"]["limits"] |= {key: value for key, value in limits.items() if key in group["conditions"]["limits"]}
        if "time_limit" in limits:
            group["manifest"]["time_limit_seconds"] = limits["time_limit"]


def in_record(contents: Contents, changes: dict[str, Any], run: str = RUN) -> None:
    with contents.record(run) as record:
        record |= changes


def without_run(contents: Contents, run: str) -> None:
    for name in contents.below(run):
        del contents.files[name]


def without_report(contents: Contents, run: str) -> None:
    with contents.report() as report:
        report["competition_reports"] = [one for one in report["competition_reports"] if one["run_id"] != run]
    totals(contents)


def moved(text: str, seconds: float) -> str:
    return (datetime.fromisoformat(text) + timedelta(seconds=seconds)).isoformat()


# limits


@PLAN.fails("plan", YAML)
def longer_time_limit_in_the_plan(contents: Contents) -> None:
    in_profile(contents, {"time_limit": 36_000.0})


@PLAN.fails("plan", YAML)
def longer_time_limit_in_the_conditions(contents: Contents) -> None:
    with contents.group() as group:
        group["conditions"]["limits"]["time_limit"] = 36_000.0


@PLAN.fails("plan", YAML)
def longer_time_limit_in_the_manifest(contents: Contents) -> None:
    in_manifest(contents, {"time_limit_seconds": 36_000.0})


@PLAN.fails("plan", YAML)
def longer_time_limit_everywhere(contents: Contents) -> None:
    everywhere(contents, time_limit=36_000.0)


@PLAN.fails("plan", f"{RUN}/run.json", YAML)
def time_limit_below_the_times_of_the_runs(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["profile"] |= {
            "time_limit": 0.5,
            "grace": 0.0,
            "name": plan["profile"]["name"].replace("grace=2s", "grace=0s") + "+time_limit=0.5s",
        }
        plan["profile_settings"] |= {"time_limit": "0.5s", "grace": "0s"}
    with contents.group() as group:
        group["conditions"]["limits"] |= {"time_limit": 0.5, "grace": 0.0}
        group["conditions"]["profile"] = group["plan"]["profile"]["name"]
        group["manifest"]["time_limit_seconds"] = 0.5
    with contents.record(RUN) as record:
        record["ended_at"], record["wall_seconds"] = moved(record["started_at"], 100), 100.0


@PLAN.fails("plan", YAML)
def more_memory_in_the_plan(contents: Contents) -> None:
    in_profile(contents, {"memory": 2**40})


@PLAN.fails("plan", YAML)
def more_memory_in_the_conditions(contents: Contents) -> None:
    with contents.group() as group:
        group["conditions"]["limits"]["memory"] = 2**40


@PLAN.fails("plan", YAML)
def less_memory_than_there_was_everywhere(contents: Contents) -> None:
    everywhere(contents, memory=2**20)


@PLAN.fails("plan", YAML)
def override_that_is_not_in_the_profiles_name(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["profile"]["name"] = "demo"
    in_conditions(contents, {"profile": "demo"})


@PLAN.fails("plan", YAML)
def override_that_is_nowhere_said(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["profile"]["name"], plan["profile_settings"] = "demo", {}
    in_conditions(contents, {"profile": "demo"})


@PLAN.fails("plan", YAML)
def override_of_another_value(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["profile_settings"]["memory"] = "128m"


@PLAN.fails("plan", YAML)
def another_profile_by_name(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["profile"]["name"] = plan["profile"]["name"].replace("demo", "standard")
    in_conditions(contents, {"profile": contents_profile(contents)})


def contents_profile(contents: Contents) -> str:
    """Name of the plan's profile."""
    with contents.group() as group:
        return str(group["plan"]["profile"]["name"])


@PLAN.fails("plan", YAML)
def no_network_in_the_plan(contents: Contents) -> None:
    in_profile(contents, {"network": "none"})


@PLAN.fails("plan", YAML)
def no_network_in_the_conditions(contents: Contents) -> None:
    in_conditions(contents, {"network": "none"})


@PLAN.fails("plan", YAML)
def no_network_in_the_manifest(contents: Contents) -> None:
    in_manifest(contents, {"network": "none"})


@PLAN.fails("sealed", f"{RUN}/model_calls.jsonl", YAML, f"{RUN}/run.json", f"{BAD}/model_calls.jsonl", f"{BAD}/run.json")
def no_network_everywhere(contents: Contents) -> None:
    """The ledgers of models say otherwise."""
    with contents.plan() as plan:
        plan["profile"] |= {"network": "none", "name": plan["profile"]["name"].replace("network=models", "network=none")}
        plan["profile_settings"]["network"] = "none"
    in_conditions(contents, {"network": "none", "profile": contents_profile(contents)})
    in_manifest(contents, {"network": "none"})


@PLAN.fails("plan", YAML)
def larger_budget_in_the_plan(contents: Contents) -> None:
    with contents.group() as group:
        group["plan"]["profile"]["budget"]["calls"] = 1000


@PLAN.fails("plan", YAML)
def larger_budget_in_the_conditions(contents: Contents) -> None:
    in_conditions(contents, {"budget": {"calls": 1000}})


@PLAN.fails("plan", YAML)
def larger_budget_in_the_manifest(contents: Contents) -> None:
    in_manifest(contents, {"budget": {"calls": 1000}})


@PLAN.fails("ledgers", f"{RUN}/model_calls.jsonl", f"{RUN}/run.json", f"{BAD}/model_calls.jsonl", f"{BAD}/run.json", YAML)
def smaller_budget_than_was_spent(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["profile"]["budget"]["calls"] = 1
        plan["profile"]["name"] = plan["profile"]["name"].replace("calls=20", "calls=1")
        plan["profile_settings"]["budget"] = "calls=1"
    in_conditions(contents, {"budget": {"calls": 1}, "profile": contents_profile(contents)})
    in_manifest(contents, {"budget": {"calls": 1}})


@PLAN.fails("plan", YAML)
def hosts_that_are_open_in_the_manifest(contents: Contents) -> None:
    in_manifest(contents, {"allow": ["pypi.org"]})


@PLAN.fails("plan", YAML)
def hosts_that_are_open_in_the_plan(contents: Contents) -> None:
    in_profile(contents, {"allow": ["pypi.org"]})


@PLAN.fails("plan", YAML)
def grants_in_the_manifest(contents: Contents) -> None:
    in_manifest(contents, {"grants": ["web_search"]})


@PLAN.fails("plan", YAML)
def other_sandbox_in_the_plan(contents: Contents) -> None:
    in_plan(contents, {"sandbox": "local"})


@PLAN.fails("plan", YAML)
def other_sandbox_in_the_manifest(contents: Contents) -> None:
    in_manifest(contents, {"sandbox": "local"})


@PLAN.fails("plan", YAML)
def cheaper_prices_in_the_plan(contents: Contents) -> None:
    with contents.group() as group:
        group["plan"]["models"]["m"]["prices"]["input"] = 0.1


@PLAN.fails("plan", YAML)
def other_model_behind_the_name(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["models"]["m"]["served"] = "a-smaller-one"


@PLAN.fails("plan", YAML)
def other_model_in_the_manifest(contents: Contents) -> None:
    in_manifest(contents, {"models_served": {"m": "a-smaller-one of scripted", "flaky": "flaky-served of scripted"}})


@PLAN.fails("plan", YAML)
def other_model_in_the_conditions(contents: Contents) -> None:
    in_conditions(contents, {"models_served": {"m": "a-smaller-one of scripted", "flaky": "flaky-served of scripted"}})


@PLAN.fails("plan", YAML)
def fewer_models_in_the_manifest(contents: Contents) -> None:
    in_manifest(contents, {"models": ["m"]})


# the agent


@PLAN.fails("plan", "agents/group/program.py")
def agents_file_changed(contents: Contents) -> None:
    contents.files[contents.agent_name("program.py")] += b"# a better one\n"


@PLAN.fails("plan", "agents/group/program.py")
def agents_file_taken_out(contents: Contents) -> None:
    del contents.files[contents.agent_name("program.py")]


@PLAN.fails("plan", "agents/group/answers.csv")
def agents_file_added(contents: Contents) -> None:
    contents.files[contents.agent_name("answers.csv")] = b"id,y\n"


@PLAN.fails("plan", "agents/group/other.py", "agents/group/program.py")
def agents_file_renamed(contents: Contents) -> None:
    contents.files[contents.agent_name("other.py")] = contents.files.pop(contents.agent_name("program.py"))


@PLAN.fails("plan", YAML, "agents/group/program.py")
def agents_file_changed_and_its_hash_in_the_manifest(contents: Contents) -> None:
    agents_file_changed(contents)
    with contents.group() as group:
        group["manifest"]["agent_files"]["program.py"] = sha256(contents.files[contents.agent_name("program.py")])


@PLAN.fails("plan", YAML, "agents/group/program.py")
def agents_file_left_out_under_another_hash(contents: Contents) -> None:
    name = contents.agent_name("program.py")
    contents.statement["predicate"]["left_out"] += [{"name": name, "reason": "agent", "size": 3, "sha256": "0" * 64}]
    del contents.files[name]


@PLAN.fails("plan", "agents/group/")
def agents_folder_taken_out(contents: Contents) -> None:
    for name in [name for name in contents.files if name.startswith(contents.agent_name())]:
        del contents.files[name]


@PLAN.fails("plan", YAML)
def other_fingerprint_in_the_plan(contents: Contents) -> None:
    in_plan(contents, {"agent_fingerprint": "0123456789abcdef"})


@PLAN.fails("plan", YAML)
def other_fingerprint_in_the_conditions(contents: Contents) -> None:
    in_conditions(contents, {"agent_fingerprint": "0123456789abcdef"})


@PLAN.fails("plan", YAML)
def other_fingerprint_everywhere(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["agent_fingerprint"] = "0123456789abcdef"
    in_conditions(contents, {"agent_fingerprint": "0123456789abcdef"})


@PLAN.fails("plan", YAML)
def other_arguments_in_the_plan(contents: Contents) -> None:
    with contents.group() as group:
        group["plan"]["agent"]["arguments"] = {"neighbours": 1}


@PLAN.fails("plan", YAML)
def other_arguments_in_the_conditions(contents: Contents) -> None:
    in_conditions(contents, {"arguments": {"neighbours": 1}})


@PLAN.fails("plan", YAML)
def other_arguments_in_the_manifest(contents: Contents) -> None:
    in_manifest(contents, {"arguments": {"neighbours": 1}})


@PLAN.fails("plan", YAML, "agents/group/agent.yaml")
def other_arguments_everywhere(contents: Contents) -> None:
    """Nobody set them for this group, and the agent's own file has others."""
    with contents.plan() as plan:
        plan["agent"]["arguments"] = {"neighbours": 1}
    in_conditions(contents, {"arguments": {"neighbours": 1}})
    in_manifest(contents, {"arguments": {"neighbours": 1}})


@PLAN.fails("plan", YAML)
def other_agent_in_the_plan(contents: Contents) -> None:
    with contents.group() as group:
        group["plan"]["agent"]["name"] = "somebody-elses"


@PLAN.fails("plan", RECORD)
def run_of_another_agent(contents: Contents) -> None:
    in_record(contents, {"agent": "somebody-elses"})


@PLAN.fails("sealed", YAML, "agents/group/agent.yaml")
def secret_that_the_plan_hides(contents: Contents) -> None:
    """The agent's file asks for it; the hashes of the agent's files are made to fit."""
    name = contents.agent_name("agent.yaml")
    contents.files[name] += b'environment: {ANSWERS_URL: "${{ secrets.ANSWERS_URL }}"}\n'
    with contents.group() as group:
        group["manifest"]["agent_files"]["agent.yaml"] = sha256(contents.files[name])
    refingerprinted(contents)


def refingerprinted(contents: Contents) -> None:
    """Let the group say the fingerprint of the agent's files as they are."""
    digest, prefix = hashlib.sha256(), contents.agent_name() + "/"
    for name in sorted(name for name in contents.files if name.startswith(prefix)):
        digest.update(name.removeprefix(prefix).encode() + b"\0" + hashlib.sha256(contents.files[name]).digest())
    with contents.plan() as plan:
        plan["agent_fingerprint"] = digest.hexdigest()[:16]
    in_conditions(contents, {"agent_fingerprint": digest.hexdigest()[:16]})


# which runs


@PLAN.fails("plan", f"{BAD}/run.json", YAML)
def bad_run_dropped(contents: Contents) -> None:
    without_run(contents, BAD)


@PLAN.fails("plan", f"{BAD}/run.json", YAML)
def bad_run_dropped_with_its_report(contents: Contents) -> None:
    without_run(contents, BAD)
    without_report(contents, BAD)


@PLAN.fails("plan", f"{RUN}/run.json")
def record_of_a_run_taken_out(contents: Contents) -> None:
    del contents.files[contents.name(RUN, "run.json")]


@PLAN.fails("plan", f"{RUN}/run.json")
def record_of_a_run_left_out(contents: Contents) -> None:
    name = contents.name(RUN, "run.json")
    content = contents.files.pop(name)
    contents.statement["predicate"]["left_out"] += [
        {"name": name, "reason": "large", "size": len(content), "sha256": sha256(content)}
    ]


@PLAN.fails("plan", f"{RUN}/run.json", "demo-wine_seed0/")
def seed_dropped_in_the_plan(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["seeds"] = [1, 2]


@PLAN.fails("plan", YAML, "demo-wine_seed0/", f"{RUN}/run.json")
def competition_dropped_in_the_plan(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["competitions"].remove("demo-wine")


@PLAN.fails("plan", YAML)
def competition_dropped_everywhere_but_in_the_conditions(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["competitions"].remove("demo-wine")
    for run in ("demo-wine_seed0", "demo-wine_seed1", "demo-wine_seed2"):
        without_run(contents, run)
        without_report(contents, run)


@PLAN.fails("plan", "demo-wine_seed3/")
def good_run_under_another_name(contents: Contents) -> None:
    for name in contents.below(OTHER):
        contents.files[name.replace(OTHER, "demo-wine_seed3")] = contents.files[name]


def become(contents: Contents, run: str, model: str) -> None:
    """Let a run be a copy of another one, wherever its name or its seed is written."""
    seed = int(run[-1])
    without_run(contents, run)
    for name in contents.below(model):
        contents.files[name.replace(model, run)] = contents.files[name]
    with contents.record(run) as record:
        record |= {"run_id": run, "seed": seed}
        record["report"] |= {"run_id": run, "seed": seed, "submission_path": f"{run}/submission/submission.csv"}
    with contents.report() as report:
        reports = report["competition_reports"]
        place = next(place for place, one in enumerate(reports) if one["run_id"] == run)
        reports[place] = json.loads(json.dumps(record["report"]))
    totals(contents)


@PLAN.fails("plan", f"{RUN}/run.json", f"{OTHER}/run.json")
def good_seed_in_the_place_of_a_bad_one(contents: Contents) -> None:
    become(contents, RUN, OTHER)


@PLAN.fails("ledgers", f"{RUN}/model_calls.jsonl", f"{OTHER}/model_calls.jsonl", f"{RUN}/checker_calls.jsonl", f"{RUN}/run.json")
def good_seed_in_the_place_of_a_bad_one_a_second_later(contents: Contents) -> None:
    become(contents, RUN, OTHER)
    with contents.record(RUN) as record:
        record["started_at"], record["ended_at"] = moved(record["started_at"], 0.001), moved(record["ended_at"], 0.001)


@PLAN.fails(
    "ledgers",
    f"{RUN}/model_calls.jsonl",
    f"{RUN}/checker_calls.jsonl",
    f"{OTHER}/model_calls.jsonl",
    f"{OTHER}/checker_calls.jsonl",
)
def good_seed_in_the_place_of_a_bad_one_with_calls_of_its_own_times(contents: Contents) -> None:
    """Texts, files and answers are those of the other run still, to the last token."""
    become(contents, RUN, OTHER)
    with contents.record(RUN) as record:
        record["started_at"], record["ended_at"] = moved(record["started_at"], 0.01), moved(record["ended_at"], 0.01)
        for call in record["checker_calls"]:
            call["at"] = moved(call["at"], 0.01)
    for ledger in ("model_calls.jsonl", "checker_calls.jsonl"):
        lines = [{**line, "at": moved(line["at"], 0.01)} for line in contents.lines(RUN, ledger)]
        made = chained(lines)
        contents.put_lines(made, RUN, ledger)
        contents.put_end({"lines": len(made), "head": made[-1]["hash"]}, RUN, ledger)


@PLAN.fails("plan", RECORD)
def record_of_another_run(contents: Contents) -> None:
    contents.files[contents.name(RUN, "run.json")] = contents.files[contents.name(OTHER, "run.json")]


@PLAN.fails("plan", RECORD)
def run_of_another_group(contents: Contents) -> None:
    in_record(contents, {"group": "another"})


@PLAN.fails("plan", RECORD)
def run_of_another_seed(contents: Contents) -> None:
    in_record(contents, {"seed": 2})


@PLAN.fails("plan", RECORD)
def run_of_another_competition(contents: Contents) -> None:
    in_record(contents, {"competition_id": "demo-diabetes"})


@PLAN.fails("plan", RECORD)
def run_of_another_edition(contents: Contents) -> None:
    in_record(contents, {"edition": "v2"})


@PLAN.fails("plan", RECORD)
def run_of_another_plan(contents: Contents) -> None:
    in_record(contents, {"plan_sha256": "0" * 64})


@PLAN.fails("plan", RECORD)
def run_of_no_plan(contents: Contents) -> None:
    in_record(contents, {"plan_sha256": None})


@PLAN.fails("plan", f"{RUN}/run.json", "demo-diabetes_seed0/run.json")
def folders_of_two_competitions_in_each_others_place(contents: Contents) -> None:
    first, second = RUN, "demo-diabetes_seed0"
    files = contents.files
    swapped = {
        name.replace(run, other): files[name] for run, other in ((first, second), (second, first)) for name in contents.below(run)
    }
    without_run(contents, first)
    without_run(contents, second)
    files |= swapped


@PLAN.fails("scores", f"{RUN}/run.json", "demo-diabetes_seed0/run.json")
def two_competitions_in_each_others_place_with_their_names(contents: Contents) -> None:
    """What the reports say of the competitions themselves is wrong then."""
    folders_of_two_competitions_in_each_others_place(contents)
    for run, competition in ((RUN, "demo-wine"), ("demo-diabetes_seed0", "demo-diabetes")):
        with contents.record(run) as record:
            record |= {"run_id": run, "competition_id": competition}
            record["report"] |= {"run_id": run, "competition_id": competition}
            record["report"]["submission_path"] = f"{run}/submission/submission.csv"
        with contents.graded(run) as report:
            report.clear()
            report |= record["report"]


@PLAN.fails("plan", YAML)
def other_edition_in_the_plan(contents: Contents) -> None:
    in_plan(contents, {"edition": "v2"})


@PLAN.fails("plan", YAML)
def other_edition_in_the_conditions(contents: Contents) -> None:
    in_conditions(contents, {"edition": "v2"})


@PLAN.fails("plan", YAML)
def split_key_in_the_plan(contents: Contents) -> None:
    in_plan(contents, {"split_key_hash": "0123456789ab"})


@PLAN.fails("plan", YAML)
def split_key_in_the_conditions(contents: Contents) -> None:
    in_conditions(contents, {"split_key_hash": "0123456789ab"})


@PLAN.fails("plan", YAML)
def obfuscated_in_the_plan(contents: Contents) -> None:
    in_plan(contents, {"obfuscated": True})


@PLAN.fails("plan", YAML)
def obfuscated_text_in_the_conditions(contents: Contents) -> None:
    in_conditions(contents, {"task_text": "obfuscated"})


@PLAN.fails("scores", YAML, f"{RUN}/run.json", "grading_report.json")
def mock_data_in_the_conditions(contents: Contents) -> None:
    with contents.group() as group:
        group["conditions"]["data"]["demo-wine"] = "mock"


@PLAN.fails("plan", YAML)
def conditions_without_a_competition(contents: Contents) -> None:
    with contents.group() as group:
        del group["conditions"]["competition_versions"]["demo-wine"]


@PLAN.fails("scores", YAML, f"{RUN}/run.json", "grading_report.json")
def other_version_in_the_conditions(contents: Contents) -> None:
    with contents.group() as group:
        group["conditions"]["competition_versions"]["demo-wine"] = 7


@PLAN.fails("plan", YAML)
def no_conditions(contents: Contents) -> None:
    with contents.group() as group:
        del group["conditions"]


@PLAN.fails("plan", YAML)
def no_agent_files_in_the_manifest(contents: Contents) -> None:
    with contents.group() as group:
        group["manifest"]["agent_files"] = {}


@PLAN.fails("plan", YAML)
def other_group_name(contents: Contents) -> None:
    with contents.group() as group:
        group["group"] = "another"


@PLAN.fails("plan", YAML)
def other_harness_in_the_manifest(contents: Contents) -> None:
    with contents.group() as group:
        group["manifest"]["harness"]["version"] = "9.9.9"


# how they went


@PLAN.fails("plan", RECORD)
def run_that_has_not_ended(contents: Contents) -> None:
    in_record(contents, {"state": "running", "ended_at": None})


@PLAN.fails("plan", RECORD)
def run_that_has_not_begun(contents: Contents) -> None:
    in_record(contents, {"state": "pending", "report": None})


@PLAN.fails("plan", RECORD)
def cancelled_run_with_a_score(contents: Contents) -> None:
    in_record(contents, {"state": "cancelled"})


@PLAN.fails("plan", RECORD)
def failed_run_called_finished(contents: Contents) -> None:
    in_record(contents, {"state": "finished", "reason": "killed", "exit_code": 137})


@PLAN.fails("plan", RECORD)
def failure_of_the_infrastructure_with_a_score(contents: Contents) -> None:
    in_record(contents, {"state": "failed", "failure_class": "infrastructure", "reason": "model-unavailable"})


@PLAN.fails("plan", RECORD)
def shorter_time_in_the_record(contents: Contents) -> None:
    in_record(contents, {"wall_seconds": 0.1})


@PLAN.fails("plan", RECORD)
def no_time_in_the_record(contents: Contents) -> None:
    in_record(contents, {"wall_seconds": None})


@PLAN.fails("plan", RECORD)
def start_before_the_group(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["started_at"] = moved(record["created_at"], -3600)
        seconds = datetime.fromisoformat(record["ended_at"]) - datetime.fromisoformat(record["started_at"])
        record["wall_seconds"] = round(seconds.total_seconds(), 3)


@PLAN.fails("plan", RECORD)
def end_before_the_start(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["started_at"], record["ended_at"] = record["ended_at"], record["started_at"]
        record["wall_seconds"] = 0.0


@PLAN.fails("plan", RECORD)
def end_beyond_the_time_limit(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["ended_at"] = moved(record["started_at"], 7200)
        record["wall_seconds"] = 7200.0


@PLAN.fails("ledgers", f"{RUN}/model_calls.jsonl", f"{RUN}/checker_calls.jsonl", RECORD)
def end_before_the_last_calls(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["started_at"] = moved(record["started_at"], -30)
        record["ended_at"] = moved(record["started_at"], 15)
        record["wall_seconds"] = 15.0


@PLAN.fails("plan", RECORD)
def no_start(contents: Contents) -> None:
    in_record(contents, {"started_at": None, "wall_seconds": 0.0})


@PLAN.fails("plan", RECORD, f"{OTHER}/run.json")
def start_and_end_of_another_run(contents: Contents) -> None:
    with contents.record(OTHER) as record:
        times = {key: record[key] for key in ("started_at", "ended_at", "wall_seconds")}
    in_record(contents, times)


@PLAN.fails("plan", YAML, f"{RUN}/run.json", f"{BAD}/run.json")
def group_made_after_its_runs(contents: Contents) -> None:
    with contents.group() as group:
        group["created_at"] = moved(group["created_at"], 3600)


@PLAN.fails("plan", f"{TWICE}/run.json")
def earlier_attempt_hidden(contents: Contents) -> None:
    in_record(contents, {"attempts": []}, TWICE)


@PLAN.fails("plan", f"{TWICE}/")
def earlier_attempt_hidden_in_the_count(contents: Contents) -> None:
    in_record(contents, {"attempts": [], "attempt": 1}, TWICE)


@PLAN.fails("scores", "grading_report.json")
def earlier_attempt_hidden_with_its_folder(contents: Contents) -> None:
    """The group's report knows of it."""
    in_record(contents, {"attempts": [], "attempt": 1}, TWICE)
    without_run(contents, f"{TWICE}/attempts")


@PLAN.fails("plan", f"{RUN}/")
def attempt_that_the_record_does_not_know(contents: Contents) -> None:
    contents.files[contents.name(RUN, "attempts", "1", "run.log")] = b"nothing to see\n"


@PLAN.fails("plan", f"{TWICE}/run.json")
def earlier_attempt_that_had_finished(contents: Contents) -> None:
    """What finished is a result, and not done again."""
    with contents.record(TWICE) as record:
        record["attempts"][0] |= {"state": "finished", "failure_class": None, "reason": "exited", "detail": "exited (0)"}


@PLAN.fails("plan", f"{TWICE}/run.json")
def earlier_attempt_after_the_last(contents: Contents) -> None:
    with contents.record(TWICE) as record:
        attempt = record["attempts"][0]
        attempt["started_at"], attempt["ended_at"] = moved(attempt["started_at"], 600), moved(attempt["ended_at"], 600)


@PLAN.fails("plan", RECORD)
def more_attempts_than_there_were(contents: Contents) -> None:
    in_record(contents, {"attempt": 3})


@PLAN.fails("sealed", RECORD)
def run_in_another_image(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["resources"]["image_digest"] = "sha256:" + "0" * 64


@PLAN.fails("sealed", RECORD)
def run_in_no_image(contents: Contents) -> None:
    with contents.record(RUN) as record:
        del record["resources"]["image_digest"]


@PLAN.fails("sealed", YAML, f"{RUN}/run.json", f"{BAD}/run.json")
def image_that_the_manifest_does_not_know(contents: Contents) -> None:
    with contents.group() as group:
        group["manifest"]["engine"]["images"] = {}


@PLAN.fails("files", "statement.dsse.json")
def group_that_the_statement_does_not_name(contents: Contents) -> None:
    contents.statement["predicate"]["groups"] = []


@PLAN.fails("files", "groups/another/group.yaml")
def group_that_is_not_there(contents: Contents) -> None:
    contents.statement["predicate"]["groups"] = ["another", GROUP]


@PLAN.fails("files", "statement.dsse.json")
def group_by_the_way_upwards(contents: Contents) -> None:
    contents.statement["predicate"]["groups"] = ["..", GROUP]


@PLAN.fails("files", YAML)
def plan_taken_out(contents: Contents) -> None:
    del contents.files[contents.name(YAML)]


@PLAN.fails("plan", "groups/group/notes.txt")
def file_beside_the_runs(contents: Contents) -> None:
    contents.files[contents.name("notes.txt")] = b"trust me\n"


# what somebody does who wants a better place on the board


@PLAN.fails("plan", "groups/group-2/", f"groups/{GROUP}/")
def group_twice_under_two_names(contents: Contents) -> None:
    """Twice as many seeds, it seems."""
    copied = {}
    for name, content in contents.files.items():
        other = name.replace(f"/{GROUP}/", "/group-2/", 1)
        if name.endswith("/run.json"):
            content = content.replace(b'"group": "group"', b'"group": "group-2"')
        if name.endswith("/group.yaml"):
            content = content.replace(b"group: group\n", b"group: group-2\n")
        if name.endswith("/grading_report.json"):
            report = json.loads(content)
            report["run_group"]["group"] = "group-2"
            content = json.dumps(report, indent=2).encode()
        copied[other] = content
    contents.files |= copied
    contents.statement["predicate"]["groups"] += ["group-2"]


@PLAN.fails("plan", RECORD)
def hours_of_gpus_that_were_not_there(contents: Contents) -> None:
    in_record(contents, {"gpu_hours": 5.0})


@PLAN.fails("files", YAML)
def plan_of_a_hundred_million_runs(contents: Contents) -> None:
    in_plan(contents, {"seeds": list(range(10_000)), "competitions": [f"c{number}" for number in range(10_000)]})


@PLAN.fails("plan", YAML)
def seed_twice_in_the_plan(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["seeds"] = [0, 1, 2, 2]


@PLAN.fails("plan", YAML)
def competition_twice_in_the_plan(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["competitions"] += ["demo-wine"]


@PLAN.fails("plan", YAML)
def plan_of_no_runs(contents: Contents) -> None:
    with contents.plan() as plan:
        plan["seeds"] = []


@PLAN.fails("plan", f"{RUN.capitalize()}/")
def run_in_capitals(contents: Contents) -> None:
    for name in contents.below(RUN):
        contents.files[name.replace(RUN, RUN.capitalize())] = contents.files[name]


@PLAN.fails("files", "groups/another/")
def files_of_a_group_that_is_not_named(contents: Contents) -> None:
    contents.files["groups/another/group.yaml"] = contents.files[contents.name(YAML)]


@PLAN.fails("files", "agents/another/")
def agent_of_a_group_that_is_not_there(contents: Contents) -> None:
    contents.files["agents/another/start.sh"] = b"#!/bin/sh\n"


@PLAN.fails("sealed", "agents/group/agent.yaml")
def agents_file_that_no_reader_reads(contents: Contents) -> None:
    name = contents.agent_name("agent.yaml")
    contents.files[name] += b"x: " + b"[" * 50_000 + b"]" * 50_000 + b"\n"
    with contents.group() as group:
        group["manifest"]["agent_files"]["agent.yaml"] = sha256(contents.files[name])
    refingerprinted(contents)


@PLAN.fails("sealed", "agents/group/agent.yaml")
def agents_file_of_another_image(contents: Contents) -> None:
    name = contents.agent_name("agent.yaml")
    contents.files[name] += b"image: with-the-answers\n"
    with contents.group() as group:
        group["manifest"]["agent_files"]["agent.yaml"] = sha256(contents.files[name])
    refingerprinted(contents)
