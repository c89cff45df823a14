"""Download and prepare competitions: from Kaggle, from a download of yours, or as a mock.

An interrupted command continues when you run it again.

Exit code 0 if everything is prepared; 1 if a competition fails; 2 if a precondition is missing, such as accepted rules or
disk space.

examples:
  mlebench prepare spaceship-titanic --mock
  mlebench prepare --split low --jobs 4 --max-rate 50m
  mlebench prepare leaf-classification --from leaf-classification.zip --edition v2
  mlebench prepare --all --verify-only
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.hints import command
from mlebench.cli.options import (
    add_data_dir,
    add_edition,
    add_jobs,
    add_selection,
    quantity,
    rate_limit,
    registry_of,
    selected,
    tell,
)
from mlebench.cli.output import print_table
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.cli.progress import Progress
    from mlebench.kaggle.transfer import Transfer
    from mlebench.preparation.build import PreparationOutcome
    from mlebench.preparation.disk import Readiness
    from mlebench.registry import Competition

_MEMORY_SHARE = 0.9
_PATIENCE = "1m"
_MOST_NAMED = 3


def configure(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    source = parser.add_argument_group("source")
    source.add_argument("--from", dest="source", metavar="PATH",
                        help="a download of yours: a zip file, its unpacked folder, or a folder of several")  # fmt: skip
    source.add_argument("--link", action="store_true",
                        help="with --from: hard-link unchanged files, read-only, instead of copying them")  # fmt: skip
    source.add_argument("--mock", action="store_true", help="generate a small mock dataset with the real schema")
    source.add_argument("--keep-raw", action="store_true", help="keep the raw data after preparing")
    how = parser.add_argument_group("preparation")
    add_edition(how)
    add_jobs(how, "competitions prepared in parallel")
    how.add_argument("--memory", metavar="SIZE",
                     help="memory limit per worker process, such as 16g (default: 90 %% of RAM divided by --jobs)")  # fmt: skip
    how.add_argument("--no-verify", "--skip-verification", dest="verify", action="store_false",
                     help="accept data whose md5 sums or counts differ from the published ones")  # fmt: skip
    how.add_argument("--verify-only", action="store_true", help="verify what is prepared; change nothing")
    how.add_argument("--force", action="store_true", help="prepare again what is already prepared")
    how.add_argument("--new-key", action="store_true",
                     help="with --force: generate research data from a fresh key instead of the stored one")  # fmt: skip
    how.add_argument("--overwrite-checksums", action="store_true",
                     help="same as --no-verify; published md5 sums are never changed")  # fmt: skip
    how.add_argument("--overwrite-leaderboard", action="store_true",
                     help="download the leaderboard again; see `mlebench leaderboard --refresh`")  # fmt: skip
    kaggle = parser.add_argument_group("downloads from Kaggle")
    kaggle.add_argument("--open", action="store_true", help="open the pages of rules not yet accepted in a browser")
    kaggle.add_argument("--skip-unaccepted", action="store_true", help="skip competitions whose rules are not accepted")
    kaggle.add_argument("--max-rate", metavar="RATE", help="limit of all downloads together in bytes per second, such as 20m")
    kaggle.add_argument("--patience", metavar="TIME", default=_PATIENCE,
                        help="keep trying for this long if Kaggle or the network fails, such as 6h (default: 1m)")  # fmt: skip
    kaggle.add_argument("--kaggle-pages", action="store_true", help="also save Kaggle's own task pages, for people to read")
    add_data_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    competitions = selected(arguments, registry_of(arguments))
    if arguments.source and arguments.mock:
        raise UsageError("--from and --mock exclude each other")
    if arguments.link and not arguments.source:
        raise UsageError("--link goes with --from: it says what becomes of the files that are given there")
    if arguments.verify_only:
        return _verify(arguments, competitions)
    if arguments.overwrite_leaderboard:
        from mlebench.preparation.clients import ensure_leaderboard_exists

        for competition in competitions:
            ensure_leaderboard_exists(competition, force=True)
    outcomes = _prepare(arguments, competitions)
    if arguments.quiet:
        for outcome in outcomes:
            if outcome.exit_code:
                print(outcome.message, file=sys.stderr)
    if len(competitions) > 1:
        _summarize(outcomes, competitions)
    _tell_next(arguments, outcomes, competitions)
    return _exit_code(outcomes)


def _tell_next(arguments: argparse.Namespace, outcomes: list[PreparationOutcome], competitions: list[Competition]) -> None:
    """Say how to run an agent on what is prepared, in the words that chose it."""
    ready = [outcome.competition_id for outcome in outcomes if not outcome.exit_code]
    if not ready:
        return
    split = "all" if arguments.all else "low" if arguments.lite else arguments.split or arguments.list
    is_whole = len(ready) == len(competitions) and not (arguments.ids or arguments.competition_id)
    chosen = ["--split", split] if split and is_whole else [word for name in ready[:_MOST_NAMED] for word in ("-c", name)]
    edition = ["--edition", arguments.edition] if arguments.edition != "v1" else []
    key = ["--split-key", "KEY"] if arguments.split_key else []
    start = command("run", "--agent", "dummy", *chosen, *edition, *key, "--sandbox", "local", data_dir=competitions[0].data_dir)
    tell(arguments, f"next: {start} runs an agent that submits the sample submission")


def _prepare(arguments: argparse.Namespace, competitions: list[Competition]) -> list[PreparationOutcome]:
    from mlebench.cli.progress import Progress
    from mlebench.preparation.disk import look_ahead
    from mlebench.preparation.options import PreparationOptions
    from mlebench.preparation.packages import require_packages
    from mlebench.preparation.pool import prepare_all
    from mlebench.preparation.sources import require_source

    source = Path(arguments.source) if arguments.source else None
    if source is not None:
        require_source(source)
    options = PreparationOptions(
        source=source,
        link=arguments.link,
        mock=arguments.mock,
        keep_raw=arguments.keep_raw,
        verify=arguments.verify and not arguments.overwrite_checksums,
        force=arguments.force,
        new_key=arguments.new_key,
        pages=arguments.kaggle_pages,
        repeated=_repeated(arguments),
        transfer=_transfer(arguments),
    )
    with Progress(quiet=arguments.quiet) as display:
        readiness = look_ahead(competitions, options, listener=display)
        require_packages([*readiness.at_hand, *readiness.to_download])
        left_out = _preflight(readiness, arguments, competitions[0].data_dir, display)
        for outcome in left_out:
            display.tell(outcome.message)
        done = {outcome.competition_id: outcome for outcome in left_out}
        outcomes = prepare_all(
            [competition for competition in competitions if competition.id not in done],
            options,
            jobs=arguments.jobs,
            memory=_memory(arguments, len(competitions)),
            tell=display.tell,
            listener=display,
        )
    done |= {outcome.competition_id: outcome for outcome in outcomes}
    return [done[competition.id] for competition in competitions]


def _preflight(
    readiness: Readiness, arguments: argparse.Namespace, data_dir: Path, display: Progress
) -> list[PreparationOutcome]:
    """Refuse what cannot work; the outcomes of competitions that are left out."""
    from mlebench.preparation.disk import require_space

    if readiness.unaccepted and arguments.open:
        _open_pages([access.competition_id for access in readiness.unaccepted])
    if readiness.unaccepted and not arguments.skip_unaccepted:
        from mlebench.kaggle.preflight import rules_to_accept

        raise rules_to_accept(readiness.unaccepted)
    need = readiness.need(jobs=arguments.jobs, keep_raw=arguments.keep_raw)
    warning = require_space(need, data_dir)
    if readiness.to_download:
        display.tell(_foretell(readiness, need.likely, data_dir))
    if warning:
        display.tell(f"warning: {warning}")
    return readiness.left_out()


def _foretell(readiness: Readiness, needed: int, data_dir: Path) -> str:
    from mlebench._support.folders import free_space
    from mlebench._support.quantities import show_size

    known = sum(readiness.sizes.get(competition.id, 0) for competition in readiness.open)
    return (
        f"{len(readiness.present)} already prepared, {len(readiness.at_hand)} with raw data here, "
        f"{len(readiness.open)} to download ({show_size(known)}); "
        f"about {show_size(needed)} of disk needed, {show_size(free_space(data_dir))} free in {data_dir}"
    )


def _open_pages(ids: list[str]) -> None:
    import webbrowser

    from mlebench.kaggle.client import rules_page

    for competition_id in ids:
        webbrowser.open_new_tab(rules_page(competition_id))


def _transfer(arguments: argparse.Namespace) -> Transfer:
    from mlebench._support.quantities import parse_duration
    from mlebench.kaggle.transfer import Transfer

    return Transfer(quantity("--patience", arguments.patience, parse_duration), rate_limit(arguments.max_rate))


def _repeated(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Options that change how the work is done and not what comes of it, as they were given."""
    given = {
        "--jobs": str(arguments.jobs) if arguments.jobs > 1 else None,
        "--memory": arguments.memory,
        "--max-rate": arguments.max_rate,
        "--patience": arguments.patience if arguments.patience != _PATIENCE else None,
    }
    return tuple(word for option, value in given.items() if value for word in (option, value))


