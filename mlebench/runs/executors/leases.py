"""Leases on GPUs between the harnesses of one machine: locks that the operating system gives back with their holder."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO


class GpuLeases:
    """The GPUs that this process holds. Every user of the machine shares the folder of locks."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / "mlebench-gpus"
        self._held: dict[str, IO[bytes]] = {}

    def acquire(self, gpu: str) -> bool:
        """Take a GPU; False when another harness holds it. Where no lock can be made, the GPU counts as free."""
        if gpu in self._held:
            return True
        try:
            file = self._open(gpu)
        except OSError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._held[gpu] = file
        return True

    def release(self, *gpus: str) -> None:
        """Give GPUs back; one that is not held is no error."""
        for gpu in gpus:
            if file := self._held.pop(gpu, None):
                file.close()

    def close(self) -> None:
        """Give all back."""
        self.release(*list(self._held))

    def _open(self, gpu: str) -> IO[bytes]:
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.chmod(0o1777)
        path = self._folder / f"{gpu.replace('/', '_')}.lock"
        # another user's lock may be read-only, which is enough to lock it; a link there is not followed
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        return os.fdopen(descriptor, "rb")
