"""Preparing, auditing and inspecting data from a Python program: what the commands do, without their output."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.steps import Listener, ignore
from mlebench.errors import UsageError, WorkFailed
from mlebench.registry.selection import competition_for

if TYPE_CHECKING:
    from mlebench.kaggle.transfer import Transfer
    from mlebench.preparation.audit.audit import Audit
    from mlebench.preparation.build import PreparationOutcome
    from mlebench.preparation.options import PreparationOptions
    from mlebench.registry import Competition
    from mlebench.registry.facts import EditionName

logger = logging.getLogger(__name__)
_SMALLEST_MOCK, _LARGEST_MOCK = 30, 5000
_PATIENCE = 60.0


def prepare(
    competition: Competition | str,
    source: Path | str | None = None,
    *,
    mock: bool = False,
    edition: EditionName | None = None,
    split_key: str | None = None,
    data_dir: Path | str | None = None,
    link: bool = False,
    keep_raw: bool = False,
    verify: bool = True,
    force: bool = False,
    new_key: bool = False,
    patience: float = _PATIENCE,
    max_rate: float | None = None,
    listener: Listener = ignore,
) -> Competition:
    """Get the raw data of a competition and prepare it; return at once if that is done already.

    The prepared folder appears whole or not at all. Two processes may prepare the same competition: the second one waits.

    Args:
        competition: The competition or its id.
        source: A download of yours: its zip, its unpacked folder, or a folder of several. By default raw data comes from
            the data directory, else from Kaggle.
        mock: Generate a small mock dataset with the real schema instead.
        edition: `v1`, the published data (default), or `v2`, the corrected data. Only with an id, like the next two.
        split_key: Secret key for v2 and for generated data; by default `MLEBENCH_SPLIT_KEY`.
        data_dir: The data directory; by default `MLEBENCH_DATA_DIR`, else a folder in the user's cache.
        link: Make unchanged files hard links to those in `source`, which become read-only, instead of copies.
        keep_raw: Keep the raw data after preparing.
        verify: Refuse data whose md5 sums or row counts differ from the published ones.
        force: Prepare again what is prepared already.
        new_key: With `force`, generate data from a fresh key instead of the kept one.
        patience: Seconds to keep trying while Kaggle or the network fails.
        max_rate: Bytes per second for the download; by default unlimited.
        listener: Called with a `Step` when a phase begins and as bytes arrive, a few times a second at most.

    Returns:
        The competition with its data prepared: `public_dir` for agents, `private_dir` for the grader.

    Raises:
        UsageError: A precondition is missing: no credentials, rules not accepted, too little disk space, an optional package,
            or other data than what is asked for is prepared there.
        WorkFailed: The download or the preparation failed, or the data differs from the published data.
        TypeError, ValueError: The arguments contradict each other.

    Example:
        >>> wine = mlebench.prepare("demo-wine", data_dir="data")
        >>> sorted(path.name for path in wine.public_dir.iterdir())
        ['description.md', 'sample_submission.csv', 'test.csv', 'train.csv']
    """
    if mock and source is not None:
        raise ValueError("`source` and `mock` exclude each other")
    if link and source is None:
        raise ValueError("`link` goes with `source`")
    from mlebench.preparation.options import PreparationOptions
    from mlebench.preparation.sources import require_source

    chosen = competition_for(competition, edition, split_key, data_dir)
    given = None if source is None else Path(source).expanduser()
    if given is not None:
        require_source(given)
    options = PreparationOptions(
        source=given,
        link=link,
        mock=mock,
        keep_raw=keep_raw,
        verify=verify,
        force=force,
        new_key=new_key,
        transfer=_transfer(patience, max_rate),
    )
    _look_ahead(chosen, options, listener)
    from mlebench.preparation.build import prepare_one

    require_success(prepare_one(chosen, options, listener))
    return chosen


def _transfer(patience: float, max_rate: float | None) -> Transfer:
    from mlebench.kaggle.transfer import RateLimit, Transfer

    if max_rate is None:
        return Transfer(patience)
    if max_rate <= 0:
        raise ValueError(f"max_rate is {max_rate}, expected bytes per second above 0")
    return Transfer(patience, RateLimit(max_rate))


def _look_ahead(competition: Competition, options: PreparationOptions, listener: Listener) -> None:
    """Refuse what cannot work before the first byte is downloaded."""
    from mlebench.preparation.disk import look_ahead, require_space
    from mlebench.preparation.packages import require_packages

    readiness = look_ahead([competition], options, listener)
    require_packages([*readiness.at_hand, *readiness.to_download])
    if readiness.unaccepted:
        from mlebench.kaggle.preflight import rules_to_accept

        raise rules_to_accept(readiness.unaccepted)
    if warning := require_space(readiness.need(jobs=1, keep_raw=options.keep_raw), competition.data_dir):
        logger.warning(warning)
    for outcome in readiness.left_out():
        require_success(outcome)


def require_success(outcome: PreparationOutcome) -> None:
    """Log how preparing ended, and raise if it failed.

    Raises:
        UsageError: a precondition was missing.
        WorkFailed: it failed otherwise.
    """
    if outcome.exit_code:
        raise (UsageError if outcome.exit_code == UsageError.exit_code else WorkFailed)(outcome.message)
    logger.info(outcome.message)


def make_mock(competition: Competition | str, raw: Path | str, *, size: int = 200, seed: int = 0) -> Path:
    """Generate a small mock download with the real schema, as `prepare(…, mock=True)` does.

    Args:
        competition: The competition or its id.
        raw: A new or empty folder.
        size: Approximate number of rows, 30 to 5000.
        seed: Seed of the random generator, at least 0; the same seed gives the same files.

    Returns:
        The folder; `prepare(competition, raw, verify=False)` prepares from it, and so do `prepare_fn` and your own tests.

    Raises:
        UsageError: The id is unknown, the folder is not empty, or an optional package is missing.
        ValueError: `size` or `seed` is out of range.

    Example:
        >>> sorted(path.name for path in mlebench.make_mock("spaceship-titanic", "raw").iterdir())
        ['sample_submission.csv', 'test.csv', 'train.csv']
    """
    from mlebench.preparation import sources

    folder = Path(raw).expanduser()
    if not _SMALLEST_MOCK <= size <= _LARGEST_MOCK:
        raise ValueError(f"size is {size}, expected {_SMALLEST_MOCK} to {_LARGEST_MOCK}")
    if seed < 0:
        raise ValueError(f"seed is {seed}, expected at least 0")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder; choose a new one")
    sources.make_mock(competition_for(competition), folder, size=size, seed=seed)
    return folder


def audit(
    competition: Competition | str,
    *,
    checks: Sequence[str] = (),
    quick: bool = False,
    jobs: int = 1,
    edition: EditionName | None = None,
    split_key: str | None = None,
    data_dir: Path | str | None = None,
    listener: Listener = ignore,
) -> Audit:
    """Look for leaked answers in what an agent sees of prepared data.

    Args:
        competition: The competition or its id.
        checks: Names of the checks to run; by default all.
        quick: Skip the checks that read pixels and audio samples.
        jobs: Number of processes that read files.
        edition: `v1` (default) or `v2`. Only with an id, like the next two.
        split_key: Secret key that the data was made from; by default `MLEBENCH_SPLIT_KEY`.
        data_dir: The data directory; by default `MLEBENCH_DATA_DIR`, else a folder in the user's cache.
        listener: Receives the steps of the work, to show progress.

    Returns:
        An `Audit`: its `findings` (`check`, `file`, `rows`, `share`, `score`, `declared`), and in `undeclared` those that
        `issues.yaml` of the competition does not declare.

    Raises:
        NotPrepared: The data is not prepared.
        UsageError: The id or a check is unknown, or the data was made from another key or version.

    Example:
        >>> mlebench.audit("demo-wine", quick=True, data_dir="data").undeclared
        []
    """
    from mlebench.preparation.audit.audit import AuditOptions
    from mlebench.preparation.audit.audit import audit as audit_competition

    options = AuditOptions(tuple(checks), quick, jobs)
    return audit_competition(competition_for(competition, edition, split_key, data_dir), options, listener)