def _memory(arguments: argparse.Namespace, count: int) -> int | None:
    from mlebench._support.quantities import parse_size

    if arguments.memory:
        return quantity("--memory", arguments.memory, parse_size)
    if count == 1:
        return None
    from mlebench._support.machine import this_machine

    return int(this_machine().memory * _MEMORY_SHARE / min(arguments.jobs, count))


def _verify(arguments: argparse.Namespace, competitions: list[Competition]) -> int:
    from mlebench._support.steps import Step, Tally
    from mlebench.cli.progress import Progress
    from mlebench.preparation.record import is_prepared
    from mlebench.preparation.verify import verify_prepared

    missing = [competition for competition in competitions if not is_prepared(competition)]
    there = [competition for competition in competitions if competition not in missing]
    results = []
    with Progress(quiet=arguments.quiet) as progress:
        tally = Tally(progress, "", "checking", len(there), "competition", every=0)
        for competition in there:
            progress(Step(competition.id, "comparing checksums and counts"))
            results.append(verify_prepared(competition))
            progress(Step(competition.id, ""))
            tally.add()
    for result in results:
        print(f"{result.competition_id} ({result.edition}): {result}", file=sys.stderr)
    for competition in missing:
        print(f"{competition.id}: not prepared; `{competition.prepare_command}` prepares it", file=sys.stderr)
    if any(result.failed for result in results):
        return 1
    return UsageError.exit_code if missing else 0


