"""Check a bundle of run groups that somebody else made; nothing in it is trusted, and no network is used.

Each of seven levels holds, fails or is not claimed. Exit code 0: all that is claimed holds; 1: something fails.

examples:
  mlebench verify results.mlebench.zip
  mlebench verify results.mlebench.zip --signer github:NAME --regrade --jobs 2
  mlebench verify results.mlebench.zip --allowed-signers FILE --rules standard --json
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.cli.options import add_data_dir, add_jobs, add_json, split_key_of
from mlebench.cli.output import print_json, print_table
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.evidence.verdict import Verdict


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="FILE", help="the bundle")
    parser.add_argument("--allowed-signers", metavar="F", help="whose signature counts, in the format of OpenSSH")
    parser.add_argument("--signer", metavar="WHO",
                        help="who must have signed: a name in that file, `github:NAME` (keys in NAME.keys, "
                        "which github.com/NAME.keys gives), or `sigstore:IDENTITY,ISSUER`")  # fmt: skip
    parser.add_argument("--regrade", action="store_true", help="grade the submissions again, on data prepared here")
    parser.add_argument("--split-key", metavar="K", help="secret key that the data was made from (default: $MLEBENCH_SPLIT_KEY)")
    parser.add_argument("--rules", metavar="RULES", help="name what keeps it from a board: `standard`, `lite` or FILE.yaml")
    add_jobs(parser, "processes that grade")
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
        verdict = verify_bundle(path, options)
    except OSError as error:
        raise UsageError(f"{printable(arguments.bundle, 300)} cannot be verified: {error.strerror or error}") from None
    if arguments.json:
        print_json(verdict.to_dict())
    else:
        _show(verdict)
    return 0 if verdict.holds else 1


def _refuse_no_file(given: str, path: Path) -> None:
    from grading.printable import printable
    from mlebench._support.hints import command
    from mlebench.runs.group import is_group

    if not given:
        raise UsageError("it takes the name of a file; give the file that `mlebench bundle` wrote")
    if given == "-":
        raise UsageError("a bundle is read several times, and standard input once; give the file that `mlebench bundle` wrote")
    if is_group(path):
        raise UsageError(f"{path} is a run group; make a bundle of it first: {command('bundle', path)}")
    shown = printable(given, 300)
    if path.is_dir():
        raise UsageError(f"{shown} is a folder; give the file that `mlebench bundle` wrote")
    if not path.exists():
        raise UsageError(f"there is no file {shown}; give the file that `mlebench bundle` wrote")
    if not path.is_file():
        raise UsageError(f"{shown} is no regular file; give the file that `mlebench bundle` wrote")


def _show(verdict: Verdict) -> None:
    if not verdict.groups:
        (finding,) = verdict.level("files").findings
        print(f"{verdict.bundle} cannot be looked at: {finding.text}")
        return
    print(f"{verdict.bundle}  sha256:{verdict.sha256}")
    if verdict.left_out:
        print("by hash alone: " + ", ".join(f"{count} ({reason})" for reason, count in verdict.left_out.items()))
    print_table(
        ("level", "", "state", "what was found"),
        [(str(level.number), level.name, level.state, level.summary) for level in verdict.levels],
    )
    for level in verdict.levels:
        for finding in level.findings:
            print(f"{level.name} fails: {finding.text}")
        for flag in level.flags:
            print(f"{level.name}, to look at: {flag.text}")
    print("All that is claimed holds." if verdict.holds else "Something that is claimed does not hold.")
