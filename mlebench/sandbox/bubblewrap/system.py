"""What an agent sees of the machine: programs and libraries, read-only, with the files they need, but no users' files."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_SETTINGS = (
    "alternatives", "bash.bashrc", "bash_completion.d", "ca-certificates", "ca-certificates.conf", "crypto-policies",
    "debian_version", "fonts", "gai.conf", "host.conf", "inputrc", "java-11-openjdk", "java-17-openjdk", "java-21-openjdk",
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld.so.preload", "locale.alias", "locale.conf", "localtime", "magic",
    "mime.types", "nsswitch.conf", "OpenCL", "os-release", "perl", "pki/ca-trust", "pki/tls/cert.pem", "pki/tls/certs",
    "profile", "profile.d", "protocols", "python3", "R", "redhat-release", "rpc", "services", "shells", "ssl/cert.pem",
    "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone", "vulkan", "xattr.conf",
)  # fmt: skip
"""Entries of `/etc` that programs read and that should not contain secrets."""
_HARNESS = ("mlebench", "grading")
_PASSWD = "\n".join(
    [
        "root:x:0:0:root:/root:/usr/sbin/nologin",
        "agent:x:1000:1000:agent:/home:/bin/sh",
        "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin",
        "",
    ]
)
_GROUP = "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n"
_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"


def files(resolver: str = "") -> dict[str, str]:
    """Files that replace the machine's own, by path.

    Args:
        resolver: address of the name server; empty for none.
    """
    return {
        "/etc/passwd": _PASSWD,
        "/etc/group": _GROUP,
        "/etc/hosts": _HOSTS,
        "/etc/hostname": "agent\n",
        "/etc/resolv.conf": f"nameserver {resolver}\n" if resolver else "",
    }


def shown() -> Iterator[str]:
    """Arguments that mount programs and libraries, each read-only at its own path."""
    for path in _programs():
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        else:
            yield from ("--ro-bind-try", str(path), str(path))
    for name in _SETTINGS:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    # the number of cores and the memory topology, which some libraries query before they start threads
    for name in ("cpu", "node"):
        yield from ("--ro-bind-try", f"/sys/devices/system/{name}", f"/sys/devices/system/{name}")


def shown_python(hidden: Iterable[Path]) -> Iterator[str]:
    """Arguments that mount Python, read-only at its own path, which may be within the replaced `/home` and `/tmp`.

    Args:
        hidden: folders to hide even if they are within what is shown.
    """
    roots = [path for path in _programs() if not path.is_symlink()]
    pythons = [path for path in _pythons() if not _is_within(path, roots)]
    for path in pythons:
        yield from ("--ro-bind", str(path), str(path))
    for path in sorted({*harness(), *hidden}):
        if _is_within(path, [*roots, *pythons]) and path.is_dir():
            # replaced by an empty folder
            yield from ("--perms", "0555", "--tmpfs", str(path), "--remount-ro", str(path))


def _programs() -> list[Path]:
    return [Path(path) for path in _PROGRAMS]


@functools.cache
def _pythons() -> tuple[Path, ...]:
    """Folders of the harness's Python: its environment and the installation behind it."""
    own = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent]
    # under both paths if a parent folder is a link
    found = {path for prefix in own for path in (prefix.absolute(), prefix.resolve())} - {Path("/")}
    return tuple(sorted(found, key=lambda path: len(path.parts)))


@functools.cache
def harness() -> tuple[Path, ...]:
    """Folders of this harness's own code and content, which agents must not see."""
    package = Path(__file__).resolve().parents[2]
    return tuple(package.parent / name for name in _HARNESS)


def _is_within(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
