"""Level 6: agents reached nothing but the harness (and models, through it), and every call is on record.

What is read here is what the plan says and whether anything in the bundle says otherwise. That the sandbox did what the plan says
is the word of whoever ran it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from grading.printable import printable
from mlebench.errors import UsageError
from mlebench.evidence.models_asked import model_ledgers, unplanned_models
from mlebench.evidence.names import AGENTS, name_of
from mlebench.evidence.opened import OpenedBundle, OpenedGroup
from mlebench.evidence.verdict import Finding, Level, few
from mlebench.gateway.model_call import LEDGER as MODEL_CALLS
from mlebench.runs.agent_files import settings_in
from mlebench.runs.ledgers import ledger_names, ledger_path
from mlebench.runs.record import RunRecord

_CHECKER_CALLS = ledger_names(False)[0]
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def sealed_level(bundle: OpenedBundle) -> Level:
    """The level; see the module."""
    findings = tuple(finding for group in bundle.groups for finding in _contradictions(bundle, group))
    flags = tuple(flag for group in bundle.groups for flag in _flags(group))
    if findings:
        return Level(
            "sealed", "fails", _count(len(findings), "statement contradicts", "statements contradict") + " this", findings, flags
        )
    open_ = [f"{group.name}: {', '.join(ways)}" for group in bundle.groups if (ways := [*_ways_out(group)])]
    unknown = [f"{group.name}: {', '.join(gaps)}" for group in bundle.groups if (gaps := [*_gaps(bundle, group)])]
    if not bundle.groups or open_ or unknown:
        return Level("sealed", "not claimed", "; ".join([*open_, *unknown]) or "there is no group", flags=flags)
    return Level("sealed", "holds", _summary(bundle), flags=flags)


def _summary(bundle: OpenedBundle) -> str:
    runs = _count(sum(len(group.records) for group in bundle.groups), "run", "runs")
    with_models = any(group.group.plan.has_gateway for group in bundle.groups)
    reached = "reached nothing but models through the gateway" if with_models else "reached nothing"
    return f"{runs} {reached}, according to the harness that ran them; every call is recorded"


def _ways_out(group: OpenedGroup) -> Iterator[str]:
    """What an agent could reach, or could have been given, that no ledger holds."""
    plan = group.group.plan
    if (imported := group.group.imported) is not None:
        yield f"it was imported from {imported.words}, so what agents could reach is unknown"
    elif not plan.isolates:
        yield f"the sandbox is {plan.sandbox}, which restricts nothing"
    elif plan.profile.network == "open":
        yield "the network was open"
    if plan.profile.network == "models" and plan.profile.allow:
        yield f"open hosts were {few(plan.profile.allow)}"
    if plan.has_gateway and plan.profile.grants:
        yield f"the gateway granted {few(plan.profile.grants)}"
    if plan.agent.secret_names:
        yield f"the agent was given the secrets {few(plan.agent.secret_names)}"


def _gaps(bundle: OpenedBundle, group: OpenedGroup) -> Iterator[str]:
    """What of the group cannot be looked at."""
    if group.group.imported is not None:
        return
    if not _agent_file(bundle, group).is_file():
        yield "its agent.yaml is not in the bundle"
    plan = group.group.plan
    if missing := [run.run_id for run in plan.runs if run.run_id not in group.records]:
        yield f"{_count(len(missing), 'run has', 'runs have')} no record"
    names = ledger_names(plan.has_gateway)
    if silent := [run_id for run_id, record in group.records.items() if not set(names) <= set(record.ledgers)]:
        yield f"{_count(len(silent), 'record does', 'records do')} not say how the run's ledgers end"
    hidden = [run_id for run_id in group.records for name in names if group.is_left_out(group.file_of(run_id, f"{name}.jsonl"))]
    if hidden:
        yield f"{_count(len(hidden), 'ledger is', 'ledgers are')} present only as hashes"


def _flags(group: OpenedGroup) -> Iterator[Finding]:
    for name, model in group.group.plan.models.items():
        if not model.base_url.startswith("https://"):
            said = f"the model {printable(name, 60)} is asked at {printable(model.base_url, 100)}"
            yield Finding(_plan_file(group), f"{said}; its operator decides what it answers")


def _contradictions(bundle: OpenedBundle, group: OpenedGroup) -> Iterator[Finding]:
    if group.group.imported is not None:
        return
    yield from _of_circumstances(group)
    yield from _of_agent_file(bundle, group)
    yield from _of_models(group)
    for run_id, record in group.records.items():
        yield from _of_checks(group, run_id, record)
        yield from _of_image(group, run_id, record)


def _of_circumstances(group: OpenedGroup) -> Iterator[Finding]:
    """Three places of `group.yaml` say what was closed: they must say the same."""
    plan, conditions, manifest = group.group.plan, group.group.conditions, group.group.manifest
    profile = plan.profile
    said = {
        "sandbox": (plan.sandbox, conditions.sandbox, manifest.get("sandbox")),
        "network": (plan.agents_network, conditions.network, manifest.get("network")),
        "allow": (set(profile.allow), set(conditions.allow) | (set(profile.allow) if profile.network != "models" else set())),
        "grants": (set(profile.grants), set(conditions.grants) | (set(profile.grants) if not plan.has_gateway else set())),
    }
    # on a cluster each node builds its own, and the manifest names no engine
    names_engine = _mapping(manifest.get("engine")).get("engine") is not None
    if plan.has_images and names_engine and _planned_image(group) is None:
        yield Finding(_plan_file(group), "its manifest does not say the digest of the agent's image")
    for key, values in said.items():
        listed = manifest.get(key)
        if key in ("allow", "grants") and listed is not None:
            values = (*values, {str(entry) for entry in (listed if isinstance(listed, list) else [listed])})
        known = [value for value in values if value is not None]
        if any(value != known[0] for value in known[1:]):
            words = " and ".join(printable(str(_listed(value)), 100) for value in _different(known))
            yield Finding(_plan_file(group), f"plan, conditions and manifest disagree about `{key}`: {words}")


def _of_agent_file(bundle: OpenedBundle, group: OpenedGroup) -> Iterator[Finding]:
    """The agent's own file must ask for what the plan says it does."""
    path = _agent_file(bundle, group)
    if not path.is_file():
        return
    name = name_of(AGENTS, group.name, "agent.yaml")
    plan = group.group.plan
    try:
        differing = settings_in(path.parent, plan.agent, plan.argument_settings)
    except UsageError as error:
        yield Finding(name, printable(str(error).replace(f"{path}", "agent.yaml"), 300))
        return
    for key in differing:
        yield Finding(name, f"its `{key}` is not that of the plan")


