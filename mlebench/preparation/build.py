"""Prepares one competition in a separate folder, which is renamed into place only when everything is correct."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlebench._support import folders
from mlebench._support.folders import PARTIAL, put_in_place
from mlebench._support.quantities import show_size
from mlebench._support.steps import Listener, Step, ignore
from mlebench._support.version import VERSION
from mlebench.data.links import may_link
from mlebench.errors import MlebenchError, RawDataFault, UsageError
from mlebench.preparation.faults import explained, keep_traceback, raw_data_fault
from mlebench.preparation.obfuscated import remove_obfuscated
from mlebench.preparation.options import PreparationOptions
from mlebench.preparation.record import PreparationRecord, is_prepared, made_from_another, states_of
from mlebench.preparation.references import measure_references
from mlebench.preparation.sources import RawData, acquire
from mlebench.preparation.verify import (
    UNKNOWN,
    check_counts,
    recorded_checksums,
    require_counts,
    require_published,
    uncertain_counts,
)
from mlebench.registry.keys import draw_key, hash_of, keep_key, kept_key

if TYPE_CHECKING:
    from mlebench.registry import Competition

State = Literal["prepared", "present", "skipped", "failed"]


@dataclass(frozen=True)
class PreparationOutcome:
    """The outcome of preparing one competition."""

    competition_id: str
    message: str
    exit_code: int = 0
    state: State = "prepared"
    """prepared: now; present: already prepared; skipped: as requested; failed: `message` says why."""
    seconds: float = 0.0


def prepare_one(
    competition: Competition, options: PreparationOptions, listener: Listener = ignore, memory: int | None = None
) -> PreparationOutcome:
    """Get and prepare one competition; errors are reported in the outcome.

    Args:
        competition: the competition.
        options: the requested options.
        listener: receives phases and bytes.
        memory: maximum bytes that this process may use, for the message if that is too little.
    """
    started = time.monotonic()
    try:
        outcome = _get_and_prepare(competition, options, listener)
    except MlebenchError as error:
        outcome = failure(competition.id, str(error), error.exit_code)
    except MemoryError:
        outcome = failure(competition.id, too_little_memory(memory))
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        outcome = failure(competition.id, f"preparation failed unexpectedly ({reason}){keep_traceback(competition)}")
    return replace(outcome, seconds=time.monotonic() - started)


def prepare(
    competition: Competition, raw: Path, *, verify: bool = True, mock: bool = False, link: bool = False
) -> PreparationRecord:
    """Prepare one competition from its raw data atomically, replacing earlier prepared data.

    Data generated from a key comes from the key that was given, else from the one kept with the data that is replaced, else
    from a fresh one.

    Args:
        competition: the competition.
        raw: the unpacked download; it is only read.
        verify: refuse data whose md5 sums (v1) or counts are not the published ones; otherwise the record says what differs.
        mock: whether this is a trial: `raw` is made up, nothing is compared, and generated data gets no measured leaderboard.
        link: make unchanged files hard links to those in `raw`, read-only both; otherwise they are copies of their own.

    Raises:
        UsageError: if the data directory cannot be written.
        RawDataFault: if the raw data is incomplete or damaged.
        WorkFailed: if the disk is full, or a checksum or count differs.
    """
    with alone(competition):
        options = PreparationOptions(source=raw, link=link, verify=verify)
        return _prepare_from(competition, RawData(raw, mock, ours=False), options)


def failure(competition_id: str, message: str, exit_code: int = 1) -> PreparationOutcome:
    """The outcome of work that failed."""
    return PreparationOutcome(competition_id, f"{competition_id}: {message}", exit_code, "failed")


def too_little_memory(memory: int | None) -> str:
    """What to do where memory was too small."""
    if memory is None:
        return "this machine has too little memory; try again with fewer --jobs"
    return f"it needs more than {show_size(memory)} of memory; try again with fewer --jobs or a higher --memory"


@contextlib.contextmanager
def alone(competition: Competition, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the competition's lock, so that two processes never work on its data at once; the second waits.

    What a killed process left half made is removed first.

    Args:
        competition: the competition.
        waiting: called before waiting for another process.

    Raises:
        UsageError: if the data directory cannot be written.
    """
    with locked(competition.root, waiting):
        yield


