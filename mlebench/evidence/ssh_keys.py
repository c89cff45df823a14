"""Signatures by OpenSSH keys, made and checked by `ssh-keygen -Y`.

A signature is stored as the bytes within its armor (format: PROTOCOL.sshsig of OpenSSH). What is in it was written by
anybody; it is parsed here only as far as to know the key, and judged by ssh-keygen alone.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import os
import re
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from grading.printable import printable
from mlebench._support.files import read_text
from mlebench._support.hints import quoted
from mlebench.errors import UsageError
from mlebench.evidence.trust import Checked, SshTrust

NAMESPACE = "mlebench"
KEYID = "ssh:"
"""What the keyid of such a signature begins with; the key's fingerprint follows."""
_MAGIC = b"SSHSIG" + struct.pack(">I", 1)
_KEY_TYPES = frozenset(
    {
        "ssh-ed25519",
        "sk-ssh-ed25519@openssh.com",
        *(f"ecdsa-sha2-nistp{bits}" for bits in (256, 384, 521)),
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "ssh-rsa",
    }
)
_FEWEST_RSA_BITS = 2048
_LONGEST_SIGNATURE = 2**14
_LARGEST_FILE = 2**20
_MOST_PRINCIPALS = 64
_SECONDS_TO_CHECK = 20.0
_SECONDS_TO_SIGN = 300.0
"""A passphrase is typed, or a security key touched, meanwhile."""
_GITHUB = "github:"
_GITHUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_PUBLIC_KEY = re.compile(r"(?P<key>(?P<type>[a-z0-9@.-]+) [A-Za-z0-9+/]+={0,2})(\s.*)?")
_GET_IT = "install OpenSSH 8.9 or newer (`apt-get install openssh-client`; macOS and Windows have it)"
_PROBE = base64.b64decode(
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgnBS7ow4q011h4NqxCD2xA0PRErKo334puJMBn6xtkP8AAAAIbWxlYmVuY2gAAAAAAAAABnNoYTUxMgAA"
    "AFMAAAALc3NoLWVkMjU1MTkAAABAarIL4tpeW6i5quODP7Mq/HTD7n3EzRVx52n6MdRga5MmoaHwbyczR7dDQ+T120dy1HntGkSxYfHKXNfoZM+ECQ=="
)
"""A good signature over the bytes `mlebench`: a program that does not say so is of no use."""


@dataclass(frozen=True)
class SshSigner:
    """Signs with a key in a file, or with the one in the agent whose public half is in the file."""

    key: Path

    def sign(self, data: bytes) -> tuple[str, bytes]:
        """See `Signer`; asks for a passphrase where there is a terminal."""
        if problem := program_problem():
            raise UsageError(problem)
        with tempfile.TemporaryDirectory() as folder, _terminal() as terminal:
            path = Path(folder, "statement")
            path.write_bytes(data)
            words = ["-Y", "sign", "-f", str(self.key.absolute()), "-n", NAMESPACE, str(path)]
            done = _ssh_keygen(words, seconds=_SECONDS_TO_SIGN, terminal=terminal)
            made = path.with_name("statement.sig")
            if done.returncode or not made.is_file():
                raise UsageError(self._why_not(_words(done)))
            sig = _without_armor(made.read_text())
        try:
            keyid = KEYID + _fingerprint(sig)
        except ValueError as error:
            raise UsageError(f"{self._shown} cannot sign bundles: {error}") from None
        if (checked := check_ssh(data, keyid, sig, None)).fit != "fits":
            raise UsageError(f"{self._shown} did not make a verifiable signature: {checked.words}")
        return keyid, sig

    @property
    def _shown(self) -> str:
        return printable(str(self.key), 200)

    def _why_not(self, said: str) -> str:
        key = quoted(str(self.key))
        if "too open" in said or "bad permissions" in said or "UNPROTECTED" in said:
            return f"{self._shown} can be read by others, so ssh-keygen does not use it; `chmod 600 {key}` helps"
        if "passphrase" in said:
            return (
                f"{self._shown} needs its passphrase, which was wrong or could not be asked for; repeat it on a terminal, or "
                f"load the key with `ssh-add {key}` and give its public half, `--sign {quoted(f'{self.key}.pub')}`"
            )
        if "No private key found" in said or "agent" in said:
            return f"the private half of {self._shown} is neither beside it nor in the agent; load it with `ssh-add`"
        return f"{self._shown} cannot sign: {said or 'ssh-keygen did not say why'}; `ssh-keygen -l -f {key}` shows what it is"


