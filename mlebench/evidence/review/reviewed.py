"""Run groups as a review reads them, from folders or bundles: links are not followed, and every read is bounded."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from grading.printable import printable
from mlebench._support.files import parse_own_json
from mlebench._support.ledger import ledger_lines
from mlebench._support.plain_files import open_plain, read_plain
from mlebench.errors import ContainerFault, MlebenchError, UsageError
from mlebench.evidence.contents import contents_of
from mlebench.evidence.names import AGENTS, GROUPS, name_of
from mlebench.evidence.opened import OpenedBundle, OpenedGroup, opened
from mlebench.evidence.review.said import Talk, talk_in
from mlebench.evidence.review.texts import LeftFile, Part, TextFile, bounded_text
from mlebench.gateway.transcript import FOLDER as TRANSCRIPTS
from mlebench.gateway.transcript import LARGEST as LARGEST_CALL
from mlebench.gateway.transcript import unpack_texts
from mlebench.registry import Competition, Registry
from mlebench.runs.competitions import load_competition
from mlebench.runs.group import Group, is_group
from mlebench.runs.group_report import SNAPSHOT_FILE
from mlebench.runs.ledgers import MOST_BYTES, ledger_path
from mlebench.runs.measures import FILE as MEASURES
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.runs.result import SUBMISSION

_MOST_FILES = 20_000
_LARGEST_REPORTS = 64 * 2**20
_BLOCK = 2**18
_RECORDS = ("run.json", "checker_calls.jsonl", "model_calls.jsonl", MEASURES, "snapshots", "attempts")
_PARTS: Mapping[str, Part] = {"code": "code", "logs": "logs", "run.log": "run.log", TRANSCRIPTS: "transcript"}


@dataclass(frozen=True)
class ReviewedRun:
    """One run with what it left."""

    group: Group
    record: RunRecord
    folder: Path
    competition: Competition | None
    """The competition in the run's edition and the given data directory; None if it is unknown here."""
    files: Sequence[LeftFile] = ()
    """The files that it left, by name, without records, submissions and earlier attempts."""
    snapshot_scores: Sequence[tuple[float, float | None]] = ()
    """Seconds since the start and score of each graded snapshot, in order of time."""
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """A cache of what readers derived from the run, under their own keys."""

    @property
    def run_id(self) -> str:
        """Its id within the group."""
        return self.record.run_id

    def texts(self, *parts: Part) -> Iterator[TextFile]:
        """The texts of some parts (of all if none is given), by name, without earlier attempts."""
        kept: dict[str, TextFile | None] = self.memo.setdefault("texts", {})
        if not parts or "transcript" in parts:
            yield from self._transcript()
        for file in self.files:
            if file.part != "transcript" and (not parts or file.part in parts):
                if file.name not in kept:
                    kept[file.name] = _read(file)
                if (text := kept[file.name]) is not None:
                    yield text

    @functools.cached_property
    def talks(self) -> Sequence[Talk]:
        """Requests and answers of the model calls, in order, as far as their texts were kept."""
        return list(_talks([file for file in self.files if file.part == "transcript"]))

    def ledger(self, name: str) -> Iterator[Mapping[str, Any]]:
        """The lines of `checker_calls` or `model_calls`."""
        with contextlib.suppress(OSError):
            yield from ledger_lines(ledger_path(self.folder, name), MOST_BYTES)

    @property
    def submission(self) -> Path | None:
        """The submission that was graded."""
        path = self.folder / SUBMISSION
        try:
            with open_plain(path, self.folder):
                return path
        except (OSError, ValueError):
            return None

    @property
    def has_own_answers(self) -> bool:
        """Whether the answers of its data are prepared here."""
        return (
            self.competition is not None
            and self.competition.edition.key_hash == self.group.plan.split_key_hash
            and self.competition.answers.is_file()
        )

    def is_first(self, competition_id: str | None = None) -> bool:
        """Whether it is the first run with a record, of the group or of its competition; it carries findings about the group."""
        planned = (run for run in self.group.plan.runs if competition_id in (None, run.competition_id))
        first = next((run for run in planned if (self.group.run_dir(run.run_id) / "run.json").exists()), None)
        return first is not None and first.run_id == self.run_id

    def alone(self) -> ReviewedRun:
        """The same run with an empty cache, which is discarded with the copy."""
        return replace(self, memo={})

    def _transcript(self) -> Iterator[TextFile]:
        for talk in self.talks:
            if talk.news:
                yield bounded_text(talk.name, "transcript", "\n".join(said.to_text() for said in talk.news))


