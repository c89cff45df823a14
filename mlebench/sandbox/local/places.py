"""The locations of a local attempt's parts, the same for every harness that waits for it."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from pathlib import Path

from mlebench._support.folders import remove_tree
from mlebench._support.paths import make_private, socket_dir
from mlebench._support.plain_files import read_plain
from mlebench.sandbox.base import OUTPUT_FOLDERS, RunRequest
from mlebench.sandbox.checker import UPLOADS
from mlebench.sandbox.local import mounts, processes
from mlebench.sandbox.local.leader import ENDING

STATE = ".local"
"""Folder within the run's folder in which the leader records the agent's end."""
_IMAGE, _LONGEST_DIGEST = "image", 100
_LONGEST_FAULT = 8_000


class Places:
    """The folders and sockets of an attempt."""

    def __init__(self, request: RunRequest, *, is_private: bool) -> None:
        """Args:
        request: the run.
        is_private: whether the agent sees the folders at other paths, and its sockets in a separate folder.
        """
        self.is_private = is_private
        self.mark = processes.mark_of(request.run_dir, request.attempt)
        self.run_dir = request.run_dir
        self.state = request.run_dir / STATE
        name = hashlib.sha256(self.mark.encode()).hexdigest()
        self.name = name[:20]
        """A unique name that reveals nothing."""
        # the kernel shows an agent the source of its mounts, and a run's folder contains the competition's name
        self.outputs = request.run_dir.parent / f".{name[:20]}" if is_private and request.obfuscated else request.run_dir
        self.home = self.outputs / "home"
        beside = self.outputs if self.is_elsewhere else self.state
        self.scratch = beside / "tmp"
        """Mounted as `/tmp` by private walls."""
        self.fault = self.state / "fault.txt"
        """Why walls ended before the agent started; private walls alone hide it from the agent."""
        self.description = (beside if is_private else self.home / "data") / "description.md"
        self._own = socket_dir() / name[:16] if is_private else None
        if self._own is None:
            shared = socket_dir()
            self.checker, self.models = shared / f"{name[:20]}.sock", shared / f"{name[:20]}.models.sock"
            self.uploads = shared / f"{name[:20]}{UPLOADS}"
        else:
            # the folder of these two is shown to the agent, and nothing next to it
            self.checker, self.models = self._own / "s" / "checker.sock", self._own / "s" / "models.sock"
            self.uploads = self._own / "uploads"

    @property
    def is_elsewhere(self) -> bool:
        """Whether the agent works in a folder outside the run's until it has ended."""
        return self.outputs != self.run_dir

    @property
    def written(self) -> list[Path]:
        """The folders that the agent writes."""
        return [self.outputs / name for name in OUTPUT_FOLDERS] + [self.home, self.scratch]

    def keep_image(self, digest: str | None) -> None:
        """Record which image the agent runs in, for the harness that records its end.

        Raises:
            OSError: it cannot be written.
        """
        if digest is not None:
            (self.state / _IMAGE).write_text(digest, encoding="ascii")

    def image(self) -> dict[str, str]:
        """The image entry of a run's resources; empty for walls without images."""
        with contextlib.suppress(OSError):
            digest = read_plain(self.state / _IMAGE, _LONGEST_DIGEST).decode("ascii", "replace")
            if re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
                return {"image_digest": digest}
        return {}

    def why_not_started(self) -> str | None:
        """Why private walls ended before the agent started; None if they did not."""
        if not self.is_private:
            return None
        try:
            return read_plain(self.fault, _LONGEST_FAULT).decode(errors="replace")
        except OSError:
            return None

    def make_sockets(self) -> None:
        """Create the folders of the sockets.

        Raises:
            UsageError: their parent folder does not belong to this user.
            OSError: one cannot be created.
        """
        make_private(socket_dir())
        if self._own is not None:
            self.checker.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def remove_sockets(self) -> None:
        """Remove what `make_sockets` created for this attempt."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def bring_outputs(self) -> None:
        """Move the folders of an ended agent into the run's folder.

        Raises:
            OSError: the disk is full, or one of them cannot be moved.
        """
        if not self.is_elsewhere:
            return
        for name in (*OUTPUT_FOLDERS, "home"):
            if (self.outputs / name).is_dir():
                remove_tree(self.run_dir / name)
                # the agent may have removed its own access, but it cannot have replaced the folder
                (self.outputs / name).chmod(0o700)
                (self.outputs / name).rename(self.run_dir / name)

    def clear(self, *, keep: bool) -> None:
        """Remove what only a running agent needs; with `keep`, its home stays."""
        with contextlib.suppress(OSError):
            if not keep and not mounts.below(self.run_dir / "home"):
                remove_tree(self.run_dir / "home")
        with contextlib.suppress(OSError):
            # first, as its absence shows another harness that the end is recorded, whatever else remains
            remove_tree(self.state / ENDING)
            remove_tree(self.state)
            if self.is_elsewhere:
                remove_tree(self.outputs)