def ssh_signer(word: str) -> SshSigner:
    """The signer by a key that the user named.

    Raises:
        UsageError: there is no such file.
    """
    path = Path(word).expanduser()
    try:
        is_file = path.is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        raise UsageError(
            f"there is no key {printable(word, 200)}; give an OpenSSH key such as `--sign ~/.ssh/id_ed25519`, which "
            "`ssh-keygen -t ed25519` makes"
        )
    return SshSigner(path)


def ssh_trust(file: Path | None, who: str | None) -> SshTrust:
    """What a reader trusts who named a file of signers, somebody in it, or an account of GitHub.

    Raises:
        UsageError: the file is missing or holds no keys, or the name is none, or signatures cannot be checked here.
    """
    if who is not None and not (who.strip() and who.isprintable()):
        raise UsageError(f"`--signer {printable(who, 100)}` names nobody; write it as the file of allowed signers does")
    name = who.removeprefix(_GITHUB) if who is not None and who.startswith(_GITHUB) else None
    if name is not None and not _GITHUB_NAME.fullmatch(name):
        raise UsageError(f"{printable(name, 100)!r} is not a GitHub name; write `--signer github:NAME`")
    file = _file_of_signers(file, who, name)
    content = read_text(file, "give a file of allowed signers, a line `WHO KEYTYPE KEY` each")
    if len(content) > _LARGEST_FILE:
        raise UsageError(f"{printable(str(file), 200)} is not an allowed-signers file: it is larger than a megabyte")
    if problem := program_problem():
        raise UsageError(problem)
    lines = [(number, line.strip()) for number, line in enumerate(content.splitlines(), 1)]
    keys = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not keys:
        helps = f"; {printable(name, 100)} has no keys on GitHub" if name else ""
        raise UsageError(f"{printable(str(file), 200)} contains no key{helps}")
    if name is None or not _is_plain_list(keys):
        return SshTrust(content.encode(), who, str(file))
    listed = [f'{who} namespaces="{NAMESPACE}" {_public_key(line, number, file)}\n' for number, line in keys]
    return SshTrust("".join(listed).encode(), who, str(file))


