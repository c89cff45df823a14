"""Bundling, verifying and reviewing from a Python program: what the commands do, without their output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grading.printable import printable
from mlebench._support.hints import command
from mlebench._support.steps import Listener, ignore
from mlebench.errors import UsageError
from mlebench.registry.selection import default_split_key
from mlebench.runs.calls import group_for
from mlebench.runs.group import Group, is_group
from mlebench.runs.group_report import GroupResult

if TYPE_CHECKING:
    from mlebench.evidence.bundle import Made
    from mlebench.evidence.contents import Part
    from mlebench.evidence.review.outcome import Review
    from mlebench.evidence.verdict import Verdict

_ENDING = ".mlebench.zip"
_LARGEST = 100 * 2**20
GroupSource = GroupResult | Path | str


def bundle(
    groups: GroupSource | Sequence[GroupSource],
    path: Path | str | None = None,
    *,
    sign: str | None = None,
    leave_out: Iterable[Part] = (),
    largest_submission: int = _LARGEST,
    largest_file: int = _LARGEST,
    split_key: str | None = None,
    overwrite: bool = False,
    runs_dir: Path | str | None = None,
    listener: Listener = ignore,
) -> Made:
    """Pack finished run groups into one file that anybody can check with `verify`.

    The file holds plans, records, ledgers of calls, submissions, logs, code and the agent's folder, and a statement with the
    SHA-256 of each; never data of a competition. Nothing is written if it would contain a secret of this machine.

    Args:
        groups: One group or several, from `run` or `load_group`, or by name, folder or `latest`.
        path: The file; by default `GROUP.mlebench.zip` in the working directory, for one group only.
        sign: Path of an OpenSSH key, or `sigstore`; by default the bundle is not signed.
        leave_out: Parts to keep by hash only: `logs`, `transcripts`, `code`, `snapshots`, `agent`.
        largest_submission: Bytes above which a submission is kept by hash only.
        largest_file: The same for any other file of an agent.
        split_key: Secret key that must not be in the bundle; by default `MLEBENCH_SPLIT_KEY`.
        overwrite: Replace a file at `path`.
        runs_dir: The folder of run groups; by default `MLEBENCH_RUNS_DIR`, else `runs` in the working directory.
        listener: Receives the steps of the work, to show progress.

    Returns:
        The bundle: its `path`, `sha256`, `size` (bytes), `keyid` of the signer, and the `statement` about its files.

    Raises:
        UsageError: A run has not ended, a harness is running a group, a secret was found, or the file exists.
        WorkFailed: A file changed while it was read, or the bundle cannot be written.

    Example:
        >>> mlebench.bundle("latest", "results.mlebench.zip").path
        PosixPath('results.mlebench.zip')
    """
    from mlebench.evidence.bundle import Limits, make_bundle
    from mlebench.evidence.known_secrets import known_secrets
    from mlebench.evidence.signature import signer_of

    chosen = [group_for(group, runs_dir) for group in listed(groups)]
    if path is None:
        if len(chosen) != 1:
            raise TypeError(f"`path` is missing; {len(chosen)} groups have no name of their own")
        path = f"{chosen[0].name}{_ENDING}"
    return make_bundle(
        chosen,
        Path(path).expanduser(),
        leave_out=frozenset(leave_out),
        limits=Limits(largest_submission, largest_file),
        signer=signer_of(sign) if sign else None,
        secrets=known_secrets(chosen, split_key),
        overwrite=overwrite,
        listener=listener,
    )


def verify(
    bundle: Path | str,
    *,
    allowed_signers: Path | str | None = None,
    signer: str | None = None,
    regrade: bool = False,
    data_dir: Path | str | None = None,
    split_key: str | None = None,
    rules: str | None = None,
    jobs: int = 1,
    listener: Listener = ignore,
) -> Verdict:
    """Check a bundle; nothing in it is trusted, and no network is used.

    Args:
        bundle: The file.
        allowed_signers: A file in the format of OpenSSH, of those whose signature counts.
        signer: Who must have signed: a name in that file, `github:NAME`, or `sigstore:IDENTITY,ISSUER`.
        regrade: Grade the submissions again, on data prepared here.
        data_dir: The data directory; by default `MLEBENCH_DATA_DIR`, else a folder in the user's cache.
        split_key: Secret key that the data was made from; by default `MLEBENCH_SPLIT_KEY`.
        rules: A set of rules for boards: `standard`, `lite`, or a YAML file.
        jobs: Number of grading processes.
        listener: Receives the steps of the work, to show progress.

    Returns:
        A `Verdict`: `holds`, and in `levels` the seven levels, each with `name`, `state` (`holds`, `fails`, `not claimed`),
        `summary` and `findings`. A file that is not a bundle is a verdict whose first level fails.

    Raises:
        UsageError: The file cannot be read, or a signer or a set of rules is unknown.

    Example:
        >>> mlebench.verify("results.mlebench.zip").level("files").state
        'holds'
    """
    from mlebench.evidence.verify import VerifyOptions, verify_bundle

    path = Path(bundle).expanduser()
    if is_group(path):
        raise UsageError(f"{path} is a run group; make a bundle of it first: {command('bundle', path)}")
    if not path.is_file():
        raise UsageError(f"{printable(str(path), 300)} is not a file; give the file that `mlebench bundle` wrote")
    options = VerifyOptions(
        allowed_signers=_path(allowed_signers),
        signer=signer,
        regrade=regrade,
        data_dir=_path(data_dir),
        split_key=split_key or default_split_key(),
        rules=rules,
        jobs=jobs,
    )
    try:
        return verify_bundle(path, options, listener)
    except OSError as error:
        raise UsageError(f"{printable(str(path), 300)} cannot be verified: {error.strerror or error}") from None


def review(
    sources: GroupSource | Sequence[GroupSource],
    *,
    rules: Sequence[str] = (),
    against: Path | str | None = None,
    starter: Sequence[Path | str] = (),
    judges: Sequence[str] = (),
    judge_budget: str | None = None,
    familiarity: str | None = None,
    texts: Path | str | None = None,
    models: Sequence[Path | str] = (),
    calls: Path | str | None = None,
    keep: bool = True,
    data_dir: Path | str | None = None,
    split_key: str | None = None,
    runs_dir: Path | str | None = None,
    jobs: int = 4,
    listener: Listener = ignore,
) -> Review:
    """Check what agents left for broken rules and copied code.

    Args:
        sources: Run groups, from `run` or `load_group` or by name, folder or `latest`, and bundles (`*.zip`).
        rules: Names of the rules to check; by default all.
        against: A folder of notebooks and scripts to compare code with.
        starter: Folders of code that every agent was given, which is not counted as copying.
        judges: Models that judge logs and code; by default no model is asked anything.
        judge_budget: For the judges' calls, and again for those that measure familiarity, such as `usd=2,calls=100`.
        familiarity: A model whose familiarity with public texts is measured; goes with `texts`.
        texts: The folder of these texts, one subfolder per competition.
        models: Files of models besides `containers/models.yaml`.
        calls: Folder for the ledger of calls to models; needed if models are asked about a bundle or several groups. By default
            `review` in the folder of the group.
        keep: Write `review.json` into the folder of each group, where `report` finds it.
        data_dir: The data directory; by default that of each group.
        split_key: Secret key that the data was made from; by default `MLEBENCH_SPLIT_KEY`.
        runs_dir: The folder of run groups; by default `MLEBENCH_RUNS_DIR`, else `runs` in the working directory.
        jobs: Calls to models at once.
        listener: Receives the steps of the work, to show progress.

    Returns:
        A `Review`: per group the `findings` and the ids of the `flagged` runs, those with a violation; `holds` if no run is
        flagged and nothing is missing; `incomplete`, why something is missing.

    Raises:
        UsageError: A source, a rule, a folder or a model is unknown, or two sources hold groups of the same name.
        WorkFailed: A file cannot be read or written.

    Example:
        >>> mlebench.review("latest").holds
        True
    """
    from mlebench.errors import WorkFailed
    from mlebench.evidence.review.review import ReviewOptions, budget_of, chosen_rules
    from mlebench.evidence.review.review import review as review_places
    from mlebench.evidence.review.review_file import write_review

    places = [_place(source, runs_dir) for source in listed(sources)]
    asks = bool(judges or familiarity)
    if judge_budget is not None and not asks:
        raise TypeError("`judge_budget` goes with `judges` or `familiarity`")
    if (familiarity is None) != (texts is None):
        raise TypeError("`familiarity` and `texts` go together")
    if asks and calls is None and not (len(places) == 1 and places[0].is_dir()):
        raise TypeError("`calls` is missing: the folder for the ledger of calls about several groups or a bundle")
    for name, places_of in (("against", [against]), ("starter", starter), ("texts", [texts])):
        for folder in places_of:
            if folder is not None and not Path(folder).expanduser().is_dir():
                raise UsageError(f"`{name}`: {folder} is not a folder")
    options = ReviewOptions(
        rules=chosen_rules(rules),
        against=_path(against),
        starter=tuple(Path(folder).expanduser() for folder in starter),
        judges=tuple(judges),
        familiarity=familiarity,
        texts=_path(texts),
        models=tuple(Path(file).expanduser() for file in models),
        budget=None if judge_budget is None else budget_of("judge_budget", judge_budget),
        calls=_path(calls),
        data_dir=_path(data_dir),
        split_key=split_key or default_split_key(),
        jobs=jobs,
    )
    try:
        found = review_places(places, options, listener)
        folders = {place.absolute().name: place for place in places if place.is_dir()}
        for outcome in found.groups if keep else ():
            if outcome.group in folders:
                write_review(Group.open(folders[outcome.group]), outcome)
    except OSError as error:
        raise WorkFailed(f"the review failed: {error.filename or 'a file'}: {error.strerror or error}") from None
    return found


def listed(given: GroupSource | Sequence[GroupSource]) -> Iterator[GroupSource]:
    """One thing, or each of several; a group is a tuple, too."""
    yield from [given] if isinstance(given, GroupResult | Path | str) else given


def _place(source: GroupSource, runs_dir: Path | str | None) -> Path:
    """The folder of a group, or a bundle."""
    if not isinstance(source, GroupResult) and (path := Path(source).expanduser()).suffix.lower() == ".zip" and path.is_file():
        return path
    return group_for(source, runs_dir).folder


def _path(given: Path | str | None) -> Path | None:
    return None if given is None else Path(given).expanduser()