@contextlib.contextmanager
def locked(root: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """`alone`, for the folder `root` of a competition's data."""
    with contextlib.ExitStack() as stack:
        try:
            root.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((root / ".lock").open("w"))
        except OSError as error:
            raise folders.explain(error, "preparing", root) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in root.glob(f"{PARTIAL}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def _get_and_prepare(competition: Competition, options: PreparationOptions, listener: Listener) -> PreparationOutcome:
    name = competition.facts.id
    with alone(competition, lambda: listener(Step(name, "waiting for another process that is preparing it"))):
        if options.pages:
            _fetch_pages(competition, options, listener)
        if not options.force and is_prepared(competition):
            _require_same_data(competition, options)
            return PreparationOutcome(name, f"{name}: already prepared in {competition.prepared_dir}", state="present")
        try:
            raw = acquire(competition, options, listener)
        except RawDataFault as error:
            raise RawDataFault(f"{error}{'' if options.mock else _where_from(competition, options, str(error))}") from None
        except (OSError, ImportError) as error:
            raise explained(error, "getting the raw data", competition) from None
        listener(Step(name, "preparing"))
        try:
            with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=competition.root, ignore_cleanup_errors=True) as workshop:
                raw = raw.laid_out(competition, Path(workshop))
                record = _prepare_from(competition, raw, options, Path(workshop), listener)
        except RawDataFault as error:
            raw.mark_damaged()
            raise RawDataFault(f"{raw.as_given(str(error))}{_how_to_go_on(competition, raw, options, str(error))}") from None
        except (OSError, ImportError) as error:
            raise explained(error, "preparing", competition) from None
        if not (options.keep_raw or raw.mock):
            listener(Step(name, "removing raw data"))
            raw.drop()
    return PreparationOutcome(
        name, f"{name}: prepared in {competition.prepared_dir} ({_how(record)}){_warning(competition, record)}"
    )


def _prepare_from(
    competition: Competition,
    raw: RawData,
    options: PreparationOptions,
    workshop: Path | None = None,
    listener: Listener = ignore,
) -> PreparationRecord:
    """`prepare` for a caller that holds the competition's lock; `workshop` is where the raw data was put right."""
    target = competition.prepared_dir
    if competition.facts.keyed and competition.edition.key is None:
        kept = None if options.new_key else kept_key(target / "private")
        competition = competition.with_key(kept or draw_key())
    try:
        build = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=target.parent))
        try:
            build.chmod(0o755)
            # what is unpacked and made on the way is ours as well
            ours = [raw.folder] if raw.ours or options.link else []
            with may_link(build, *([workshop] if workshop else []), *ours):
                record = _build(competition, raw, build, options, listener)
            put_in_place(build, target)
            remove_obfuscated(competition)
            return record
        finally:
            shutil.rmtree(build, ignore_errors=True)
    except (OSError, ImportError) as error:
        raise explained(error, "preparing", competition) from None