@dataclass(frozen=True)
class ReviewedGroup:
    """A group with its runs."""

    group: Group
    runs: Sequence[ReviewedRun]
    agent_folder: Path | None
    """The agent's folder as it was recorded, if available."""
    agent_files: Sequence[LeftFile] = ()
    """Its files; a bundle has them, although it has no folder."""
    by_hash: Mapping[str, int] = field(default_factory=dict)
    """For a bundle, by reason: how many of the group's files and folders it includes only by hash."""

    def agent_texts(self) -> Iterator[TextFile]:
        """The texts of the agent's folder."""
        for file in self.agent_files:
            if (text := _read(file)) is not None:
                yield text


@contextlib.contextmanager
def reviewed_groups(
    source: Path, *, data_dir: Path | None = None, split_key: str | None = None
) -> Iterator[Sequence[ReviewedGroup]]:
    """The groups in a group's folder, a folder of groups or a bundle; unpacked files are removed at the end.

    Args:
        source: folder or bundle.
        data_dir: where competitions are prepared; by default where a group's plan says it, for a bundle the machine's own.
        split_key: the secret key that the data was split with, where there was one.

    Raises:
        UsageError: there is no group in the folder.
        BundleFault: the file is not a bundle, or contains no readable groups.
        OSError: something of the harness's own cannot be read.
    """
    if source.is_dir():
        yield [_of_folder(group, data_dir or group.plan.data_dir, split_key) for group in _groups_in(source)]
        return
    with opened(source) as bundle:
        yield [_of_bundle(bundle, group, data_dir or Registry().data_dir, split_key) for group in bundle.groups]


def _groups_in(folder: Path) -> list[Group]:
    if is_group(folder):
        return [Group.open(folder)]
    inner = [path for path in sorted(folder.iterdir()) if is_group(path)]
    # explains what is wrong with a folder without a group
    return [Group.open(path) for path in inner or [folder]]


def _of_folder(group: Group, data_dir: Path, split_key: str | None) -> ReviewedGroup:
    files: dict[str, list[LeftFile]] = {}
    for file in contents_of(group, with_agent=False).files:
        parts = file.name.split("/")
        if (part := _part(parts[3:])) is not None:
            blocks = functools.partial(_plain_blocks, file.path, file.within)
            files.setdefault(unquote(parts[2]), []).append(LeftFile(_shown(parts[2:]), part, file.size, blocks))
    return _group(group, group.records(), files, data_dir, split_key, _recorded_folder(group))


def _of_bundle(bundle: OpenedBundle, opened_group: OpenedGroup, data_dir: Path, split_key: str | None) -> ReviewedGroup:
    group, container = opened_group.group, bundle.container
    files: dict[str, list[LeftFile]] = {}
    agent: list[LeftFile] = []
    for name in container.names:
        parts = name.split("/")
        blocks = functools.partial(container.blocks, name)
        if parts[0] == AGENTS and parts[1] == name_of(opened_group.name):
            agent.append(LeftFile(_shown(["agent", *parts[2:]]), "agent", container.size(name), blocks))
        elif parts[0] == GROUPS and parts[1] == name_of(opened_group.name) and (part := _part(parts[3:])) is not None:
            files.setdefault(unquote(parts[2]), []).append(LeftFile(_shown(parts[2:]), part, container.size(name), blocks))
    records = list(opened_group.records.values())
    made = _group(group, records, files, data_dir, split_key, None)
    own = (name_of(GROUPS, opened_group.name), name_of(AGENTS, opened_group.name))
    by_hash = Counter(reason for name, reason in opened_group.left_out.items() if "/".join(name.split("/")[:2]) in own)
    return replace(made, agent_files=agent[:_MOST_FILES], by_hash=dict(sorted(by_hash.items())))


