"""A sample submission that knows answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks import statistics
from mlebench.preparation.audit.checks.asked import endings
from mlebench.preparation.audit.clue import Clue, Guess
from mlebench.preparation.audit.seen.tables import SeenTable, tables_of
from mlebench.preparation.audit.truth import Target, Truth

if TYPE_CHECKING:
    import pandas as pd

CHECK = "sample-submission"

_MANY_VALUES = 12
"""Distinct values from which it is not chance that a sample consists of the answers' values."""
_TAKEN = 0.9
"""Share of a sample's distinct values that must be answers for it to consist of answers."""
_FEW = 10
"""Rows below which chance is everywhere."""
_OF_INPUTS = 0.95
"""Share of a sample's different texts that must be in one column of a table of the test set for it to repeat what is given."""
_NEARLY_ALL = 0.9


class _Agreeing(NamedTuple):
    target: Target
    log_p: float
    hits: int
    values: np.ndarray


_ROWS_OF_A_KIND = 4
"""In the mean, for endings of ids to be kinds of rows."""


def sample_submission(case: Case) -> Iterator[Clue]:
    """Sample submissions that are not constant and agree with the answers more than chance, or are a shuffled copy of them.

    Everything in the form of a submission counts as one, whatever its name.
    """
    family = statistics.Family()
    needed = {*case.truth.id_columns, *(column for target in case.truth.targets for column in target.columns)}
    for table in tables_of(case.seen):
        if not needed <= {*table.columns}:
            continue
        said = _by_row(table, case.truth)
        if said is None:
            continue
        family.tried += len(case.truth.targets)
        agreeing = []
        for target in case.truth.targets:
            values = _values(target, said)
            told = _told(values)
            if len({*values[told].tolist()}) < 2 or told.sum() < _FEW:
                continue
            log_p, hits = _agreement(values[told], target.values[told], target.kind)
            if family.improbable(log_p):
                if _is_one_for_each_kind_of_row(case, said[target.columns[0]]):
                    continue
                if target.is_one_hot or not _repeats_what_is_given(case, table, said[target.columns[0]]):
                    agreeing.append(_Agreeing(target, log_p, hits, values))
            elif _is_shuffled(values[told], target):
                what = f"{_shown(target)} consists of the values of the answers in another order"
                yield Clue(CHECK, table.path, what, rows=int(told.sum()))
        if agreeing:
            yield _clue(table, agreeing, len(said))


def _clue(table: SeenTable, agreeing: Sequence[_Agreeing], rows: int) -> Clue:
    best = min(agreeing, key=lambda one: one.log_p)
    others = f" and {len(agreeing) - 1:,} more columns agree" if len(agreeing) > 1 else " agrees"
    exponent = max(-300, math.floor(best.log_p / math.log(10)) + 1)
    what = f"{_shown(best.target)}{others} with the answers more than chance: equal values in {best.hits:,} of {rows:,} rows"
    guesses = tuple(Guess(one.target.name, _as_answers(one.values, one.target)) for one in agreeing)
    return Clue(CHECK, table.path, f"{what}, p < 1e{exponent}", guesses)


def _shown(target: Target) -> str:
    return target.columns[0] if len(target.columns) == 1 else f"{target.columns[0]} … {target.columns[-1]}"


def _as_answers(values: np.ndarray, target: Target) -> np.ndarray:
    """What a sample says as answers: numbers that stand for two classes are cut where these fit best."""
    if target.kind != "class" or {*values.tolist()} <= {*target.classes, None}:
        return values
    scores, classes = _as_numbers(values), target.classes
    if scores is None or len(classes) != 2:
        return np.array([value if value in classes else None for value in values.tolist()], dtype=object)
    high = target.values == classes[1]
    order = np.argsort(-scores, kind="stable")
    ways = [(scores >= scores[order[int(high.sum()) - 1]]), (scores <= scores[order[-int(high.sum())]])]
    fitting = max(ways, key=lambda way: int((way == high).sum()))
    return np.where(fitting, classes[1], classes[0]).astype(object)


def _by_row(table: SeenTable, truth: Truth) -> pd.DataFrame | None:
    """The rows of a table in the order of the truth, text; None if it lacks some of them."""
    import pandas as pd

    ids = [*truth.id_columns]
    parts = [chunk[[*truth.perfect.columns]] for chunk in table.chunks()]
    if not parts:
        return None
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.assign(_place=rows.groupby(ids).cumcount())
    wanted = truth.ids.assign(_place=truth.ids.groupby(ids).cumcount().to_numpy())
    found = wanted.merge(rows, how="left", on=[*ids, "_place"])
    return None if found.isna().any(axis=None) else found


