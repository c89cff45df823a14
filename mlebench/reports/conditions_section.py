"""Under which conditions results were reached, as a section of a report's page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grading.printable import printable
from mlebench.reports.components import fold
from mlebench.reports.document import ResultsDocument
from mlebench.reports.markup import Section, facts
from mlebench.reports.notation import NOTHING

_MOST_NAMES = 8
_LONGEST = 300
_LONGEST_HASH = 12


def conditions_section(entries: Sequence[ResultsDocument]) -> Section:
    """The conditions of each of the results; folded where they are several."""
    if len(entries) == 1:
        return Section("conditions", "Conditions", facts(list(_facts(entries[0]))))
    parts = [fold(entry.results.name or "Results", facts(list(_facts(entry)))) for entry in entries]
    return Section("conditions", "Conditions", "".join(parts))


def _facts(entry: ResultsDocument) -> Iterator[tuple[str, str]]:
    results, conditions = entry.results, entry.results.conditions
    groups = [origin.group for origin in results.origins]
    yield ("Groups" if groups else "Files"), _few(groups or results.sources)
    yield "Made", _few(dict.fromkeys(origin.created_at[:10] for origin in results.origins))
    versions = dict.fromkeys(origin.harness for origin in results.origins if origin.harness)
    yield "Harness", _few(versions) if versions else conditions.harness or NOTHING
    yield "Agent", conditions.agent or NOTHING
    yield "Arguments", _pairs(conditions.arguments)
    yield "Agent’s files", (conditions.agent_fingerprint or NOTHING)[:_LONGEST_HASH]
    yield "Models", _few(conditions.models or ())
    if conditions.models_served:
        yield "Models served", _pairs(conditions.models_served)
    yield "Profile", conditions.profile or NOTHING
    yield "Limits", _pairs(conditions.limits_in_words())
    yield "Hardware", _few(dict.fromkeys(origin.hardware for origin in results.origins if origin.hardware))
    yield "Sandbox", conditions.sandbox or NOTHING
    yield "Network", conditions.network or NOTHING
    for name, value in (
        ("Budget", _pairs(conditions.budget or None)),
        ("Open hosts", _few(conditions.allow)),
        ("Grants", _few(conditions.grants)),
    ):
        if value != NOTHING:
            yield name, value
    yield "Task text", conditions.task_text or NOTHING
    yield "Edition", conditions.edition
    if conditions.split_key_hash:
        yield "Split key", conditions.split_key_hash


def _pairs(values: Mapping[str, Any] | None) -> str:
    """`key = value` of each, whatever an agent's file holds."""
    if not values:
        return NOTHING if values is None else "none"
    return _few(
        [f"{key} = {value if isinstance(value, str) else json.dumps(value, default=str)}" for key, value in values.items()], 40
    )


def _few(names: Sequence[str] | Mapping[str, Any], most: int = _MOST_NAMES) -> str:
    """The first ones, and how many more there are."""
    listed = [printable(str(name), _LONGEST) for name in names]
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return f"{', '.join(listed[:most])}{more}" or NOTHING
