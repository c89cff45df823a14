"""What an agent sees of the machine: programs and libraries, read-only, with the files that they need; nothing of its users."""

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
"""Of `/etc`, what programs read that no user should keep a secret in."""
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
    """Files that stand in place of the machine's own, by path.

    Args:
        resolver: address of the resolver of names; empty for none.
    """
    return {
        "/etc/passwd": _PASSWD,
        "/etc/group": _GROUP,
        "/etc/hosts": _HOSTS,
        "/etc/hostname": "agent\n",
        "/etc/resolv.conf": f"nameserver {resolver}\n" if resolver else "",
    }


def shown() -> Iterator[str]:
    """Words for programs and libraries, each read-only at its own path."""
    for path in _programs():
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        else:
            yield from ("--ro-bind-try", str(path), str(path))
    for name in _SETTINGS:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    # the number of cores and where memory is, which some libraries ask before they start threads
    for name in ("cpu", "node"):
        yield from ("--ro-bind-try", f"/sys/devices/system/{name}", f"/sys/devices/system/{name}")


def shown_python(hidden: Iterable[Path]) -> Iterator[str]:
    """Words for Python, read-only at its own path, which may lie in what stands in place of `/home` and `/tmp` by then.

    Args:
        hidden: folders that are not to be seen even where they lie within what is shown.
    """
    roots = [path for path in _programs() if not path.is_symlink()]
    pythons = [path for path in _pythons() if not _is_within(path, roots)]
    for path in pythons:
        yield from ("--ro-bind", str(path), str(path))
    for path in sorted({*harness(), *hidden}):
        if _is_within(path, [*roots, *pythons]) and path.is_dir():
            # an empty folder in its place
            yield from ("--perms", "0555", "--tmpfs", str(path), "--remount-ro", str(path))


def _programs() -> list[Path]:
    return [Path(path) for path in _PROGRAMS]


@functools.cache
def _pythons() -> tuple[Path, ...]:
    """Folders of the Python that the harness runs in: its environment and what that is made of."""
    own = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent]
    # by both names where a folder on the way is a link
    found = {path for prefix in own for path in (prefix.absolute(), prefix.resolve())} - {Path("/")}
    return tuple(sorted(found, key=lambda path: len(path.parts)))


@functools.cache
def harness() -> tuple[Path, ...]:
    """Folders of this harness's own code and content, which are nothing for agents."""
    package = Path(__file__).resolve().parents[2]
    return tuple(package.parent / name for name in _HARNESS)


def _is_within(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
