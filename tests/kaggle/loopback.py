"""A Kaggle on this machine: the endpoints, JSON names and redirects that the `kaggle` client uses, and every way to fail."""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import io
import json
import threading
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import wait_until

USERNAME, KEY, TOKEN = "ada", "0123456789abcdef", "KGAT_fedcba9876543210"
FILES = "files"
"""The name under which downloads of files themselves fail; API methods fail under their own names."""

_SERVICES = ("/api/v1/competitions.CompetitionApiService/", "/api/v1/kernels.KernelsApiService/")
_PORTS = {80: "LOCALHOST", 7777: "TEST"}


@dataclass
class Fault:
    """How one request fails."""

    status: int | None = None
    retry_after: str | None = None
    break_after: int | None = None
    """Bytes of the body after which the connection is closed."""
    hang: bool = False
    """Say nothing (more) until the server stops; after `break_after` bytes if that is given."""
    web_page: bool = False
    """Answer with a page for people, status 200."""


@dataclass
class Kernel:
    """A notebook or script of somebody's."""

    ref: str
    source: str
    votes: int = 0
    kind: str = "notebook"
    language: str = "python"
    title: str = "A title"
    last_run: str = "2024-02-01T10:00:00.000Z"
    readable: bool = True


@dataclass
class Contest:
    """What this Kaggle has of one competition."""

    archive: bytes = b""
    entered: bool = True
    accepted: bool = True
    teams: int = 0
    board: list[dict[str, Any]] = field(default_factory=list)
    pages: list[dict[str, str]] = field(default_factory=list)
    kernels: list[Kernel] = field(default_factory=list)
    title: str = ""
    deadline: str | None = "2024-01-31T23:59:00Z"
    metric: str | None = None
    category: str = "Playground"
    tags: list[str] = field(default_factory=list)
    awards_points: bool = False
    is_code: bool = False

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.archive).hexdigest()}"'


@dataclass
class Seen:
    """A request that arrived."""

    method: str
    subject: str
    authorization: str | None
    range: str | None
    body: dict[str, Any]


class LoopbackKaggle:
    """The server; a context manager."""

    def __init__(self) -> None:
        self.contests: dict[str, Contest] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.seen: list[Seen] = []
        self.rows_per_page = 20
        self.bytes_per_second: float | None = None
        self.knows_ranges = True
        self.sent = 0
        self.stopping = threading.Event()
        self.environment: dict[str, str] = {}

    def __enter__(self) -> LoopbackKaggle:
        self._server, port = _listen(self)
        self.environment = {
            "KAGGLE_API_ENVIRONMENT": _PORTS[port],
            "KAGGLE_USERNAME": USERNAME,
            "KAGGLE_KEY": KEY,
            "NO_PROXY": "localhost",
            "no_proxy": "localhost",
        }
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, subject: str, *faults: Fault) -> None:
        """The next requests of `subject` (an API method or `FILES`) fail like this, one after the other."""
        self.faults[subject].extend(faults)

    def requests(self, subject: str) -> list[Seen]:
        """The requests of `subject` so far."""
        return [request for request in self.seen if request.subject == subject]


