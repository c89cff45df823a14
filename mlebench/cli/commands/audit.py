"""Search prepared data for leaked answers, as an agent sees it: cells, names, order, metadata, near-duplicates, groups.

Each finding comes with its worth: the score and medal of a submission made only from the leak. Findings that `issues.yaml` of
the competition declares are listed but do not count as failures.

Exit code 0 if nothing undeclared is found; 1 if something is, or if a check fails; 2 if a competition is not prepared.

examples:
  mlebench audit spaceship-titanic
  mlebench audit dog-breed-identification --edition v2 --jobs 2
  mlebench audit --split low --quick --json
  mlebench audit my-own-competition --check metadata --check twin-images
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from mlebench._support.steps import Tally, ignore
from mlebench.cli.options import add_data_dir, add_edition, add_jobs, add_json, add_selection, again, registry_of, selected, tell
from mlebench.cli.output import print_json
from mlebench.cli.progress import Progress
from mlebench.errors import NotPrepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlebench.preparation.audit.audit import Audit, AuditOptions
    from mlebench.preparation.audit.finding import Finding
    from mlebench.registry import Competition


def configure(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument("--check", action="append", default=[], metavar="CHECK", help="run only this check (repeatable)")
    parser.add_argument("--quick", action="store_true", help="skip checks that read pixels and audio samples")
    add_jobs(parser, "processes that read files")
    add_data_dir(parser)
    add_edition(parser, default=None, usual="each that is prepared")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.preparation.audit.audit import AuditOptions

    options = AuditOptions(arguments.check, arguments.quick, arguments.jobs)
    options.chosen()
    audits: list[Audit] = []
    not_prepared: list[str] = []
    competitions = selected(arguments, registry_of(arguments))
    with Progress(quiet=arguments.quiet) as progress:
        whole = progress if len(competitions) > 1 else ignore
        tally = Tally(whole, "", "auditing", len(competitions), "competition", every=0)
        for competition in competitions:
            found, sentence = _of_competition(competition, arguments, options, progress)
            audits += found
            tally.add()
            if sentence:
                not_prepared.append(sentence)
                progress.tell(f"mlebench audit: {sentence}")
    if arguments.json:
        print_json({"audits": [done.to_dict() for done in audits], "not_prepared": not_prepared})
    else:
        _show_sums(audits)
        _tell_next(arguments, audits)
    if any(done.undeclared or done.failed for done in audits):
        return 1
    if not_prepared and (arguments.ids or arguments.competition_id or not audits):
        raise NotPrepared(not_prepared[0])
    return 0


def _of_competition(
    competition: Competition, arguments: argparse.Namespace, options: AuditOptions, progress: Progress
) -> tuple[list[Audit], str | None]:
    """The audits of the editions asked for, and what to do where there is none."""
    from mlebench.preparation.audit.audit import audit

    editions = [competition] if arguments.edition else registry_of(arguments).in_each_edition(competition.id)
    prepared = [edition for edition in editions if edition.answers.is_file()]
    if not prepared:
        return [], f"{competition.id} is not prepared in {competition.data_dir}; `{competition.prepare_command}` prepares it"
    audits = []
    for edition in prepared:
        audits.append(audit(edition, options, progress))
        if not arguments.json:
            with progress.set_aside():
                _show(audits[-1])
                sys.stdout.flush()
    return audits, None


def _show(done: Audit) -> None:
    from grading.wording import counted

    print(
        f"{done.competition} {done.edition}: {counted(len(done.findings), 'finding')}, {len(done.undeclared)} undeclared, in "
        f"{counted(done.files, 'file')} and {counted(done.test_rows, 'test row')}; {done.seconds:.1f} s"
    )
    for finding in done.findings:
        print(f"  {finding.check}  {finding.file}")
        print(f"    {finding.what}")
        print(f"    {'; '.join(_figures(finding))}")
    for name, reason in done.failed.items():
        print(f"  {name} could not be run: {reason}")
    for trouble in done.troubles:
        print(f"  not looked into: {trouble}")


def _figures(finding: Finding) -> Sequence[str]:
    from grading.wording import counted

    figures = []
    if finding.rows is not None and finding.share is not None:
        figures.append(f"{counted(finding.rows, 'test row')} ({100 * finding.share:.1f} %)")
    if finding.score is not None:
        figures.append(f"score {finding.score:g} (without it {finding.baseline:g}), {finding.medal or 'no'} medal")
    else:
        figures.append("no submission can be made of it")
    figures.append(f"declared as {finding.declared}" if finding.declared else "not declared")
    return figures


def _show_sums(audits: Sequence[Audit]) -> None:
    from grading.wording import counted

    undeclared = sum(len(done.undeclared) for done in audits)
    findings = sum(len(done.findings) for done in audits)
    print(f"{counted(len(audits), 'audit')}: {counted(findings, 'finding')}, {undeclared} of them undeclared")


def _tell_next(arguments: argparse.Namespace, audits: Sequence[Audit]) -> None:
    """Say what to do about findings that nobody declared."""
    undeclared = [done for done in audits if done.undeclared]
    if not undeclared:
        return
    name, repeat = undeclared[0].competition, again(arguments)
    tell(
        arguments,
        f"next: change `prepare.py` of {name}, or declare the finding in its `issues.yaml`; {repeat} looks again",
    )
