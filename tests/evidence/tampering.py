"""What somebody can do to a bundle: its contents taken apart in memory, changed, and put together again.

    contents = Contents.read(bundle)
    with contents.record("demo-wine_seed0") as record:
        record["report"]["score"] = 0.01
    contents.write(path)                      # as it was stated, so that a changed file shows
    contents.restated().write(path)           # stated anew to fit, by nobody: what is unsigned may say anything

What is written here is a bundle of the one canonical form; damage to the form itself is in `forms`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml

from mlebench._support.ledger import canonical, hash_of
from mlebench.evidence.container import ContainerWriter
from mlebench.evidence.statement import PAYLOAD_TYPE, STATEMENT_FILE
from mlebench.runs.plan import Plan

GROUP = "group"
Line = dict[str, Any]


@dataclass
class Contents:
    """All that a bundle of one group holds."""

    files: dict[str, bytes]
    """By name; without the statement."""
    statement: dict[str, Any]
    """The payload of the envelope."""
    signatures: list[dict[str, str]] = field(default_factory=list)
    payload: bytes | None = None
    """The statement as it was signed; None where it has been changed since."""

    @classmethod
    def read(cls, path: Path) -> Contents:
        with zipfile.ZipFile(path) as archive:
            files = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        envelope = json.loads(files.pop(STATEMENT_FILE))
        payload = base64.b64decode(envelope["payload"])
        return cls(files, json.loads(payload), envelope["signatures"], payload)

    def copied(self) -> Contents:
        """A copy to be changed."""
        return Contents(dict(self.files), deepcopy(self.statement), deepcopy(self.signatures), self.payload)

    def restated(self) -> Contents:
        """The same files with a statement that names them as they are, which nobody signed."""
        statement = deepcopy(self.statement)
        statement["subject"] = [
            {"name": name, "digest": {"sha256": sha256(content)}, "annotations": {"size": len(content)}}
            for name, content in sorted(self.files.items())
        ]
        statement["predicate"]["left_out"].sort(key=lambda entry: entry["name"])
        return Contents(dict(self.files), statement)

    @property
    def envelope(self) -> bytes:
        """The bytes of the statement's file."""
        payload = canonical(self.statement) if self.payload is None else self.payload
        return canonical(
            {"payloadType": PAYLOAD_TYPE, "payload": base64.b64encode(payload).decode(), "signatures": self.signatures}
        )

    def write(self, path: Path) -> Path:
        path.write_bytes(self.bytes())
        return path

    def bytes(self) -> bytes:
        file = BytesIO()
        writer = ContainerWriter(file)
        for name, content in [*sorted(self.files.items()), (STATEMENT_FILE, self.envelope)]:
            writer.add(name, [content], len(content))
        writer.close()
        return file.getvalue()

    # names

    def name(self, *parts: str) -> str:
        """Of a file of the group."""
        return "/".join(("groups", GROUP, *parts))

    def agent_name(self, *parts: str) -> str:
        """Of a file of the agent."""
        return "/".join(("agents", GROUP, *parts))

    def below(self, *parts: str) -> list[str]:
        """Names of the files in a folder of the group."""
        return [name for name in self.files if name.startswith(self.name(*parts) + "/")]

    # files, each parsed, changed by the caller and written back

    @contextmanager
    def record(self, run: str) -> Iterator[dict[str, Any]]:
        """A run's record."""
        with self._json(self.name(run, "run.json")) as content:
            yield content

    @contextmanager
    def graded(self, run: str) -> Iterator[dict[str, Any]]:
        """A run's report in `grading_report.json`."""
        with self.report() as content:
            yield next(report for report in content["competition_reports"] if report["run_id"] == run)

    @contextmanager
    def report(self) -> Iterator[dict[str, Any]]:
        """The grading report."""
        with self._json(self.name("grading_report.json")) as content:
            yield content

    @contextmanager
    def group(self) -> Iterator[dict[str, Any]]:
        """`group.yaml`."""
        name = self.name("group.yaml")
        content = yaml.safe_load(self.files[name])
        yield content
        self.files[name] = yaml.safe_dump(content, sort_keys=False).encode()

    @contextmanager
    def plan(self) -> Iterator[dict[str, Any]]:
        """The plan, and every record says the new plan's hash afterwards."""
        with self.group() as content:
            yield content["plan"]
        for run in self.runs():
            with self.record(run) as record:
                record["plan_sha256"] = Plan.from_dict(content["plan"]).sha256

    def runs(self) -> list[str]:
        """Names of the runs' folders."""
        prefix = self.name() + "/"
        found = {name.removeprefix(prefix).split("/")[0] for name in self.files if name.startswith(prefix)}
        return sorted(run for run in found if self.name(run, "run.json") in self.files)

    @contextmanager
    def _json(self, name: str) -> Iterator[dict[str, Any]]:
        content = json.loads(self.files[name])
        yield content
        self.files[name] = json.dumps(content, indent=2).encode() + b"\n"

    # ledgers

    def lines(self, *parts: str) -> list[Line]:
        """The lines of a ledger of the group."""
        return [json.loads(line) for line in self.files[self.name(*parts)].splitlines()]

    def put_lines(self, lines: Iterable[Line], *parts: str) -> None:
        """Write a ledger's lines as they are."""
        self.files[self.name(*parts)] = b"".join(canonical(line) + b"\n" for line in lines)

    def put_chain(self, lines: Iterable[Line], *parts: str) -> None:
        """Write a ledger's lines as an unbroken chain, and let the record say its end."""
        made = chained(lines)
        self.put_lines(made, *parts)
        self.put_end({"lines": len(made), "head": made[-1]["hash"] if made else None}, *parts)

    def put_end(self, end: dict[str, Any], *parts: str) -> None:
        """Let the record say where a ledger ends."""
        run, *attempt, file = parts
        with self.record(run) as record:
            holder = record if not attempt else record["attempts"][int(attempt[1]) - 1]
            holder["ledgers"][file.removesuffix(".jsonl")] = end

    # transcripts

    @contextmanager
    def transcript(self, *parts: str) -> Iterator[dict[str, Any]]:
        """One call's texts."""
        name = self.name(*parts)
        content = json.loads(gzip.decompress(self.files[name]))
        yield content
        self.files[name] = gzip.compress(json.dumps(content).encode(), mtime=0)


def chained(lines: Iterable[Line]) -> list[Line]:
    """The same lines, numbered and hashed anew."""
    made: list[Line] = []
    for line in lines:
        line = {**line, "n": len(made) + 1, "previous": made[-1]["hash"] if made else None}
        made.append({**line, "hash": hash_of(line)})
    return made


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Tampering:
    """One kind of it."""

    change: Callable[[Contents], None]
    level: str
    """The level that fails where the statement was made to fit."""
    files: tuple[str, ...]
    """Ends of names, any of which a finding of that level names."""
    line: int | None = None
    """Of the file, where it is known."""
    regrade: bool = False
    """Whether only grading again shows it."""

    @property
    def name(self) -> str:
        return self.change.__name__


class Kinds(list[Tampering]):
    """A list of kinds; a decorator adds to it."""

    def fails(self, level: str, *files: str, **more: Any) -> Callable[[Callable[[Contents], None]], Callable[[Contents], None]]:
        """Add the decorated change, which `level` notices in any of `files`."""

        def add(change: Callable[[Contents], None]) -> Callable[[Contents], None]:
            self.append(Tampering(change, level, files, **more))
            return change

        return add
