"""Search run groups for broken rules and copied code: in code, logs, calls and submissions.

Rules and code similarity (between runs, and against notebooks of yours) need no model. On request, models judge logs and
code, and a probe measures how well a model knows public texts. A run with a violation is flagged; observations flag nothing.
The review is stored in the group's folder as `review.json`, and `mlebench report` shows it.

Exit code 0 if no run is flagged; 1 if one is, or if a judge left something unanswered; 2 for wrong usage.

examples:
  mlebench review latest
  mlebench review my-group --against notebooks/ --html review.html
  mlebench review results.mlebench.zip -o review.json --rule similarity
  mlebench review my-group --judge gpt-5.1 --judge-budget usd=2
  mlebench review my-group --familiarity local-model --texts discussions/
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support import paths
from mlebench._support.hints import command
from mlebench.cli.options import add_data_dir, add_json, add_runs_dir, add_split_key, at_least, split_key_of, tell
from mlebench.cli.output import print_json
from mlebench.cli.progress import Progress
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.evidence.review.outcome import Review
    from mlebench.evidence.review.review import ReviewOptions
    from mlebench.reports.flagged_runs import FlaggedTotals

_BUNDLE_SUFFIX = ".zip"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="GROUP|BUNDLE.zip",
                        help="run groups (name, folder or `latest`) and bundles")  # fmt: skip
    what = parser.add_argument_group("rules and similarity")
    what.add_argument("--rule", action="append", default=[], metavar="RULE",
                      help="check only this rule, such as `similarity` (repeatable; default: all)")  # fmt: skip
    what.add_argument("--against", type=Path, metavar="FOLDER", help="compare code with notebooks and scripts in this folder")
    what.add_argument("--starter", type=Path, action="append", default=[], metavar="FOLDER",
                      help="code that every agent was given, never a sign of copying (repeatable)")  # fmt: skip
    models = parser.add_argument_group("models")
    models.add_argument("--judge", action="append", default=[], metavar="MODEL",
                        help="a model that judges logs and code (repeatable)")  # fmt: skip
    models.add_argument("--judge-budget", metavar="LIMITS",
                        help="budget of the judges, and again of --familiarity, such as usd=2,calls=100")  # fmt: skip
    models.add_argument("--familiarity", metavar="MODEL",
                        help="measure how well a model knows public texts, by their probability")  # fmt: skip
    models.add_argument("--texts", type=Path, metavar="FOLDER",
                        help="these texts: *.txt and *.md, one folder per competition")  # fmt: skip
    models.add_argument("--models", type=Path, action="append", default=[], metavar="FILE",
                        help="a models file of yours (repeatable)")  # fmt: skip
    models.add_argument("--jobs", type=at_least(1), default=4, metavar="N", help="parallel calls to models (default: 4)")
    output = parser.add_argument_group("output")
    output.add_argument("--html", type=Path, metavar="FILE", help="write a page, and next to it one that compares similar code")
    output.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the JSON document, also for bundles")
    output.add_argument("--details", action="store_true", help="list every finding, however many")
    add_split_key(parser, "secret key of the data")
    add_data_dir(parser)
    add_runs_dir(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.evidence.review.review import review

    sources = [place for given in arguments.sources for place in _places(given, paths.runs_dir(arguments.runs_dir))]
    options = _options(arguments, sources)
    with Progress(quiet=arguments.quiet) as progress:
        found = review(sources, options, progress)
    totals = _totals(arguments, sources, found)
    document = _document(found, totals)
    if arguments.json:
        print_json(document)
    else:
        _show(arguments, found, totals)
    _write(arguments, sources, found, totals, document)
    _tell_next(arguments, sources, found)
    return 0 if found.holds else 1


def _places(given: str, runs_dir: Path) -> list[Path]:
    """The group folders and bundles that a word stands for."""
    from grading.printable import printable
    from mlebench.runs.group import find_group, is_group

    path = Path(given).expanduser()
    if not given or given == "-":
        raise UsageError("a review takes names: of run groups, their folders or bundles; `mlebench runs` lists the groups")
    if path.suffix.lower() == _BUNDLE_SUFFIX and path.is_file():
        return [path]
    if path.is_file():
        raise UsageError(f"{printable(given, 300)} is neither a run group nor a bundle (*{_BUNDLE_SUFFIX})")
    if path.is_dir() and not is_group(path) and (inner := [entry for entry in sorted(path.iterdir()) if is_group(entry)]):
        return inner
    return [find_group(runs_dir, given).folder]


def _options(arguments: argparse.Namespace, sources: list[Path]) -> ReviewOptions:
    from mlebench.evidence.review.review import ReviewOptions, budget_of, chosen_rules

    for option, folders in (("--against", [arguments.against]), ("--starter", arguments.starter), ("--texts", [arguments.texts])):
        for folder in folders:
            if folder is not None and not folder.is_dir():
                raise UsageError(f"there is no folder {folder}; `{option}` names one")
    asks = bool(arguments.judge or arguments.familiarity)
    if arguments.judge_budget and not asks:
        raise UsageError("`--judge-budget` is of calls to models, and none is asked; name one with `--judge MODEL`")
    if bool(arguments.familiarity) != bool(arguments.texts):
        raise UsageError("`--familiarity MODEL` and `--texts FOLDER` go together: the model, and the texts that it may know")
    is_one_group = len(sources) == 1 and sources[0].is_dir()
    if asks and not is_one_group and arguments.output is None:
        raise UsageError("name a file with `-o FILE`: the calls to models of several groups, or of a bundle, are kept beside it")
    return ReviewOptions(
        rules=chosen_rules(arguments.rule),
        against=arguments.against,
        starter=tuple(arguments.starter),
        judges=tuple(arguments.judge),
        familiarity=arguments.familiarity,
        texts=arguments.texts,
        models=tuple(arguments.models),
        budget=None if arguments.judge_budget is None else budget_of("--judge-budget", arguments.judge_budget),
        calls=None if is_one_group or arguments.output is None else arguments.output.with_name(f"{arguments.output.stem}_calls"),
        data_dir=Path(arguments.data_dir) if arguments.data_dir else None,
        split_key=split_key_of(arguments),
        jobs=arguments.jobs,
    )


def _totals(arguments: argparse.Namespace, sources: list[Path], found: Review) -> dict[str, list[FlaggedTotals]]:
    """By group; a group whose results cannot be read has none."""
    from mlebench.reports.bundle_file import read_bundle
    from mlebench.reports.group_folder import read_group
    from mlebench.reports.review_figures import group_totals

    reviews = {review.group: review for review in found.groups}
    totals: dict[str, list[FlaggedTotals]] = {}
    for source in sources:
        try:
            if source.is_dir():
                named = {source.absolute().name: read_group(source)}
            else:
                named = {entry.sources[0].removeprefix(f"{source}:"): entry for entry in read_bundle(source).results}
            totals |= {name: group_totals(results, reviews[name]) for name, results in named.items() if name in reviews}
        except UsageError as error:
            tell(arguments, f"note: no totals of {source}: {error}")
    return totals


def _document(found: Review, totals: dict[str, list[FlaggedTotals]]) -> dict[str, Any]:
    from mlebench.reports.review_figures import totals_json

    groups = [{**review.to_dict(), "totals": totals_json(totals.get(review.group, []))} for review in found.groups]
    return {"groups": groups, "incomplete": list(found.incomplete)}


def _show(arguments: argparse.Namespace, found: Review, totals: dict[str, list[FlaggedTotals]]) -> None:
    from mlebench._support.terminal import make_console
    from mlebench.reports.review_terminal import group_parts, totals_table

    console = make_console()
    for review in found.groups:
        for part in group_parts(review, details=arguments.details):
            console.print(part)
        if totals.get(review.group):
            console.print(totals_table(totals[review.group]))
    for sentence in found.incomplete:
        console.print(f"Incomplete: {sentence}", markup=False)


def _write(
    arguments: argparse.Namespace,
    sources: list[Path],
    found: Review,
    totals: dict[str, list[FlaggedTotals]],
    document: dict[str, Any],
) -> None:
    """What the options name, and the review of each group in its folder."""
    from mlebench._support.files import write_json
    from mlebench.evidence.review.review_file import write_review
    from mlebench.runs.group import Group

    folders = {source.absolute().name: source for source in sources if source.is_dir()}
    if arguments.html:
        _write_pages(arguments, folders, found, totals)
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        write_json(arguments.output, document)
        tell(arguments, f"wrote {arguments.output}")
    for review in found.groups:
        if review.group in folders:
            tell(arguments, f"wrote {write_review(Group.open(folders[review.group]), review)}")


def _write_pages(
    arguments: argparse.Namespace, folders: dict[str, Path], found: Review, totals: dict[str, list[FlaggedTotals]]
) -> None:
    from mlebench.reports.review_page import write_findings_page

    path: Path = arguments.html
    beside = None
    if found.similarities is not None:
        from mlebench.reports.similarity_page import write_similarity_page

        beside = path.with_name(f"{path.stem}-similarity.html")
        write_similarity_page(found.similarities, beside)
        tell(arguments, f"wrote {beside}")
    groups = [(review, folders.get(review.group), totals.get(review.group, [])) for review in found.groups]
    write_findings_page(groups, path, beside.name if beside is not None else None)
    tell(arguments, f"wrote {path}")


def _tell_next(arguments: argparse.Namespace, sources: list[Path], found: Review) -> None:
    """Say how to complete the review, or where its result is shown."""
    from mlebench.cli.options import again

    if found.incomplete:
        tell(arguments, f"next: {again(arguments)} asks what has no answer yet")
    elif folders := [source for source in sources if source.is_dir()]:
        tell(arguments, f"next: {command('report', *folders, '--html', 'report.html')} writes a page with these findings")