def _listen(kaggle: LoopbackKaggle) -> tuple[ThreadingHTTPServer, int]:
    """Listen on a port that the client knows: 80 where that is allowed, else the SDK's test port."""
    handler = type("Handler", (_Handler,), {"kaggle": kaggle})

    def listening() -> tuple[ThreadingHTTPServer, int] | None:
        for port in _PORTS:
            try:
                return _Server(("127.0.0.1", port), handler), port
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EADDRINUSE):
                    raise
        return None

    found = wait_until(listening, seconds=120, every=0.2, explain=lambda: f"none of the ports {list(_PORTS)} is free")
    assert found is not None
    return found


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients of these tests go away at any moment."""


class _Handler(BaseHTTPRequestHandler):
    kaggle: LoopbackKaggle
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
        method = self.path.rpartition("/")[2]
        fault = self._note("POST", method, body)
        if not self.path.startswith(_SERVICES) or not hasattr(self, method):
            return self._json({"code": 404, "message": "no such method"}, 404)
        if fault:
            return self._fail(fault)
        if not self._is_signed_in():
            return self._json({"code": 401, "message": "Unauthenticated"}, 401)
        getattr(self, method)(body)
        return None

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].rpartition("/")[2].removesuffix(".zip")
        fault = self._note("GET", FILES, {})
        if fault and fault.break_after is None:
            return self._fail(fault)
        self._file(self.kaggle.contests[name], fault)
        return None

    def ListCompetitions(self, body: dict[str, Any]) -> None:
        contests = {
            name: contest
            for name, contest in self.kaggle.contests.items()
            if (contest.entered or body.get("group") != "COMPETITION_LIST_TAB_ENTERED") and body.get("search", "") in name
        }
        names = list(contests)
        if body.get("sortBy") == "COMPETITION_SORT_BY_LATEST_DEADLINE":
            names.sort(key=lambda name: contests[name].deadline or "", reverse=True)
        page, token = self._page(names, body)
        self._json({"competitions": [_entry(name, contests[name]) for name in page], "nextPageToken": token})

    def GetCompetition(self, body: dict[str, Any]) -> None:
        if contest := self._contest(body):
            self._json(_entry(body["competitionName"], contest))

    def GetLeaderboard(self, body: dict[str, Any]) -> None:
        if contest := self._contest(body):
            rows, token = self._page(contest.board, body)
            self._json({"submissions": rows, "nextPageToken": token})

    def DownloadLeaderboard(self, body: dict[str, Any]) -> None:
        if contest := self._contest(body):
            # the public board, as on Kaggle
            table = "\n".join(["TeamId,TeamName,Score", *(f"{row['teamId']},x,0" for row in contest.board)])
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                archive.writestr("publicleaderboard.csv", table)
            self._bytes(packed.getvalue(), "application/zip")

    def ListCompetitionPages(self, body: dict[str, Any]) -> None:
        if contest := self._contest(body):
            self._json({"pages": contest.pages})

    def ListKernels(self, body: dict[str, Any]) -> None:
        contest = self.kaggle.contests.get(body.get("competition", ""))
        if contest is None:
            return self._json({"code": 404, "message": "Not found"}, 404)
        # other orders are as in the list, as their figures are nowhere told
        by_votes = body.get("sortBy") == "VOTE_COUNT"
        found = sorted(contest.kernels, key=lambda kernel: -kernel.votes) if by_votes else contest.kernels
        page, token = self._page([_listing(kernel) for kernel in found], body)
        return self._json({"kernels": page, "nextPageToken": token})

    def GetKernel(self, body: dict[str, Any]) -> None:
        ref = f"{body['userName']}/{body['kernelSlug']}"
        kernel = next(
            (kernel for contest in self.kaggle.contests.values() for kernel in contest.kernels if kernel.ref == ref), None
        )
        if kernel is None or not kernel.readable:
            return self._json({"code": 403, "message": "Permission 'kernels.get' was denied"}, 403)
        blob = {"source": kernel.source, "language": kernel.language, "kernelType": kernel.kind, "slug": body["kernelSlug"]}
        return self._json({"metadata": _listing(kernel), "blob": blob})

    def ListDataFiles(self, body: dict[str, Any]) -> None:
        contest = self._contest(body)
        if contest and not contest.archive:
            self._json({"files": []})
        elif contest:
            with zipfile.ZipFile(io.BytesIO(contest.archive)) as archive:
                files = [{"name": member.filename, "totalBytes": member.file_size} for member in archive.infolist()]
            page, token = self._page(files, body)
            self._json({"files": page, "nextPageToken": token})

    def DownloadDataFiles(self, body: dict[str, Any]) -> None:
        contest = self._contest(body)
        if contest is None:
            return
        if not contest.accepted:
            self._json(
                {"code": 403, "message": "You must accept this competition's rules before you'll be able to download files."}, 403
            )
            return
        self.send_response(302)
        self.send_header("Location", f"/storage/{body['competitionName']}.zip?signature=abc")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _contest(self, body: dict[str, Any]) -> Contest | None:
        contest = self.kaggle.contests.get(body.get("competitionName", ""))
        if contest is None:
            self._json({"code": 404, "message": "Not found"}, 404)
        return contest

    def _page(self, entries: list[Any], body: dict[str, Any]) -> tuple[list[Any], str]:
        start = int(body.get("pageToken") or 0)
        end = start + min(self.kaggle.rows_per_page, body.get("pageSize") or 20)
        return entries[start:end], str(end) if end < len(entries) else ""

    def _file(self, contest: Contest, fault: Fault | None) -> None:
        content, start = contest.archive, 0
        asked = self.headers.get("Range") if self.kaggle.knows_ranges else None
        if asked and self.headers.get("If-Range", contest.etag) == contest.etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(content) > 0:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Type", "application/zip")
        self.send_header("Content-Length", str(len(content) - start))
        if self.kaggle.knows_ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", contest.etag)
        self.send_header("Last-Modified", "Wed, 01 May 2024 00:00:00 GMT")
        self.end_headers()
        self._send(content[start:], fault)

    def _send(self, content: bytes, fault: Fault | None) -> None:
        end = len(content) if fault is None or fault.break_after is None else min(fault.break_after, len(content))
        step = 1 << 16 if self.kaggle.bytes_per_second is None else max(1, int(self.kaggle.bytes_per_second / 50))
        for place in range(0, end, step):
            part = content[place : min(place + step, end)]
            self.wfile.write(part)
            self.kaggle.sent += len(part)
            if self.kaggle.bytes_per_second:
                self.kaggle.stopping.wait(len(part) / self.kaggle.bytes_per_second)
        if fault and fault.hang:
            self.kaggle.stopping.wait()
        if end < len(content):
            self.close_connection = True

    def _note(self, method: str, subject: str, body: dict[str, Any]) -> Fault | None:
        self.kaggle.seen.append(Seen(method, subject, self.headers.get("Authorization"), self.headers.get("Range"), body))
        waiting = self.kaggle.faults[subject]
        return waiting.pop(0) if waiting else None

    def _fail(self, fault: Fault) -> None:
        if fault.hang:
            self.kaggle.stopping.wait()
            self.close_connection = True
        elif fault.web_page:
            self._bytes(b"<html>back soon</html>", "text/html; charset=utf-8")
        elif fault.status:
            self._json({"code": fault.status, "message": f"fault {fault.status}"}, fault.status, fault.retry_after)
        else:
            self.close_connection = True

    def _is_signed_in(self) -> bool:
        basic = base64.b64encode(f"{USERNAME}:{KEY}".encode()).decode()
        return self.headers.get("Authorization") in (f"Basic {basic}", f"Bearer {TOKEN}")

    def _json(self, content: Any, status: int = 200, retry_after: str | None = None) -> None:
        self._bytes(json.dumps(content).encode(), "application/json", status, retry_after)

    def _bytes(self, content: bytes, kind: str, status: int = 200, retry_after: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(content)


def _entry(name: str, contest: Contest) -> dict[str, Any]:
    return {
        "id": 1,
        "ref": f"https://www.kaggle.com/competitions/{name}",
        "title": contest.title or name,
        "url": f"https://www.kaggle.com/competitions/{name}",
        "category": contest.category,
        "organizationName": "Somebody",
        "reward": "Knowledge",
        "tags": [{"name": tag, "ref": tag.replace(" ", "-")} for tag in contest.tags],
        "deadline": contest.deadline,
        "teamCount": contest.teams,
        "userHasEntered": contest.entered,
        "evaluationMetric": contest.metric,
        "awardsPoints": contest.awards_points,
        "isKernelsSubmissionsOnly": contest.is_code,
        "licenseName": "Subject to Competition Rules",
    }


def _listing(kernel: Kernel) -> dict[str, Any]:
    return {
        "id": 7,
        "ref": kernel.ref,
        "title": kernel.title,
        "author": "Somebody",
        "slug": kernel.ref.rpartition("/")[2],
        "lastRunTime": kernel.last_run,
        "language": kernel.language,
        "kernelType": kernel.kind,
        "isPrivate": False,
        "totalVotes": kernel.votes,
    }


def board(scores: list[float | str]) -> list[dict[str, Any]]:
    """Leaderboard rows, one team per score."""
    return [
        {"teamId": 1000 + place, "teamName": f"team {place}", "submissionDate": "2024-01-31T12:00:00.000Z", "score": str(score)}
        for place, score in enumerate(scores)
    ]


def zipped(folder: Any) -> bytes:
    """A zip of all files below a folder."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(folder):
            archive.write(path, path.relative_to(folder).as_posix())
    return packed.getvalue()


def _files(folder: Any) -> Iterator[Any]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file())
