"""The text of a drafted `grade.py`, and of `classes.py` where the classes are columns."""

from __future__ import annotations

import re

from mlebench.scaffold.draft.proposal import Draft
from mlebench.scaffold.draft.source_text import constant, quoted, remarks

_COMBINED = "mean_columnwise"


def grade_source(draft: Draft) -> str:
    """The text of a `grade.py`: one grader expression."""
    metric = draft.metric
    expression = metric.expression or metric.function
    id = quoted(draft.ids[0]) if len(draft.ids) == 1 else f"({', '.join(map(quoted, draft.ids))})"
    is_wide = draft.form == "class probabilities"
    by_row = metric.submits == "class probabilities"
    kinds = {"Probability()"} if is_wide else {target.kind for target in draft.targets}
    imported = sorted({"Grader", *(match[1] for kind in kinds if (match := re.match(r"(\w+)\(", kind)))})
    lines = [f"from grading import {', '.join(imported)}", f"from grading.metrics.{metric.module} import {metric.function}"]
    if _COMBINED in expression:
        lines.append(f"from grading.metrics.combine import {_COMBINED}")
    if by_row:
        lines.append("from grading.rows import divided_by_sum")
    if is_wide:
        lines += ["", "from .classes import CLASSES"]
    labels = [target for target in draft.targets if "CLASSES" in target.kind]
    if labels and not is_wide:
        lines += ["", *constant("CLASSES", labels[0].classes)]
    rows = "rows=divided_by_sum, " if by_row else ""
    lines += ["", *remarks(draft, "metric")]
    for target in draft.targets:
        lines += remarks(draft, f"kind of {target.name}")
    lines.append(f"grader = Grader(id={id}, columns={_columns(draft)}, {rows}metric={expression})")
    return "\n".join(lines) + "\n"


def classes_source(draft: Draft) -> str | None:
    """The text of `classes.py`; None if the targets are columns of the labelled table."""
    if draft.form != "class probabilities":
        return None
    return "\n".join([*constant("CLASSES", draft.targets[0].classes), ""])


def _columns(draft: Draft) -> str:
    if draft.form == "class probabilities":
        return "dict.fromkeys(CLASSES, Probability())"
    return f"{{{', '.join(f'{quoted(target.name)}: {target.kind}' for target in draft.targets)}}}"
