"""Every secret of Kaggle's on this machine, so that none is published; `mlebench.kaggle.credentials` chooses the one to use."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

from mlebench._support.secrets import find_secrets


def key_file() -> Path | None:
    """The client's `kaggle.json`; None where there is none."""
    home = Path.home() / ".kaggle"
    places = [home]
    if folder := os.environ.get("KAGGLE_CONFIG_DIR"):
        places.insert(0, Path(folder))
    elif sys.platform.startswith("linux"):
        places.append(Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kaggle")
    return next((place / "kaggle.json" for place in places if (place / "kaggle.json").exists()), None)


def kept_credentials() -> dict[str, str]:
    """The secrets that the environment, `.env` and the client's files hold, by where they are; no network is used."""
    found = find_secrets(["KAGGLE_KEY", "KAGGLE_API_TOKEN"])
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if (file := key_file()) and (key := json.loads(file.read_text(encoding="utf-8")).get("key")):
            found[str(file)] = str(key)
    home = Path.home() / ".kaggle"
    with contextlib.suppress(OSError, ValueError):
        found["~/.kaggle/access_token"] = (home / "access_token").read_text(encoding="utf-8").strip()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        login = json.loads((home / "credentials.json").read_text(encoding="utf-8"))
        found |= {f"{name} in ~/.kaggle/credentials.json": str(value) for name, value in login.items() if name.endswith("token")}
    return {name: value for name, value in found.items() if value}