def _build(
    competition: Competition, raw: RawData, build: Path, options: PreparationOptions, listener: Listener
) -> PreparationRecord:
    facts, edition = competition.facts, competition.edition
    public, private = build / "public", build / "private"
    public.mkdir()
    private.mkdir()
    threads = one_blas_thread() if edition.keyed else contextlib.nullcontext()
    try:
        with threads:
            competition.prepare_fn(raw.place, public, private)
    except Exception as error:
        if (fault := raw_data_fault(error, competition, raw.place, sound=raw.sound)) is None:
            raise
        raise fault from error
    (public / "description.md").write_text(competition.description, encoding="utf-8")
    paths = facts.files.prepared
    _require_files(competition, build, paths)
    key = edition.key if edition.keyed else None
    if key:
        keep_key(private, key)
        # a trial run has no use for a leaderboard, which takes most of the time
        if not raw.mock:
            listener(Step(facts.id, "scoring reference methods"))
            with one_blas_thread():
                measure_references(competition, build)
    listener(Step(facts.id, "checking the prepared data"))
    compared = options.verify and not raw.mock
    anyway = options.command(competition, verify=False)
    published = require_published(competition, build, anyway) if compared else {}
    counts = [] if raw.mock else check_counts(build, uncertain_counts(competition, published))
    differing = [check for check in counts if not check.passed]
    if compared:
        # more than the facts know does not mean that something is missing where md5 sums show that the tables are whole
        require_counts([check for check in differing if not (published and check.holds_more)], anyway)
    record = PreparationRecord(
        competition_id=facts.id,
        edition=edition.name,
        split_key_hash=edition.key_hash,
        verified=bool(published) or bool(counts and not differing and not competition.md5.prepared),
        mock=raw.mock,
        harness_version=VERSION,
        prepared_at=datetime.now(UTC).isoformat(timespec="seconds"),
        instance_hash=hash_of(key) if key else None,
        odd_counts=[str(check) for check in differing],
        checksums=recorded_checksums(build, paths, published),
        competition_version=facts.version,
        states=states_of(build),
    )
    record.write(build)
    return record


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Do linear algebra in one thread, whatever the machine has.

    What is generated from a key is made by many small products, on which more threads spend up to four times the processor time.
    """
    # only libraries that are loaded can be told
    import numpy  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def _require_files(competition: Competition, build: Path, paths: list[str]) -> None:
    missing = [name for name in paths if not (build / name).exists()]
    if missing:
        made_no = f"preparation did not produce {', '.join(missing)}"
        raise RawDataFault(f"{made_no}; the raw data seems incomplete; download it again")


def _how_to_go_on(competition: Competition, raw: RawData, options: PreparationOptions, fault: str) -> str:
    """The end of the sentence `fault`: the command that the user calls when it is put right."""
    command = options.command(competition)
    if raw.sound:
        return ", although it was just created or checked, so this may be a bug in the competition's `prepare`"
    if raw.mock:
        return f"; run {command} to generate the mock again"
    return _where_from(competition, options, fault)


def _where_from(competition: Competition, options: PreparationOptions, fault: str) -> str:
    """The same for a download, where that is to go or to come from if it is asked for again."""
    command = options.command(competition)
    if not fault.endswith((" again", " without one")):
        return f", then run {command}"
    if options.source is not None and options.source.is_file():
        return f", save it as {options.source} and run {command}"
    if options.source is not None or competition.facts.kaggle is None:
        return f", put it into {options.source or competition.raw_dir} and run {command}"
    return f" with {command}"


def _require_same_data(competition: Competition, options: PreparationOptions) -> None:
    """Refuse to take a mock for real data, or data of another key or version for what is asked for."""
    command = options.command(competition, force=True)
    if part := made_from_another(competition):
        raise UsageError(f"{competition.prepared_dir} was prepared from another {part}; {command} replaces that data")
    record = PreparationRecord.read(competition.prepared_dir)
    if record and record.mock and not options.mock:
        raise UsageError(f"{competition.prepared_dir} was prepared from a mock; {command} replaces it with the real data")


def _how(record: PreparationRecord) -> str:
    if record.instance_hash:
        return f"generated from key {record.instance_hash}"
    if record.mock:
        return "mock data"
    odd = f"; warning: {'; '.join(record.odd_counts)}" if record.odd_counts else ""
    return ("verified" if record.verified else "not verified") + odd


def _warning(competition: Competition, record: PreparationRecord) -> str:
    """What nobody can vouch for: real data of which the facts do not tell how much there should be."""
    facts = competition.facts
    known = facts.generated or record.mock or facts.counts or competition.md5.prepared
    return "" if known else f"; warning: {UNKNOWN}"


def _fetch_pages(competition: Competition, options: PreparationOptions, listener: Listener) -> None:
    from mlebench.preparation.pages import fetch_pages

    listener(Step(competition.id, "getting Kaggle's pages"))
    try:
        fetch_pages(competition, options.transfer)
    except (OSError, ImportError) as error:
        raise explained(error, "getting Kaggle's pages", competition) from None
