"""OpenSSH keys for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_key(path: Path, kind: str = "ed25519", *words: str, passphrase: str = "") -> Path:
    """A private key; its public half lies beside it."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *words, "-N", passphrase, "-C", "test", "-f", str(path)], check=True)
    return path


def public(key: Path) -> str:
    """`KEYTYPE KEY` of its public half."""
    return " ".join(key.with_name(f"{key.name}.pub").read_text().split()[:2])