def _is_one_for_each_kind_of_row(case: Case, said: pd.Series) -> bool:
    """Whether rows whose ids end alike (`_study`, `_image`) are all given the same, which agrees with answers by their form."""
    given = said.groupby(endings(case.truth)).nunique()
    return len(given) <= len(said) / _ROWS_OF_A_KIND and bool((given == 1).all())


def _repeats_what_is_given(case: Case, sample: SeenTable, said: pd.Series) -> bool:
    """Whether a text is copied from the inputs, such as a sentence that is to be changed: a start that anybody has."""
    different = {*said}
    if _as_numbers(said.to_numpy(dtype=object)) is not None:
        return False
    for table in tables_of(case.seen):
        if table.path == sample.path or "train" in table.path.lower() or said.name in table.columns:
            continue
        head = table.read(len(said) + 1)
        if len(head) == len(said) and any(
            len(different & {*head[column]}) >= _OF_INPUTS * len(different) for column in head.columns
        ):
            return True
    return False


def _values(target: Target, said: pd.DataFrame) -> np.ndarray:
    """What a sample says about a target, as `Guess.values` has it."""
    import pandas as pd

    if target.kind == "number":
        return np.asarray(pd.to_numeric(said[target.columns[0]], errors="coerce").to_numpy(dtype=np.float64))
    if not target.is_one_hot:
        return np.asarray(said[target.columns[0]].to_numpy(dtype=object))
    numbers = said[[*target.columns]].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    best = np.nan_to_num(numbers, nan=-np.inf).argmax(axis=1)
    names: np.ndarray = np.asarray(target.columns, dtype=object)[best]
    names[np.isclose(np.nanmax(numbers, axis=1), np.nanmin(numbers, axis=1))] = None
    return names


def _told(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        return np.asarray(~np.isnan(values))
    return np.array([value is not None for value in values], dtype=bool)


def _agreement(said: np.ndarray, true: np.ndarray, kind: str) -> tuple[float, int]:
    """Log-probability that a sample in random order agrees as well, and the rows with equal values."""
    if kind == "number":
        known = ~np.isnan(true)
        said, true = said[known], true[known]
        hits = int(np.isclose(said, true, rtol=1e-4, atol=1e-9).sum())
        return min(_log_p_of_ranks(said, true), _log_p_of_codes(np.round(said, 6), np.round(true, 6))), hits
    if kind == "class" and (scores := _as_numbers(said)) is not None and (answers := _as_numbers(true)) is not None:
        hits = int((np.round(scores) == answers).sum())
        return min(_log_p_of_ranks(scores, answers), _log_p_of_codes(np.round(scores), answers)), hits
    hits = int((said.astype(str) == true.astype(str)).sum())
    if kind == "text" and hits < _NEARLY_ALL * len(said) and _are_orders(said, true):
        return 0.0, hits
    return _log_p_of_codes(said.astype(str), true.astype(str)), hits


def _are_orders(said: np.ndarray, true: np.ndarray) -> bool:
    """Whether rows are asked for in another order of the parts that a sample has, so that short ones agree often."""
    same = sum(sorted(one.split()) == sorted(other.split()) for one, other in zip(said, true, strict=True))
    return same >= _NEARLY_ALL * len(said)


def _log_p_of_codes(said: np.ndarray, true: np.ndarray) -> float:
    names, codes = np.unique(np.concatenate([said, true]), return_inverse=True)
    if len(names) < 2:
        return 0.0
    return statistics.log_match_by_chance(codes[: len(said)], codes[len(said) :])


def _log_p_of_ranks(said: np.ndarray, true: np.ndarray) -> float:
    """That of a rank correlation as high, in either direction, bounded by how many orders there are."""
    if len(said) < _FEW:
        return 0.0
    first, second = statistics.ranks(said), statistics.ranks(true)
    if first.std() == 0 or second.std() == 0:
        return 0.0
    together = min(abs(float(np.corrcoef(first, second)[0, 1])), 1 - 1e-15)
    from scipy.stats import t

    score = together * math.sqrt((len(said) - 2) / (1 - together**2))
    log_p = float(t.logsf(score, len(said) - 2)) + math.log(2)
    orders = min(statistics.log_arrangements(np.unique(ranks, return_inverse=True)[1]) for ranks in (first, second))
    return max(log_p, -orders)


def _as_numbers(values: np.ndarray) -> np.ndarray | None:
    import pandas as pd

    numbers = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype=np.float64)
    return None if np.isnan(numbers).any() else np.asarray(numbers)


def _is_shuffled(said: np.ndarray, target: Target) -> bool:
    """Whether many distinct values of a sample are answers."""
    if target.kind == "class":
        return False
    # whole numbers of a small range meet by chance
    different = {value for value in {*said.tolist()} if isinstance(value, str) or value % 1 or abs(value) > 100 * len(said)}
    answers = {*target.values.tolist()}
    return len(different) >= _MANY_VALUES and len(different & answers) >= _TAKEN * len(different)
