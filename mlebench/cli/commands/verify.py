"""Verify a bundle of run groups. Nothing in the bundle is trusted, and no network is used.

Each of seven levels holds, fails or is not claimed: files, signature, plan, ledgers, scores, sealed, rules.

Exit code 0 if all claims hold, 1 if one fails.

examples:
  mlebench verify results.mlebench.zip
  mlebench verify results.mlebench.zip --signer github:NAME --regrade --jobs 2
  mlebench verify results.mlebench.zip --allowed-signers FILE --rules standard
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.hints import command
from mlebench.cli.options import add_data_dir, add_jobs, add_json, add_split_key, again, split_key_of, tell
from mlebench.cli.output import print_json, print_table
from mlebench.cli.progress import Progress
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.evidence.verdict import Verdict


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="FILE", help="the bundle")
    signature = parser.add_argument_group("signature")
    signature.add_argument("--allowed-signers", metavar="F", help="trusted signers, in OpenSSH's allowed_signers format")
    signature.add_argument("--signer", metavar="WHO",
                           help="required signer: a name in that file, `github:NAME` (keys in NAME.keys, downloaded from "
                           "github.com/NAME.keys), or `sigstore:IDENTITY,ISSUER`")  # fmt: skip
    scores = parser.add_argument_group("scores and rules")
    scores.add_argument("--regrade", action="store_true", help="grade the submissions again on data prepared here")
    add_split_key(scores, "secret key of the data")
    add_jobs(scores, "processes that grade")
    scores.add_argument("--rules", metavar="RULES", help="check rules for a board: `standard`, `lite` or FILE.yaml")
    add_data_dir(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from grading.printable import printable
    from mlebench.evidence.verify import VerifyOptions, verify_bundle

    options = VerifyOptions(
        allowed_signers=Path(arguments.allowed_signers) if arguments.allowed_signers else None,
        signer=arguments.signer,
        regrade=arguments.regrade,
        data_dir=Path(arguments.data_dir) if arguments.data_dir else None,
        split_key=split_key_of(arguments),
        rules=arguments.rules,
        jobs=arguments.jobs,
    )
    path = Path(arguments.bundle)
    try:
        _refuse_no_file(arguments.bundle, path)
        with Progress(quiet=arguments.quiet) as progress:
            verdict = verify_bundle(path, options, progress)
    except OSError as error:
        raise UsageError(f"cannot verify {printable(arguments.bundle, 300)}: {error.strerror or error}") from None
    if arguments.json:
        print_json(verdict.to_dict())
    else:
        _show(verdict)
        _tell_next(arguments, verdict)
    return 0 if verdict.holds else 1


def _refuse_no_file(given: str, path: Path) -> None:
    from grading.printable import printable
    from mlebench._support.hints import command, near_file
    from mlebench.runs.group import is_group

    if not given:
        raise UsageError("the file name is empty; give the file that `mlebench bundle` wrote")
    if given == "-":
        raise UsageError(
            "cannot verify standard input, as a bundle is read several times; give the file that `mlebench bundle` wrote"
        )
    if is_group(path):
        raise UsageError(f"{path} is a run group; bundle it first with {command('bundle', path)}")
    shown = printable(given, 300)
    if path.is_dir():
        raise UsageError(f"{shown} is a folder; give the file that `mlebench bundle` wrote")
    if not path.exists():
        raise UsageError(f"file {shown} not found; {near_file(path) or 'give the file that `mlebench bundle` wrote'}")
    if not path.is_file():
        raise UsageError(f"{shown} is not a regular file; give the file that `mlebench bundle` wrote")


def _show(verdict: Verdict) -> None:
    if not verdict.groups:
        (finding,) = verdict.level("files").findings
        print(f"cannot read {verdict.bundle}: {finding.text}")
        return
    print(f"{verdict.bundle}  sha256:{verdict.sha256}")
    if verdict.left_out:
        print("only by hash: " + ", ".join(f"{count} ({reason})" for reason, count in verdict.left_out.items()))
    print_table(
        ("level", "name", "state", "finding"),
        [(str(level.number), level.name, level.state, level.summary) for level in verdict.levels],
    )
    for level in verdict.levels:
        for finding in level.findings:
            print(f"{level.name} fails: {finding.text}")
        for flag in level.flags:
            print(f"{level.name}, to check: {flag.text}")
    print("All claims hold." if verdict.holds else "At least one claim fails.")


def _tell_next(arguments: argparse.Namespace, verdict: Verdict) -> None:
    """Say how to have more levels checked, or what to do with a bundle that holds."""
    if not verdict.groups or not verdict.holds:
        return
    if verdict.level("scores").state == "not claimed" and not arguments.regrade:
        tell(arguments, f"next: {again(arguments, '--regrade')} grades the submissions again, on data that is prepared here")
    else:
        tell(arguments, f"next: {command('report', arguments.bundle)} shows the results")
