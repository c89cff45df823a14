"""Which metric scores the targets, and of which kind each of them is under it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grading.metric_names import NamedMetric
from grading.wording import counted, listed, quoted
from mlebench.errors import CannotDraft
from mlebench.scaffold.draft.origin import Origin
from mlebench.scaffold.draft.proposal import Form, Guess, Target
from mlebench.scaffold.draft.roles import Roles

if TYPE_CHECKING:
    import pandas as pd

_TRUE_WORDS = {"true": "false", "t": "f", "yes": "no", "y": "n", "positive": "negative", "pos": "neg"}
"""Words for 1, with those for 0."""
_UNSTATED = {"", "custom", "custom metric", "other", "unknown", "kaggle custom metric"}
_MOST_LABELS = 500
"""More classes than these are checked as text, not against a list."""
_MOST_REPEATED = 0.4
"""With a larger share of different texts among its cells, a column holds free text instead of classes."""
_BY_HAND = "write grade.py by hand"


@dataclass(frozen=True)
class Scoring:
    """How the targets are submitted and scored."""

    metric: NamedMetric
    targets: tuple[Target, ...]
    form: Form
    guesses: tuple[Guess, ...]


def find_scoring(roles: Roles, origin: Origin) -> Scoring:
    """Decide metric, form and kinds by what is said of the metric and by the labelled rows.

    Raises:
        CannotDraft: the metric is unknown or does not fit the targets.
    """
    metric, why = _named(origin)
    cells = roles.train.cells[list(roles.targets)]
    if len(roles.targets) == 1:
        _require_several_values(cells.iloc[:, 0], metric, roles)
    metric, fitting = _fitted(metric, cells, roles)
    classes = _classes(roles, metric, cells)
    form: Form = "class probabilities" if classes and metric.submits in ("class probabilities", "probabilities") else "columns"
    if form == "class probabilities":
        label = roles.targets[0]
        _require_filled(cells[label], roles)
        targets: tuple[Target, ...] = (Target(name=label, kind="Probability()", classes=classes),)
    else:
        targets = tuple(_target(name, cells[name], metric, roles) for name in roles.targets)
    guesses = [Guess(what="metric", why=why + fitting)]
    guesses += [Guess(what=f"kind of {target.name}", why=_why_kind(target, cells[target.name])) for target in targets[:1]]
    return Scoring(metric, targets, form, tuple(guesses))


def _named(origin: Origin) -> tuple[NamedMetric, str]:
    from grading.metric_names import find_metric, metrics_in, refusal

    stated = (origin.metric or "").strip()
    if stated.casefold() not in _UNSTATED:
        found = find_metric(stated)
        if found is None:
            raise CannotDraft(refusal(stated))
        return found, f"{'Kaggle' if origin.source == 'kaggle' else 'the user'} calls it {stated!r}"
    pages = sorted(origin.pages.items(), key=lambda page: "eval" not in page[0].casefold())
    for name, text in pages:
        if candidates := metrics_in(text):
            return candidates[0], f"named on the page {name!r}"
    raise CannotDraft(
        "neither the facts nor the evaluation page name a metric that is known here; name one with `--metric NAME` "
        f"(`mlebench list --metrics` lists them), or {_BY_HAND}"
    )


def _fitted(metric: NamedMetric, cells: pd.DataFrame, roles: Roles) -> tuple[NamedMetric, str]:
    """The metric as these columns need it: one of its forms for one column, several, or one per class."""
    several = len(roles.targets) > 1
    if metric.expression.startswith("mean_columnwise(") and not several and not roles.classes:
        from grading.metric_names import find_metric

        if single := find_metric(metric.name.removeprefix("mean column-wise ")):
            fitted, fitting = _fitted(single, cells, roles)
            return fitted, f"; the mean over one column{fitting}"
    if _is_log_loss(metric) and not several and not roles.classes and roles.sample is None and _are_classes(cells.iloc[:, 0]):
        return replace(metric, submits="class probabilities"), "; one column for each class"
    if metric.submits == "class probabilities" and not roles.classes and not several:
        if not _are_binary(cells.iloc[:, 0]):
            return metric, ""
        # two classes in one column: of both forms of the loss the binary one
        return replace(metric, submits="probabilities"), "; two classes are submitted as one probability"
    if _is_log_loss(metric) and roles.classes:
        return replace(metric, submits="class probabilities"), "; one column for each class"
    if _is_log_loss(metric) and several and _is_one_hot(cells):
        return replace(metric, submits="class probabilities"), "; in each row one of the columns is 1"
    if metric.submits == "label sets" and not several and metric.function.startswith("micro") and _is_one_word_each(cells, roles):
        from grading.metric_names import find_metric

        if accuracy := find_metric("accuracy"):
            return replace(accuracy, name=metric.name), "; with one label for each row, micro-averaged F1 is accuracy"
    if (several or roles.classes) and not metric.several_columns and "mean_columnwise" not in metric.expression:
        if metric.submits in ("numbers", "probabilities"):
            expression = f"mean_columnwise({metric.expression or metric.function})"
            number = len(roles.classes or roles.targets)
            return replace(metric, expression=expression, several_columns=True), f"; taken as the mean over {number} columns"
        raise CannotDraft(
            f"{metric.name} takes one column, and there are {len(roles.targets)} targets ({listed(roles.targets)}); {_BY_HAND}"
        )
    return metric, ""


def _is_log_loss(metric: NamedMetric) -> bool:
    """Whether a metric is a log loss, whose name leaves open whether classes have a column each."""
    return metric.submits == "probabilities" and metric.function in ("log_loss", "kaggle_log_loss") and not metric.expression


def _are_classes(cells: pd.Series) -> bool:
    """Whether the cells are of three or more classes that repeat, and neither measured numbers nor free text."""
    different = cells.nunique()
    return not _are_measured(cells) and 2 < different <= min(_MOST_LABELS, _MOST_REPEATED * len(cells)) and not _are_binary(cells)


def _are_measured(cells: pd.Series) -> bool:
    """Whether the cells are numbers, some with fractions."""
    numbers = _numbers(cells)
    return bool(numbers.notna().all() and (numbers % 1 != 0).any())


def _require_several_values(cells: pd.Series, metric: NamedMetric, roles: Roles) -> None:
    """Check that there is something to predict, and to learn from.

    Raises:
        CannotDraft: all values are the same, or all classes occur once.
    """
    different = cells.nunique()
    if different == 1 and cells.iloc[0].strip():
        raise CannotDraft(
            f"`{cells.name}` of {roles.train.shown} is {quoted(cells.iloc[0])} in all {len(cells):,} rows, so that there is "
            "nothing to predict; name another column with `--target COLUMN`"
        )
    if metric.submits in ("labels", "class probabilities") and different == len(cells) and not _are_measured(cells):
        raise CannotDraft(
            f"{metric.name} needs classes that repeat, but all {len(cells):,} values of `{cells.name}` in {roles.train.shown} "
            f"differ; name another column with `--target COLUMN`, or the right metric with `--metric NAME`, or {_BY_HAND}"
        )


def _is_one_word_each(cells: pd.DataFrame, roles: Roles) -> bool:
    """Whether no cell is a set of labels: of one with blanks, some word then occurs in no other label."""
    words = {value: frozenset(re.split(r"[\s,;|]+", value.strip())) for value in set(cells.iloc[:, 0])}
    common = Counter(word for parts in words.values() for word in parts)
    return not any(len(parts) > 1 and all(common[word] > 1 or word.isdigit() for word in parts) for parts in words.values())


def _classes(roles: Roles, metric: NamedMetric, cells: pd.DataFrame) -> tuple[str, ...]:
    if metric.submits != "class probabilities" and not (roles.classes and metric.submits == "probabilities"):
        if roles.classes:
            raise CannotDraft(
                f"the sample submission has one column for each of {len(roles.classes)} classes, but {metric.name} scores "
                f"{metric.submits}; name the right metric with `--metric NAME`, or {_BY_HAND}"
            )
        return ()
    if roles.classes:
        return roles.classes
    if len(roles.targets) > 1:
        if not _is_one_hot(cells):
            raise CannotDraft(
                f"{metric.name} needs one class in each row, but the columns {listed(roles.targets)} of "
                f"{roles.train.shown} hold more or "
                f"less than one 1 in a row; name the right metric with `--metric NAME`, or {_BY_HAND}"
            )
        return ()
    if roles.sample is not None:
        raise CannotDraft(
            f"{metric.name} needs one probability for each class, but {roles.sample.shown} has the one column "
            f"`{roles.targets[0]}`; "
            f"{_BY_HAND}"
        )
    return tuple(sorted(set(cells.iloc[:, 0])))


def _target(name: str, cells: pd.Series, metric: NamedMetric, roles: Roles) -> Target:
    if metric.submits == "masks":
        raise CannotDraft(f"{metric.name} scores masks, whose sizes no table states; {_BY_HAND}")
    if metric.submits == "label sets":
        return Target(name=name, kind="Text()", separator=_separator(cells, metric, roles))
    if metric.submits == "texts" or (metric.submits == "labels" and _is_free_text(cells)):
        return Target(name=name, kind="Text()")
    _require_filled(cells, roles)
    if metric.submits == "ranked labels":
        return Target(name=name, kind="Text()")
    if metric.submits in ("probabilities", "class probabilities"):
        return _probability(name, cells, metric, roles)
    if metric.submits == "numbers":
        return _number(name, cells, metric, roles)
    return _label(name, cells, metric, roles)


def _separator(cells: pd.Series, metric: NamedMetric, roles: Roles) -> str | None:
    """What divides the labels of a cell, if not a blank."""
    used = [separator for separator in (",", ";", "|") if cells.str.contains(separator, regex=False).any()]
    labels = cells.str.split(used[0], regex=False).explode().str.strip() if used else cells.head(0)
    if len(used) > 1 or labels.str.contains(r"\s").any():
        raise CannotDraft(
            f"{metric.name} scores labels with blanks between them, but labels in `{cells.name}` of "
            f"{roles.train.shown} have blanks or "
            f"several separators; {_BY_HAND}"
        )
    return used[0] if used else None


def _is_free_text(cells: pd.Series) -> bool:
    """Whether a column has too many different texts for classes."""
    return bool(_numbers(cells).isna().any()) and cells.nunique() > min(_MOST_LABELS, _MOST_REPEATED * len(cells))


def _require_filled(cells: pd.Series, roles: Roles) -> None:
    if empty := int((cells.str.strip() == "").sum()):
        raise CannotDraft(
            f"`{cells.name}` is empty in {empty:,} of {counted(len(cells), 'row')} of {roles.train.shown}, which "
            "cannot be scored; "
            "remove these rows, or write prepare.py by hand"
        )


def _numbers(cells: pd.Series) -> pd.Series:
    import numpy as np
    import pandas as pd

    return pd.to_numeric(cells, errors="coerce").replace([np.inf, -np.inf], np.nan)


def _are_binary(cells: pd.Series) -> bool:
    values = {value.strip().casefold() for value in set(cells)}
    return bool(_numbers(cells).isin([0, 1]).all()) or len(values) == 2


def _is_one_hot(cells: pd.DataFrame) -> bool:
    numbers = cells.apply(_numbers)
    return bool(numbers.isin([0, 1]).all(axis=None) and (numbers.sum(axis=1) == 1).all())


def _probability(name: str, cells: pd.Series, metric: NamedMetric, roles: Roles) -> Target:
    values = set(cells)
    if _numbers(cells).isin([0, 1]).all() or {value.strip().casefold() for value in values} <= {"true", "false"}:
        return Target(name=name, kind="Probability()")
    for positive, negative in _TRUE_WORDS.items():
        if {value.casefold() for value in values} == {positive, negative}:
            ordered = sorted(values, key=lambda value: value.casefold() == positive)
            return Target(name=name, kind="Probability()", classes=tuple(ordered))
    if _numbers(cells).notna().all() and len(values) > 2:
        raise CannotDraft(
            f"{metric.name} needs 0 or 1, but `{name}` of {roles.train.shown} has "
            f"{counted(len(values), 'different number')}; {_BY_HAND}"
        )
    if len(values) == 2:
        raise CannotDraft(
            f"nothing says which of {listed(sorted(values))} in `{name}` the submitted probability is of; replace them by 0 and 1"
        )
    raise CannotDraft(
        f"{metric.name} needs two classes, but `{name}` of {roles.train.shown} has {counted(len(values), 'value')}; "
        f"name the right metric with `--metric NAME`, or {_BY_HAND}"
    )


def _number(name: str, cells: pd.Series, metric: NamedMetric, roles: Roles) -> Target:
    numbers = _numbers(cells)
    if numbers.isna().any():
        odd = cells[numbers.isna()].iloc[0]
        if cells.str.fullmatch(r"\s*-?\d+(,\d+)?\s*").all():
            raise CannotDraft(
                f"`{name}` of {roles.train.shown} has numbers with decimal commas, such as {quoted(odd[:40])}; "
                "write them with decimal points"
            )
        raise CannotDraft(
            f"{metric.name} needs numbers, but `{name}` of {roles.train.shown} has "
            f"{counted(int(numbers.isna().sum()), 'cell')} such as "
            f"{odd[:40]!r}; name the right metric with `--metric NAME`, or {_BY_HAND}"
        )
    never_negative = "log" in metric.function and numbers.min() >= 0
    return Target(name=name, kind="Real(minimum=0)" if never_negative else "Real()")


def _label(name: str, cells: pd.Series, metric: NamedMetric, roles: Roles) -> Target:
    values = set(cells)
    if {value.strip().casefold() for value in values} <= {"true", "false"}:
        return Target(name=name, kind="Boolean()")
    numbers = _numbers(cells)
    if metric.function == "f1" and not numbers.isin([0, 1]).all():
        raise CannotDraft(
            f"{metric.name} needs 0 and 1, but `{name}` of {roles.train.shown} has {counted(len(values), 'different value')} "
            f"such as {quoted(sorted(values)[0][:40])}; replace them by 0 and 1, or name the right metric, such as `macro F1`, "
            "with `--metric NAME`"
        )
    if numbers.notna().all():
        if not _are_measured(cells):
            low, high = int(numbers.min()), int(numbers.max())
            return Target(
                name=name, kind=f"Integer({low}, {high})", classes=tuple(str(int(value)) for value in sorted(set(numbers)))
            )
        raise CannotDraft(
            f"{metric.name} needs labels, but `{name}` of {roles.train.shown} has numbers with fractions; name "
            "the right metric with "
            f"`--metric NAME`, or {_BY_HAND}"
        )
    if metric.function == "quadratic_weighted_kappa":
        raise CannotDraft(f"{metric.name} needs whole numbers, but `{name}` of {roles.train.shown} has words; {_BY_HAND}")
    classes = tuple(sorted(values))
    if any(value != value.strip() for value in values):
        return Target(name=name, kind="Text(allow_empty=False)")
    return Target(
        name=name, kind="Label(CLASSES)" if len(classes) <= _MOST_LABELS else "Text(allow_empty=False)", classes=classes
    )


def _why_kind(target: Target, cells: pd.Series) -> str:
    values = sorted(set(cells))
    if len(values) <= 12:
        return f"its values in the labelled rows are {listed(values)}"
    return f"it has {counted(len(values), 'different value')} in {counted(len(cells), 'labelled row')}"
