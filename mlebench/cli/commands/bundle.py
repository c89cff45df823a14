"""Pack run groups into one file that anybody can check with `mlebench verify`.

It holds the plan, the records, the ledgers of calls, the submissions, logs, code and the agent's folder, and a statement with the
SHA-256 of each file; never data of a competition. Large files, and parts that are left out, stand in it by their hash, and what
depends on them is then not claimed. The same groups give the same bytes.

examples:
  mlebench bundle latest
  mlebench bundle my-group other-group -o results.mlebench.zip --sign ~/.ssh/id_ed25519
  mlebench bundle my-group --leave-out logs --leave-out code --largest-submission 10m
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support import paths
from mlebench.cli.options import add_json, add_runs_dir, quantity, split_key_of
from mlebench.cli.output import print_json
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
    parser.add_argument("groups", nargs="+", metavar="GROUP", help="a run group: its name, its folder, or `latest`")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=f"the file (default: GROUP{_ENDING} here)")
    parser.add_argument("--sign", metavar="KEY",
                        help="sign with an OpenSSH key, or with `sigstore` by the identity of this environment")  # fmt: skip
    parser.add_argument("--leave-out", action="append", default=[], choices=_PARTS, metavar="PART",
                        help=f"keep of {', '.join(_PARTS[:-1])} or {_PARTS[-1]} the hashes alone (repeatable)")  # fmt: skip
    parser.add_argument("--largest-submission", default="100m", metavar="SIZE",
                        help="of larger submissions keep the hash alone (default: 100m)")  # fmt: skip
    parser.add_argument("--largest-file", default="100m", metavar="SIZE",
                        help="of other larger files that an agent left keep the hash alone (default: 100m)")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace FILE")
    parser.add_argument("--no-check", action="store_true", help="do not verify what was made")
    parser.add_argument("--split-key", metavar="K", help="secret key that must not stand in it (default: $MLEBENCH_SPLIT_KEY)")
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
    with _progress(arguments) as progress:
        made = make_bundle(
            groups,
            target,
            leave_out=frozenset(arguments.leave_out),
            limits=limits,
            signer=signer_of(arguments.sign) if arguments.sign else None,
            secrets=kept_credentials() | known_secrets(groups, split_key_of(arguments)),
            overwrite=arguments.force,
            progress=progress,
        )
    verdict = None if arguments.no_check else _checked(made)
    if arguments.json:
        print_json(_document(made, verdict))
    else:
        _show(made, verdict)
    return 0 if verdict is None or _own_levels_hold(verdict) else 1


def _default_name(groups: list[Group]) -> str:
    if len(groups) > 1:
        raise UsageError(f"name the file for {len(groups)} groups with `-o`, such as `-o results{_ENDING}`")
    return f"{groups[0].name}{_ENDING}"


def _checked(made: Made) -> Verdict:
    from mlebench.evidence.verify import VerifyOptions, verify_bundle

    return verify_bundle(made.path, VerifyOptions())


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
    print(f"whoever gets it checks it with {command('verify', made.path.name, *_trust(made))}")


def _trust(made: Made) -> list[str]:
    return ["--allowed-signers", "FILE"] if made.keyid and made.keyid.startswith("ssh:") else []


@contextlib.contextmanager
def _progress(arguments: argparse.Namespace) -> Iterator[Callable[[int, int], None]]:
    """A bar over bytes on standard error, where somebody watches."""
    from mlebench._support.terminal import make_console

    console = make_console(sys.stderr)
    if arguments.quiet or not console.is_terminal:
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    with Progress("bundling", BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console, transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