def check_ssh(data: bytes, keyid: str, sig: bytes, trusted: SshTrust | None) -> Checked:
    """Whether a signature fits `data`, and whether it is by somebody whom the reader trusts.

    Args:
        data: what is said to be signed.
        keyid: `ssh:SHA256:…`, as the envelope has it.
        sig: the signature without its armor.
        trusted: who is; None if the reader named nobody.
    """
    try:
        fingerprint = _fingerprint(sig)
    except ValueError as error:
        return Checked("broken", f"the signature {error}")
    if keyid != KEYID + fingerprint:
        return Checked("broken", f"the signature is by the key {fingerprint}, not by {printable(keyid, 100)} as it says")
    if problem := program_problem():
        return Checked("not looked at", problem)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "signature")
        path.write_text(_with_armor(sig))
        if _ssh_keygen(["-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(path)], data).returncode:
            return Checked("broken", f"the signature by the key {fingerprint} is over other bytes, or not made for mlebench")
        if trusted is None:
            return Checked("fits", fingerprint)
        allowed = Path(folder, "allowed_signers")
        allowed.write_bytes(trusted.allowed)
        return _by_whom(data, path, allowed, trusted, fingerprint)


def program_problem() -> str | None:
    """Why signatures by OpenSSH keys cannot be made or checked here, with what helps; None if they can."""
    if _works():
        return None
    return f"signatures need a working `ssh-keygen`; {_GET_IT}"


def _by_whom(data: bytes, signature: Path, allowed: Path, trusted: SshTrust, fingerprint: str) -> Checked:
    files = ["-f", str(allowed), "-s", str(signature)]
    found = _ssh_keygen(["-Y", "find-principals", *files])
    said = _words(found)
    if trusted.principal is not None:
        principals = [trusted.principal]
    else:
        listed = found.stdout.decode(errors="replace").replace("\n", ",").split(",") if not found.returncode else []
        principals = [name for name in dict.fromkeys(listed) if name and not name.startswith("!")][:_MOST_PRINCIPALS]
    for name in principals:
        done = _ssh_keygen(["-Y", "verify", "-n", NAMESPACE, "-I", name, *files], data)
        if not done.returncode:
            return Checked("trusted", printable(name, 100))
        said = _words(done) or said
    whose = f" of {printable(trusted.principal, 100)}" if trusted.principal is not None else ""
    file = printable(trusted.source, 200)
    reason = re.search(r"allowed_signers:(\d+): (key .*)", said)
    why = f" (line {reason[1]}: {reason[2]})" if reason else ""
    return Checked(
        "stranger", f"the key {fingerprint}, which signed it, is not a valid key{whose} in {file}{printable(why, 200)}"
    )


@functools.cache
def _works() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "signature")
        path.write_text(_with_armor(_PROBE))
        words = ["-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(path)]
        return _ssh_keygen(words, b"mlebench").returncode == 0 and _ssh_keygen(words, b"else").returncode != 0


def _ssh_keygen(
    words: Sequence[str], data: bytes = b"", *, seconds: float = _SECONDS_TO_CHECK, terminal: IO[bytes] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run it with `data` as its input, or with the terminal; one that is missing or does not end counts as failed."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        if terminal is not None:
            return subprocess.run(["ssh-keygen", *words], stdin=terminal, capture_output=True, timeout=seconds, env=environment)
        # where there is no terminal to ask on it must find none
        return subprocess.run(
            ["ssh-keygen", *words], input=data, capture_output=True, timeout=seconds, env=environment, start_new_session=True
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess([], 124, b"", f"it did not end within {seconds:g} s".encode())
    except (OSError, ValueError) as error:
        return subprocess.CompletedProcess([], 127, b"", str(error).encode(errors="replace"))


@contextlib.contextmanager
def _terminal() -> Iterator[IO[bytes] | None]:
    """The user's terminal; None if there is none. With a file as its input ssh-keygen would ask nobody."""
    with contextlib.ExitStack() as stack:
        terminal = None
        with contextlib.suppress(OSError):
            terminal = stack.enter_context(Path("/dev/tty").open("rb", buffering=0))
        yield terminal


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    """What it said, in one printable line; frames of warnings left out."""
    lines = done.stderr.decode(errors="replace").splitlines()
    return printable("; ".join(line.strip() for line in lines if line.strip() and "@@@" not in line), 600)


def _file_of_signers(file: Path | None, who: str | None, name: str | None) -> Path:
    if file is not None:
        return file
    if name is None:
        raise UsageError(
            f"`--signer {printable(who or '', 100)}` needs the file that says which key that is; give it with "
            "`--allowed-signers FILE` (a line `WHO KEYTYPE KEY` each)"
        )
    file = Path(f"{name}.keys")
    if not file.exists():
        raise UsageError(
            f"{file}, the public keys of that account, is not in this folder; `curl -fsSO https://github.com/{file}` downloads it"
        )
    return file


def _is_plain_list(keys: Sequence[tuple[int, str]]) -> bool:
    """Whether lines are keys alone, without saying whose: lists of GitHub are, files of allowed signers begin with a name."""
    return not any(len(words := line.split()) > 2 and set(words[1:]) & _KEY_TYPES for _, line in keys)


def _public_key(line: str, number: int, file: Path) -> str:
    found = _PUBLIC_KEY.fullmatch(line)
    if not found or found["type"] not in _KEY_TYPES | {"ssh-dss"}:
        shown = printable(str(file), 200)
        raise UsageError(f"{shown}, line {number}: this is not a public key; `curl -fsSO https://github.com/NAME.keys` gets them")
    return found["key"]


def _with_armor(sig: bytes) -> str:
    text = base64.b64encode(sig).decode()
    lines = (text[start : start + 70] for start in range(0, len(text), 70))
    return "\n".join(("-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""))


def _without_armor(text: str) -> bytes:
    return base64.b64decode("".join(line for line in text.splitlines() if not line.startswith("-")))


def _fingerprint(sig: bytes) -> str:
    """The fingerprint of the key in a signature, as `ssh-keygen -l` prints it.

    Raises:
        ValueError: it is not a signature by an accepted kind of key, as the rest of a sentence.
    """
    if len(sig) > _LONGEST_SIGNATURE or not sig.startswith(_MAGIC):
        raise ValueError("is not an OpenSSH signature")
    key = next(_strings(sig[len(_MAGIC) :]))
    parts = _strings(key)
    kind = next(parts).decode(errors="replace")
    if kind not in _KEY_TYPES:
        raise ValueError(f"is by a key of the kind {printable(kind, 60)}; ed25519, ecdsa and rsa count")
    if kind == "ssh-rsa":
        next(parts)
        bits = int.from_bytes(next(parts)).bit_length()
        if bits < _FEWEST_RSA_BITS:
            raise ValueError(f"is by an rsa key of {bits} bits; {_FEWEST_RSA_BITS} are the fewest that count")
    return f"SHA256:{base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip('=')}"


def _strings(data: bytes) -> Iterator[bytes]:
    """The strings in a row of them, each behind its length."""
    while True:
        if len(data) < 4 or len(data) < 4 + (length := int.from_bytes(data[:4])):
            raise ValueError("is not an OpenSSH signature")
        yield data[4 : 4 + length]
        data = data[4 + length :]
