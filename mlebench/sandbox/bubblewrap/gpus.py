"""Device files of the GPUs that a run has booked, and only of those."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

_KNOWN, _DEVICES = Path("/proc/driver/nvidia/gpus"), Path("/dev")
_SHARED = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")


def device_files(gpu_ids: Sequence[str], known: Path = _KNOWN, devices: Path = _DEVICES) -> list[Path]:
    """The device files of booked GPUs; none without GPUs.

    Args:
        gpu_ids: indices in the order of `nvidia-smi`, or UUIDs.
        known: where the driver describes each GPU, in a folder named by its bus address.
        devices: the folder of device files.

    Raises:
        KeyError: there is no such GPU.
    """
    if not gpu_ids:
        return []
    minors = _minors(known)
    own = [devices / f"nvidia{minors[gpu_id]}" for gpu_id in gpu_ids]
    return [*own, *(devices / name for name in _SHARED if (devices / name).exists())]


def _minors(known: Path) -> dict[str, str]:
    """The number of each GPU's device file, by index and UUID."""
    found: dict[str, str] = {}
    # in the order of `nvidia-smi`, by bus address
    for index, folder in enumerate(sorted(known.iterdir()) if known.is_dir() else []):
        with contextlib.suppress(OSError):
            text = (folder / "information").read_text(encoding="utf-8", errors="replace")
            said = dict(re.findall(r"^([^:\n]+):\s*(\S+)\s*$", text, re.MULTILINE))
            found[str(index)] = found[said.get("GPU UUID", "")] = said.get("Device Minor", str(index))
    return found