def _summarize(outcomes: list[PreparationOutcome], competitions: list[Competition]) -> None:
    from mlebench._support.folders import folder_size
    from mlebench._support.quantities import show_duration, show_size

    folders = {competition.id: competition.prepared_dir for competition in competitions}
    words = {"present": "already prepared"}
    print_table(
        ["competition", "result", "size", "time", "problem"],
        [
            [
                outcome.competition_id,
                words.get(outcome.state, outcome.state),
                show_size(folder_size(folder)) if (folder := folders[outcome.competition_id]).is_dir() else None,
                show_duration(outcome.seconds) if outcome.seconds else None,
                _problem(outcome),
            ]
            for outcome in outcomes
        ],
    )


def _problem(outcome: PreparationOutcome) -> str:
    if outcome.state in ("failed", "skipped"):
        return outcome.message.partition(": ")[2]
    return outcome.message.partition("warning: ")[2].removesuffix(")")


def _exit_code(outcomes: list[PreparationOutcome]) -> int:
    codes = {outcome.exit_code for outcome in outcomes} - {0}
    if len(outcomes) > 1 and codes:
        # wrong usage only if nothing but that stood in the way of all
        return 2 if codes == {2} and all(outcome.exit_code for outcome in outcomes) else 1
    return max(codes, default=0)
