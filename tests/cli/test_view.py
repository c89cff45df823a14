"""`mlebench view`: where it says the pages are, what it refuses in one sentence, and that it ends quietly."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from mlebench.cli.main import main
from mlebench.reports.view import serving
from tests.ports import free_ports
from tests.reports.view.builders import write_group
from tests.waiting import wait_until

WORDS = [sys.executable, "-m", "mlebench", "view"]


@contextlib.contextmanager
def viewing(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and the one line that it prints."""
    with (folder / "errors").open("w") as errors:
        process = subprocess.Popen([*WORDS, *options], stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait(60)
        process.stdout.close()


def errors_of(folder: Path) -> str:
    return (folder / "errors").read_text()


def fetch(address: str, **headers: str) -> str:
    with urlopen(Request(address, headers=headers), timeout=60) as answer:
        return str(answer.read().decode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_group(tmp_path / "runs", "one", ["gold"])
    return tmp_path


def test_it_says_where_the_pages_are_and_how_to_reach_them_from_elsewhere(folder: Path) -> None:
    with viewing(folder, "--port", "0") as (_, address):
        port = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/[A-Za-z0-9_-]{32}/", address)
        assert port is not None
        assert f"{folder}/runs" in fetch(address)
        wait_until(lambda: f"`ssh -L {port[1]}:127.0.0.1:{port[1]} {socket.gethostname()}`" in errors_of(folder))


def test_the_folder_of_a_group_begins_with_its_page(folder: Path) -> None:
    write_group(folder / "runs", "two", ["gold"])
    with viewing(folder, "runs/../runs/one", "--port", "0", "--quiet") as (_, address):
        assert re.search("/g/one$", address)
        fetch(address)
        with pytest.raises(HTTPError, match="404"):
            fetch(address.replace("/one", "/two"))
    assert errors_of(folder) == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_quietly(folder: Path, number: signal.Signals) -> None:
    with viewing(folder, "--port", "0", "-q") as (process, address):
        with socket.create_connection(("127.0.0.1", int(address.split(":")[2].split("/")[0]))):
            process.send_signal(number)
            assert process.wait(60) == 0
        assert process.stdout is not None and process.stdout.read() == ""
    assert errors_of(folder) == ""


def test_options_say_how_it_is_served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[Path, serving.Settings]] = []
    monkeypatch.setattr(serving, "serve", lambda folder, settings, announce: asked.append((folder, settings)))
    monkeypatch.setenv("MLEBENCH_RUNS_DIR", str(tmp_path))

    assert main(["view"]) == 0
    assert (
        main(["view", str(tmp_path / "x"), "--allow-control", "--port", "7", "--trusted-host", "a", "--trusted-host", "b:8"]) == 0
    )

    assert asked == [
        (tmp_path, serving.Settings()),
        (tmp_path / "x", serving.Settings(port=7, trusted_hosts=("a", "b:8"), allows_control=True)),
    ]
    assert not serving.Settings().allows_control


def test_a_port_that_is_taken_is_left_for_the_next(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["view", str(folder / "runs"), "--port", str(port)]) == 2
    assert f"port {port} of 127.0.0.1 is in use; omit `--port` to use a free one" in capsys.readouterr().err

    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            held.enter_context(socket.create_server(("127.0.0.1", 8765)))
        with viewing(folder) as (_, address):
            assert not address.startswith("http://127.0.0.1:8765/")
            fetch(address)


def test_a_folder_without_groups_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with viewing(tmp_path, "--port", "0") as (_, address):
        assert str(tmp_path) in fetch(address)


def test_beyond_loopback_a_password_is_asked_for(folder: Path) -> None:
    word = folder / "password"
    word.write_text("correct horse battery\n")
    word.chmod(0o600)
    options = ("--bind", "0.0.0.0", "--password-file", str(word), "--trusted-host", "view.example")
    with viewing(folder, "--port", "0", *options) as (_, address):
        port, path = re.fullmatch(r"http://[^/:]+:(\d+)(/.*)", address).groups()  # type: ignore[union-attr]
        here = f"http://127.0.0.1:{port}{path}"
        with pytest.raises(HTTPError, match="401"):
            fetch(here)
        known = {"Authorization": "Basic OmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ=="}
        for name in (f"127.0.0.1:{port}", f"10.9.8.7:{port}", "view.example", f"{socket.gethostname()}:{port}"):
            assert "Runs" in fetch(here, Host=name, **known)
        with pytest.raises(HTTPError, match="421"):
            fetch(here, Host=f"evil.example:{port}", **known)
        wait_until(lambda: "not encrypted" in errors_of(folder))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere does not exist; pass the folder of your run groups, or create a group with `mlebench run "),
        (["file"], "cannot read .*file: Not a directory"),
        (
            ["runs", "--bind", "0.0.0.0"],
            "0.0.0.0 is open to others; add `--password-file FILE`, or omit `--bind` and use `ssh -L`",
        ),
        (["runs", "--bind", "no such name"], "`--bind no such name` is not an address of this machine; `hostname -I` lists them"),
        (["runs", "--bind", "192.0.2.1", "--password-file", "password"], "`--bind 192.0.2.1` cannot be opened .*`hostname -I`"),
        (["runs", "--port", "99999"], "port 99999 does not exist"),
        (["runs", "--port", "-1"], "expected a whole number|expected one argument"),
        (["runs", "--trusted-host", "http://x/"], "`--trusted-host http://x/` is not a host"),
        (["runs", "--trusted-host", "x:99999999"], "is not a host"),
        (["runs", "--password-file", "nowhere"], "nowhere does not exist; .* writes a new one"),
        (["runs", "--password-file", "file"], "file is readable by others; restrict it with `chmod 600 file`"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(folder)
    for name, mode in (("password", 0o600), ("file", 0o644)):
        (folder / name).write_text("correct horse battery\n")
        (folder / name).chmod(mode)

    assert main(["view", *words]) == 2

    told = capsys.readouterr()
    assert told.out == "" and re.search(said, told.err) and told.err.count("\n") == 1


def test_a_port_of_root_is_refused_to_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert main(["view", str(folder / "runs"), "--port", "80"]) == 2
    assert "port 80 is reserved for root; choose one from 1024 up" in capsys.readouterr().err


def test_two_servers_have_ports_of_their_own(folder: Path) -> None:
    (port,) = free_ports(1)
    with viewing(folder, "--port", str(port)) as (_, one), viewing(folder) as (_, other):
        assert f":{port}/" in one and one.split("/")[2:4] != other.split("/")[2:4]
