"""A headless Chromium, driven over its DevTools protocol, for tests of pages.

Debian's package `chromium` has it. Where it is missing such tests are skipped, or fail with MLEBENCH_REQUIRE_CHROMIUM=1.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.waiting import wait_until

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
_START_SECONDS, _STOP_SECONDS = 60, 60


def find_chromium() -> str:
    """The program; skips the test where there is none."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None and os.environ.get("MLEBENCH_REQUIRE_CHROMIUM") == "1":
        pytest.fail("Chromium is missing; `apt-get install chromium` installs it")
    if found is None:
        pytest.skip("Chromium is not installed")
    return found


class Page:
    """One tab. Network is off from the start unless asked for; console errors, exceptions and requests are noted."""

    def __init__(self, address: str, *, offline: bool = True) -> None:
        import websocket

        self._socket = websocket.create_connection(address, timeout=60)
        self._number = 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.go_offline(offline)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        answer = self._answer(method, params)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _answer(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = self._receive()
            if message.get("id") == self._number:
                return message

    def go_offline(self, offline: bool) -> None:
        """Take the network away, or give it back."""
        self.call("Network.emulateNetworkConditions", offline=offline, latency=0, downloadThroughput=-1, uploadThroughput=-1)

    def open(self, path: Path) -> None:
        """Load a local file."""
        self.visit(path.as_uri())

    def visit(self, address: str) -> None:
        """Load an address."""
        # the page before, which may have the same address, may still be there for a while
        self.run("window.isLeft = true")
        frame = self.call("Page.navigate", url=address)
        assert "errorText" not in frame, frame
        # there is none for a place on the same page
        if "loaderId" in frame:
            self.wait_for("window.isLeft === undefined && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        return _value(self.call("Runtime.evaluate", **_evaluation(script)))

    def wait_for(self, script: str) -> Any:
        """The value of a JavaScript expression once it is true, on whichever page is shown by then."""

        def value() -> Any:
            answer = self._answer("Runtime.evaluate", _evaluation(script))
            # no page answers while one gives way to another
            return None if "error" in answer else _value(answer["result"])

        return wait_until(value, every=0.05, explain=lambda: script)

    def resize(self, width: int, height: int) -> None:
        """Set the size of the window, in CSS pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def prefer(self, scheme: str) -> None:
        """Prefer `light` or `dark`."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path: Path) -> None:
        """Save the whole page as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def pdf(self) -> bytes:
        """The page as it prints."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)["data"])

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv())
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(params["exceptionDetails"]["text"])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.errors.append(str(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.errors.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
        return message

    def close(self) -> None:
        """Leave the tab."""
        self._socket.close()


@contextlib.contextmanager
def open_browser(profile: Path, *, offline: bool = True) -> Iterator[Page]:
    """A browser with one empty tab and a profile of its own."""
    process = subprocess.Popen(
        [find_chromium(), *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        page = Page(_address_of_tab(profile, process), offline=offline)
        yield page
        page.close()
    finally:
        process.terminate()
        process.wait(timeout=_STOP_SECONDS)


def _address_of_tab(profile: Path, process: subprocess.Popen[bytes]) -> str:
    def address() -> str | None:
        assert process.poll() is None, f"Chromium ended with exit code {process.poll()}"
        with contextlib.suppress(OSError, ValueError, IndexError, StopIteration):
            port = (profile / "DevToolsActivePort").read_text().splitlines()[0]
            with urlopen(f"http://127.0.0.1:{port}/json") as answer:
                return str(next(tab for tab in json.load(answer) if tab["type"] == "page")["webSocketDebuggerUrl"])
        return None

    return str(wait_until(address, seconds=_START_SECONDS, every=0.1))


def _evaluation(script: str) -> dict[str, Any]:
    return {"expression": script, "returnByValue": True, "awaitPromise": True}


def _value(result: dict[str, Any]) -> Any:
    assert "exceptionDetails" not in result, result["exceptionDetails"]
    return result["result"].get("value")
