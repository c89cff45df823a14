"""How much later the first byte of a model's answer arrives through the gateway, and what many parallel streams cost.

    python -m benchmarks.gateway [--calls 300] [--streams 64] [--seconds 5]

A scripted provider on loopback is called directly and through the gateway in turn, over connections that are kept open, as
agents' libraries keep them. Then `--streams` streams run in parallel, each with an event every 20 ms, once directly and once
through the gateway, which then has one core. Provider, gateway and client are separate processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import psutil

from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread
from mlebench.gateway.access import ModelAccess
from mlebench.gateway.gateway import Gateway
from mlebench.gateway.models import Model, Prices
from mlebench.gateway.tokens import Tokens
from tests.gateway.provider import KEY, Answer, Provider

TOKEN = "mlebench-benchmark"
EVENT_SECONDS = 0.02
WARM_UP = 20


class Target(NamedTuple):
    """The endpoint that the client calls."""

    name: str
    url: str
    key: str
    model: str
    socket: str | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    benchmark(measure, parser, "gateway")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    words = int(options.seconds / EVENT_SECONDS)
    with (
        tempfile.TemporaryDirectory() as folder,
        started(provide, words) as (_, url),
        started(serve, Path(folder), url) as (gateway, address),
    ):
        direct = Target("direct", url, KEY, "the-model")
        through = Target("gateway", "http://localhost/v1", TOKEN, "a-model", address)
        yield from asyncio.run(compare(direct, through, options.calls, options.streams, psutil.Process(gateway)))


@contextmanager
def started(work: Callable[..., None], *arguments: Any) -> Iterator[tuple[int, str]]:
    """A server process; its id, and what it prints once it serves."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(theirs, *arguments), daemon=True)
    process.start()
    try:
        assert process.pid is not None
        yield process.pid, ours.recv()
    finally:
        ours.send(None)
        process.join(10)


def provide(pipe: Connection, words: int) -> None:
    """The provider: gives a short answer, and a long one to requests for many tokens."""
    with Provider() as provider:
        short = Answer(text="done", tokens=Tokens(input=100, output=7))
        long = Answer(events=events(words), between=EVENT_SECONDS)
        provider.answer = lambda received: long if received.content["max_tokens"] > 100 else short
        pipe.send(provider.base_url("chat"))
        pipe.recv()


def serve(pipe: Connection, folder: Path, url: str) -> None:
    """A gateway configured as for a run."""
    model = Model(
        name="a-model",
        served="the-model",
        provider="acme",
        dialects=("chat",),
        base_url=url,
        key="KEY",
        prices=Prices(input=1, output=2),
        most_output=1000,
    )
    access = ModelAccess({"a-model": model}, {"KEY": KEY})
    (folder / "run").mkdir()
    gateway = Gateway(access, folder / "s", folder / "run", TOKEN, (), lambda note: None, lambda: None)
    pipe.send(str(folder / "s"))
    pipe.recv()
    gateway.close()


def events(words: int) -> tuple[bytes, ...]:
    """The usage that a stream reports."""
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    said = [chunk | {"choices": [{"index": 0, "delta": {"content": f"word {n} "}, "finish_reason": None}]} for n in range(words)]
    usage = chunk | {"usage": {"prompt_tokens": 100, "completion_tokens": words, "total_tokens": 100 + words}}
    return (*(b"data: " + json.dumps(one).encode() + b"\n\n" for one in (*said, usage)), b"data: [DONE]\n\n")


@asynccontextmanager
async def client(target: Target) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps its connections open."""
    connector = aiohttp.UnixConnector(target.socket, limit=0) if target.socket else aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {target.key}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        yield session


async def compare(direct: Target, through: Target, calls: int, streams: int, process: psutil.Process) -> list[Figure]:
    """What was measured."""
    figures: list[Figure] = []
    async with client(direct) as one, client(through) as other:
        sessions = {direct: one, through: other}
        for is_streaming in (False, True):
            times: dict[Target, list[float]] = {direct: [], through: []}
            for number in range(calls + WARM_UP):
                for target, session in sessions.items():
                    seconds = await first_byte(session, target, is_streaming)
                    if number >= WARM_UP:
                        times[target].append(seconds * 1000)
            kind = "stream" if is_streaming else "plain"
            what = f"first byte of an answer ({kind}), {calls} calls"
            limit, ours = tails(times[direct]), tails(times[through])
            figures.append(Figure(what, ours, "ms", limit, "asked directly", peak=process.memory_info().rss))
        core = min(os.sched_getaffinity(0))
        for thread in process.threads():
            os.sched_setaffinity(thread.id, [core])
        walls = {}
        for target, session in sessions.items():
            memory, used, start = process.memory_info().rss, process.cpu_times(), time.perf_counter()
            sizes = await asyncio.gather(*(whole(session, target) for _ in range(streams)))
            wall, now = time.perf_counter() - start, process.cpu_times()
            cpu = now.user + now.system - used.user - used.system
            more = (process.memory_info().rss - memory) / 2**20
            assert len(set(sizes)) == 1, "answers differ"
            walls[target] = Spread.of([wall])
        took = (("Gateway", f"{cpu:.2f} s of processor time, {more:.1f} MiB more"),)
        what, peak = f"{streams} streams at once, the gateway on one core", process.memory_info().rss
        figures.append(Figure(what, walls[through], "s", walls[direct], "asked directly", peak=peak, extra=took))
    return figures


def tails(values: list[float]) -> Spread:
    """The median, the 5th and the 95th of a hundred."""
    low, *_, high = statistics.quantiles(values, n=20)
    return Spread(statistics.median(values), low, high)


def content(target: Target, tokens: int, is_streaming: bool) -> str:
    """A request as agents send it; it asks for usage, so that the gateway need not strip it."""
    message = {"role": "user", "content": "hello " * 200}
    usage = {"stream_options": {"include_usage": True}} if is_streaming else {}
    return json.dumps({"model": target.model, "messages": [message], "max_tokens": tokens, "stream": is_streaming} | usage)


async def first_byte(session: aiohttp.ClientSession, target: Target, is_streaming: bool) -> float:
    """Seconds from the request to the first byte of the answer's body."""
    start = time.perf_counter()
    async with session.post(f"{target.url}/chat/completions", data=content(target, 50, is_streaming)) as response:
        await response.content.readany()
        seconds = time.perf_counter() - start
        assert response.status == 200, await response.text()
        await response.read()
        return seconds


async def whole(session: aiohttp.ClientSession, target: Target) -> int:
    """The bytes of a long stream."""
    async with session.post(f"{target.url}/chat/completions", data=content(target, 1000, True)) as response:
        assert response.status == 200, await response.text()
        return len(await response.read())


if __name__ == "__main__":
    main()