def _group(
    group: Group,
    records: Sequence[RunRecord],
    files: Mapping[str, list[LeftFile]],
    data_dir: Path,
    split_key: str | None,
    agent_folder: Path | None,
) -> ReviewedGroup:
    known = {name: _competition(group.plan, name, data_dir, split_key) for name in group.plan.competitions}
    scores = _snapshot_scores(group.folder)
    runs = [
        ReviewedRun(
            group,
            record,
            group.run_dir(record.run_id),
            known.get(record.competition_id),
            files.get(record.run_id, [])[:_MOST_FILES],
            scores.get(record.run_id, ()),
        )
        for record in records
    ]
    return ReviewedGroup(group, runs, agent_folder, [] if agent_folder is None else list(_agent_files(group, agent_folder)))


def _competition(plan: Plan, name: str, data_dir: Path, split_key: str | None) -> Competition | None:
    try:
        return load_competition(data_dir, plan.edition, split_key, name)
    except MlebenchError:
        return None


def _recorded_folder(group: Group) -> Path | None:
    """The agent's folder, if it is unchanged since the group was created."""
    agent, recorded = group.plan.agent, group.plan.agent_fingerprint
    try:
        is_same = agent.directory.is_dir() and (not recorded or agent.fingerprint() == recorded)
    except (OSError, UsageError):
        return None
    return agent.directory if is_same else None


def _agent_files(group: Group, folder: Path) -> Iterator[LeftFile]:
    for path in group.plan.agent.files()[:_MOST_FILES]:
        name = printable(f"agent/{path.relative_to(folder).as_posix()}", None)
        with contextlib.suppress(OSError):
            yield LeftFile(name, "agent", path.lstat().st_size, functools.partial(_plain_blocks, path, folder))


def _part(inner: Sequence[str]) -> Part | None:
    """Of a file by the parts of its name below the run's folder; None of records, submissions and earlier attempts."""
    if not inner or inner[0] in _RECORDS or "/".join(inner) == SUBMISSION.as_posix():
        return None
    return _PARTS.get(inner[0], "output")


def _shown(parts: Sequence[str]) -> str:
    return printable(unquote("/".join(parts)), None)


def _plain_blocks(path: Path, within: Path) -> Iterator[bytes]:
    with open_plain(path, within) as file:
        while block := file.read(_BLOCK):
            yield block


def _read(file: LeftFile) -> TextFile | None:
    """Its text; None also for a file that vanished, was replaced or is damaged."""
    try:
        return file.text()
    except (OSError, ValueError, ContainerFault):
        return None


def _talks(files: Sequence[LeftFile]) -> Iterator[Talk]:
    known: set[bytes] = set()
    for file in files:
        if file.size > LARGEST_CALL:
            continue
        try:
            texts = unpack_texts(b"".join(file.blocks()))
        except (OSError, ValueError, ContainerFault):
            continue
        yield talk_in(file.name, texts, known)


def _snapshot_scores(folder: Path) -> Mapping[str, Sequence[tuple[float, float | None]]]:
    found: dict[str, list[tuple[float, float | None]]] = {}
    try:
        entries = parse_own_json(read_plain(folder / SNAPSHOT_FILE, _LARGEST_REPORTS))["snapshots"]
        for entry in entries:
            score = entry["report"]["score"]
            is_number = isinstance(score, int | float) and not isinstance(score, bool)
            found.setdefault(str(entry["run_id"]), []).append((float(entry["seconds"]), float(score) if is_number else None))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {run_id: sorted(scores, key=lambda entry: entry[0]) for run_id, scores in found.items()}
