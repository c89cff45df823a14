"""Pack run groups into one file that anyone can check with `mlebench verify`.

A bundle contains the plan, records, ledgers of calls, submissions, logs, code and the agent folder, and a statement with the
SHA-256 of each file. It never contains competition data. Large files and excluded parts are listed only by hash, and claims
that depend on them are not made. The same groups give the same bytes.

examples:
  mlebench bundle latest
  mlebench bundle my-group other-group -o results.mlebench.zip
  mlebench bundle my-group --sign ~/.ssh/id_ed25519
  mlebench bundle my-group --leave-out logs --largest-submission 10m
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support import paths
from mlebench.cli.options import add_json, add_runs_dir, add_split_key, quantity, split_key_of
from mlebench.cli.output import print_json
from mlebench.cli.progress import Progress
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.evidence.bundle import Made
    from mlebench.evidence.verdict import Verdict
    from mlebench.runs.group import Group

_ENDING = ".mlebench.zip"
_OWN_LEVELS = ("files", "signature", "plan", "ledgers")
"""What is looked at once a bundle is made; grading again is left to whoever gets it."""
_PARTS = ("logs", "transcripts", "code", "snapshots", "agent")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("groups", nargs="+", metavar="GROUP", help="run groups: name, folder or `latest`")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=f"the file (default: GROUP{_ENDING})")
    parser.add_argument("--sign", metavar="KEY",
                        help="sign with an OpenSSH key, or `sigstore` for the identity of this environment")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace FILE")
    parser.add_argument("--no-check", action="store_true", help="do not verify the new bundle")
    content = parser.add_argument_group("content")
    content.add_argument("--leave-out", action="append", default=[], choices=_PARTS, metavar="PART",
                         help=f"include only hashes of {', '.join(_PARTS[:-1])} or {_PARTS[-1]} (repeatable)")  # fmt: skip
    content.add_argument("--largest-submission", default="100m", metavar="SIZE",
                         help="include larger submissions only by hash (default: 100m)")  # fmt: skip
    content.add_argument("--largest-file", default="100m", metavar="SIZE",
                         help="include other larger files of an agent only by hash (default: 100m)")  # fmt: skip
    add_split_key(content, "secret key that the bundle must not contain")
    add_runs_dir(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench._support.quantities import parse_size
    from mlebench.evidence.bundle import Limits, make_bundle
    from mlebench.evidence.known_secrets import known_secrets
    from mlebench.evidence.signature import signer_of
    from mlebench.kaggle.credentials import kept_credentials
    from mlebench.runs.group import find_group

    groups = [find_group(paths.runs_dir(arguments.runs_dir), name) for name in arguments.groups]
    target = arguments.output or Path(_default_name(groups))
    limits = Limits(
        quantity("--largest-submission", arguments.largest_submission, parse_size),
        quantity("--largest-file", arguments.largest_file, parse_size),
    )
    with Progress(quiet=arguments.quiet) as progress:
        made = make_bundle(
            groups,
            target,
            leave_out=frozenset(arguments.leave_out),
            limits=limits,
            signer=signer_of(arguments.sign) if arguments.sign else None,
            secrets=kept_credentials() | known_secrets(groups, split_key_of(arguments)),
            overwrite=arguments.force,
            listener=progress,
        )
        verdict = None if arguments.no_check else _checked(made, progress)
    if arguments.json:
        print_json(_document(made, verdict))
    else:
        _show(made, verdict)
    return 0 if verdict is None or _own_levels_hold(verdict) else 1


def _default_name(groups: list[Group]) -> str:
    if len(groups) > 1:
        raise UsageError(f"name the file for {len(groups)} groups with `-o`, such as `-o results{_ENDING}`")
    return f"{groups[0].name}{_ENDING}"


def _checked(made: Made, progress: Progress) -> Verdict:
    from mlebench.evidence.verify import VerifyOptions, verify_bundle

    return verify_bundle(made.path, VerifyOptions(), progress)


def _own_levels_hold(verdict: Verdict) -> bool:
    return all(verdict.level(name).state != "fails" for name in _OWN_LEVELS)  # type: ignore[arg-type]


def _document(made: Made, verdict: Verdict | None) -> dict[str, Any]:
    return {
        "bundle": str(made.path),
        "sha256": made.sha256,
        "bytes": made.size,
        "groups": list(made.statement.groups),
        "files": len(made.statement.subjects),
        "left_out": [vars(entry) for entry in made.statement.left_out],
        "signed_by": made.keyid,
        "checked": None if verdict is None else verdict.to_dict(),
    }


def _show(made: Made, verdict: Verdict | None) -> None:
    from grading.wording import counted
    from mlebench._support.hints import command
    from mlebench._support.quantities import show_size

    statement = made.statement
    print(f"{made.path}: {show_size(made.size)}, {counted(len(statement.subjects), 'file')} of {', '.join(statement.groups)}")
    print(f"sha256 {made.sha256}")
    print(f"signed by {made.keyid}" if made.keyid else "not signed; `--sign ~/.ssh/id_ed25519` signs with an OpenSSH key")
    for reason, count in sorted(Counter(entry.reason for entry in statement.left_out).items()):
        names = [entry.name for entry in statement.left_out if entry.reason == reason]
        more = f" and {count - 1:,} more" if count > 1 else ""
        print(f"left out ({reason}): {names[0]}{more}")
    if verdict is not None:
        for name in _OWN_LEVELS:
            level = verdict.level(name)  # type: ignore[arg-type]
            print(f"level {level.number}, {level.name}: {level.state}; {level.summary}")
            for finding in level.findings:
                print(f"  {finding.text}")
    print(f"next: publish the file; anybody checks it with {command('verify', made.path, *_trust(made))}")


def _trust(made: Made) -> list[str]:
    return ["--allowed-signers", "FILE"] if made.keyid and made.keyid.startswith("ssh:") else []