def _of_checks(group: OpenedGroup, run_id: str, record: RunRecord) -> Iterator[Finding]:
    name = group.file_of(run_id, f"{_CHECKER_CALLS}.jsonl")
    is_there = ledger_path(group.run_dir(run_id), _CHECKER_CALLS).is_file() or group.is_left_out(name)
    end = record.ledgers.get(_CHECKER_CALLS)
    if is_there or end is None:
        return
    if end["lines"] or record.checker_calls or record.refused_checks:
        yield Finding(name, "the ledger of the checker's calls is missing, and the run's record says that there were some")


def _of_image(group: OpenedGroup, run_id: str, record: RunRecord) -> Iterator[Finding]:
    """A container's image is on record, and it is that of the plan."""
    plan = group.group.plan
    was_made = record.has_ended and record.started_at is not None and record.failure_class != "infrastructure"
    if not plan.has_images or not was_made:
        return
    digest = record.resources.get("image_digest")
    name = group.file_of(run_id, "run.json")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        yield Finding(name, "it does not say the digest of the image of the run's container")
        return
    planned = _planned_image(group)
    if planned is not None and planned != digest:
        yield Finding(name, f"the run's image is {digest[:19]}…, the group's {printable(str(planned), 19)}…")


def _planned_image(group: OpenedGroup) -> Any:
    """The digest of the agent's image when the group was made; None if it is unknown."""
    images = _mapping(_mapping(group.group.manifest.get("engine")).get("images"))
    return _mapping(images.get(group.group.plan.agent.id)).get("digest")


def _of_models(group: OpenedGroup) -> Iterator[Finding]:
    """Nobody asks a model without a gateway, nor one that the plan does not name."""
    if group.group.plan.has_gateway:
        yield from unplanned_models(group)
        return
    for run_id, record in group.records.items():
        for _, name in model_ledgers(group, run_id):
            yield Finding(name, "there are model calls in a group whose runs had no gateway")
        if record.usage or record.ledgers.get(MODEL_CALLS):
            yield Finding(group.file_of(run_id, "run.json"), "it counts model calls in a group whose runs had no gateway")


def _agent_file(bundle: OpenedBundle, group: OpenedGroup) -> Path:
    return Path(bundle.folder, name_of(AGENTS, group.name), "agent.yaml")


def _plan_file(group: OpenedGroup) -> str:
    return f"{group.prefix}/group.yaml"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _different(values: list[Any]) -> list[Any]:
    return [value for place, value in enumerate(values) if value not in values[:place]]


def _listed(value: Any) -> Any:
    return (", ".join(sorted(value)) or "none") if isinstance(value, set) else value


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
