"""Who signed a statement, and whether the reader trusts them."""

from __future__ import annotations

import base64
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.evidence import ssh_keys
from mlebench.evidence.signature import check, signer_of, trusted_signers
from mlebench.evidence.statement import Envelope
from mlebench.evidence.trust import Checked
from tests.evidence.keys import make_key, public

PAYLOAD = b'{"what":"is signed"}'
NEVER = "20200101"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_key(tmp_path / "key")


@pytest.fixture
def signed(key: Path) -> Envelope:
    return signed_by(key)


def signed_by(*keys: Path) -> Envelope:
    data = Envelope(PAYLOAD).signed_bytes
    return Envelope(PAYLOAD, tuple(signer_of(str(key)).sign(data) for key in keys))


def allowed(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "allowed_signers"
    path.write_text("\n".join(lines) + "\n")
    return path


def only(envelope: Envelope, file: Path | None = None, who: str | None = None) -> Checked:
    (checked,) = check(envelope, trusted_signers(file, who))
    return checked


class TestKeys:
    @pytest.mark.parametrize(("kind", "words"), [("ed25519", ()), ("ecdsa", ("-b", "384")), ("rsa", ("-b", "2048"))])
    def test_each_kind_signs_and_is_recognised(self, tmp_path: Path, kind: str, words: tuple[str, ...]) -> None:
        key = make_key(tmp_path / "key", kind, *words)
        envelope = signed_by(key)
        assert only(envelope, allowed(tmp_path, f"me {public(key)}")) == Checked("trusted", "me")

    def test_the_keyid_is_the_fingerprint_that_ssh_keygen_prints(self, key: Path, signed: Envelope) -> None:
        printed = subprocess.run(["ssh-keygen", "-l", "-f", str(key)], capture_output=True, text=True, check=True).stdout
        assert signed.signatures[0][0] == f"ssh:{printed.split()[1]}"

    def test_an_rsa_key_that_is_too_short_signs_nothing(self, tmp_path: Path) -> None:
        key = make_key(tmp_path / "key", "rsa", "-b", "1024")
        with pytest.raises(UsageError, match="rsa key of 1024 bits; 2048"):
            signed_by(key)

    def test_a_short_rsa_key_of_another_program_counts_for_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        key = make_key(tmp_path / "key", "rsa", "-b", "1024")
        with monkeypatch.context() as patch:
            patch.setattr(ssh_keys, "_FEWEST_RSA_BITS", 1024)
            envelope = signed_by(key)
        checked = only(envelope, allowed(tmp_path, f"me {public(key)}"))
        assert checked.fit == "broken" and "1024 bits" in checked.words

    def test_the_public_half_signs_where_an_agent_holds_the_other(
        self, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = subprocess.run(["ssh-agent", "-s", "-a", str(tmp_path / "socket")], capture_output=True, text=True, check=True)
        pid = int(re.search(r"SSH_AGENT_PID=(\d+)", said.stdout)[1])  # type: ignore[index]
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "socket"))
        try:
            subprocess.run(["ssh-add", "-q", str(key)], check=True, capture_output=True)
            key.unlink()
            assert only(signed_by(Path(f"{key}.pub")), allowed(tmp_path, f"me {public(key)}")).fit == "trusted"
        finally:
            os.kill(pid, 15)

    def test_a_public_half_alone_says_what_is_missing(self, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        key.unlink()
        with pytest.raises(UsageError, match="neither beside it nor in the agent; load it with `ssh-add`"):
            signed_by(Path(f"{key}.pub"))

    @pytest.mark.parametrize("word", ["nowhere", "-Ykey", "", "a\0b", "\udcff"])
    def test_no_key_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UsageError, match=r"there is no key .*ssh-keygen -t ed25519"):
            signer_of(word)

    def test_a_file_that_is_no_key_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "words").write_text("no key\n")
        with pytest.raises(UsageError, match="words cannot sign"):
            signed_by(tmp_path / "words")

    def test_a_name_that_looks_like_an_option_is_a_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        make_key(tmp_path / "-O")
        assert only(signed_by(Path("-O"))).fit == "fits"

    def test_a_key_that_others_can_read_names_chmod(self, key: Path) -> None:
        key.chmod(0o644)
        with pytest.raises(UsageError, match="chmod 600"):
            signed_by(key)


class TestPassphrases:
    SCRIPT = (
        "import sys; from mlebench.evidence.signature import signer_of\n"
        "try: print('signed', signer_of(sys.argv[1]).sign(b'x')[0])\n"
        "except Exception as error: print(type(error).__name__, error)"
    )

    @pytest.fixture
    def locked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        monkeypatch.delenv("DISPLAY", raising=False)
        return make_key(tmp_path / "locked", passphrase="open sesame")

    def test_without_a_terminal_nobody_waits(self, locked: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-c", self.SCRIPT, str(locked)], capture_output=True, text=True, timeout=60, start_new_session=True
        )
        assert re.search(r"^UsageError .*passphrase.*ssh-add", done.stdout), done

    @pytest.mark.parametrize(("typed", "said"), [("open sesame", "signed ssh:SHA256:"), ("not this one", "UsageError")])
    def test_on_a_terminal_it_is_asked_for(self, locked: Path, typed: str, said: str) -> None:
        child, terminal = pty.fork()
        if child == 0:
            os.execv(sys.executable, [sys.executable, "-c", self.SCRIPT, str(locked)])
        shown, is_typed = b"", False
        try:
            while block := _read(terminal):
                shown += block
                if b"passphrase" in shown and not is_typed:
                    os.write(terminal, typed.encode() + b"\n")
                    is_typed = True
        finally:
            os.close(terminal)
            os.waitpid(child, 0)
        assert said in shown.decode() and typed not in shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


class TestTrust:
    def test_nobody_named_means_that_it_only_fits(self, signed: Envelope) -> None:
        checked = only(signed)
        assert checked.fit == "fits" and f"ssh:{checked.words}" == signed.signatures[0][0]

    def test_a_key_that_is_not_in_the_file(self, tmp_path: Path, signed: Envelope) -> None:
        other = make_key(tmp_path / "other")
        checked = only(signed, allowed(tmp_path, f"me {public(other)}"))
        assert checked.fit == "stranger" and "is not a valid key in" in checked.words

    def test_only_the_named_principal_counts(self, tmp_path: Path, key: Path, signed: Envelope) -> None:
        other = make_key(tmp_path / "other")
        file = allowed(tmp_path, f"me@example.org {public(key)}", f"you@example.org {public(other)}")
        assert only(signed, file, "me@example.org") == Checked("trusted", "me@example.org")
        checked = only(signed, file, "you@example.org")
        assert checked.fit == "stranger" and "of you@example.org" in checked.words

    def test_patterns_of_principals_are_ssh_keygens(self, tmp_path: Path, key: Path, signed: Envelope) -> None:
        file = allowed(tmp_path, f"*@example.org,!eve@example.org {public(key)}")
        assert only(signed, file).fit == "trusted"
        assert only(signed, file, "me@example.org").fit == "trusted"
        assert only(signed, file, "eve@example.org").fit == "stranger"

    @pytest.mark.parametrize(
        ("option", "why"),
        [
            (f'valid-before="{NEVER}"', "line 1: key has expired"),
            ('valid-after="29990101"', "line 1: key is not yet valid"),
            ('namespaces="git"', "line 1: key is not permitted"),
        ],
    )
    def test_a_line_that_does_not_hold_now_says_why(
        self, tmp_path: Path, key: Path, signed: Envelope, option: str, why: str
    ) -> None:
        for who in (None, "me"):
            checked = only(signed, allowed(tmp_path, f"me {option} {public(key)}"), who)
            assert checked.fit == "stranger" and why in checked.words

    def test_a_second_line_helps_where_the_first_is_over(self, tmp_path: Path, key: Path, signed: Envelope) -> None:
        file = allowed(tmp_path, f'old valid-before="{NEVER}" {public(key)}', f'new namespaces="mlebench" {public(key)}')
        assert only(signed, file) == Checked("trusted", "new")

    def test_faulty_lines_do_no_harm(self, tmp_path: Path, key: Path, signed: Envelope) -> None:
        file = allowed(tmp_path, "# comment", "nonsense", "", "a ssh-ed25519 AAAA", f"me {public(key)}")
        assert only(signed, file) == Checked("trusted", "me")

    def test_github_names_take_a_plain_list(
        self, tmp_path: Path, key: Path, signed: Envelope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("somebody.keys").write_text(f"{public(make_key(tmp_path / 'other'))}\n{public(key)} title of a key\n")
        assert only(signed, None, "github:somebody") == Checked("trusted", "github:somebody")
        assert only(signed, Path("somebody.keys"), "github:somebody").fit == "trusted"

    def test_github_names_may_stand_in_a_file_of_allowed_signers(self, tmp_path: Path, key: Path, signed: Envelope) -> None:
        file = allowed(tmp_path, f"github:somebody {public(key)}")
        assert only(signed, file, "github:somebody").fit == "trusted"
        assert only(signed, file, "github:other").fit == "stranger"

    def test_a_missing_list_says_how_to_get_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UsageError, match=r"`curl -fsSO https://github.com/somebody\.keys`"):
            trusted_signers(None, "github:somebody")

    @pytest.mark.parametrize("name", ["", "-O", "../x", "a b", "a/b", "a" * 100, "a\nb", "ä"])
    def test_what_is_no_name_on_github_is_said(self, name: str) -> None:
        with pytest.raises(UsageError, match=r"github:NAME|names nobody"):
            trusted_signers(None, f"github:{name}")

    @pytest.mark.parametrize("content", ["Not Found", "<html>", "ssh-ed25519", "ssh-rsa AAAA\nx", "me ssh-rsa"])
    def test_a_list_that_is_none_is_said_with_its_line(self, tmp_path: Path, content: str) -> None:
        file = allowed(tmp_path, content)
        with pytest.raises(UsageError, match=r"line \d: this is not a public key"):
            trusted_signers(file, "github:somebody")

    @pytest.mark.parametrize("who", ["", " ", "a\nb", "a\0b", "a\x1bb"])
    def test_a_principal_that_nobody_has_is_said(self, tmp_path: Path, who: str) -> None:
        with pytest.raises(UsageError, match="names nobody"):
            trusted_signers(allowed(tmp_path, "x y"), who)

    def test_a_principal_that_looks_like_an_option_is_a_principal(self, tmp_path: Path, key: Path, signed: Envelope) -> None:
        file = allowed(tmp_path, f"-Overify-time=2020 {public(key)}")
        assert only(signed, file, "-Overify-time=2020").fit == "trusted"
        assert only(signed, file) == Checked("trusted", "-Overify-time=2020")
        assert only(signed, allowed(tmp_path, f"me {public(key)}"), "-Ome").fit == "stranger"

    def test_a_name_without_its_file_is_said(self) -> None:
        with pytest.raises(UsageError, match="--allowed-signers FILE"):
            trusted_signers(None, "me@example.org")

    @pytest.mark.parametrize("content", [b"", b"# nothing\n\n", b"\xff\xfe\x00", b"x" * (2**20 + 1)])
    def test_files_that_name_nobody_are_said(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(UsageError):
            trusted_signers(tmp_path / "file", None)


class TestHostileSignatures:
    """All of an envelope is written by whoever sends it."""

    def test_other_bytes_are_told(self, tmp_path: Path, key: Path, signed: Envelope) -> None:
        moved = Envelope(PAYLOAD + b" ", signed.signatures)
        for file in (None, allowed(tmp_path, f"me {public(key)}")):
            checked = only(moved, file)
            assert checked.fit == "broken" and "over other bytes" in checked.words

    def test_a_signature_for_another_purpose_is_told(self, tmp_path: Path, key: Path) -> None:
        data = Envelope(PAYLOAD).signed_bytes
        made = subprocess.run(
            ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", "git"], input=data, capture_output=True, check=True
        )
        sig = base64.b64decode("".join(line for line in made.stdout.decode().splitlines() if "-----" not in line))
        fingerprint = signed_by(key).signatures[0][0]
        checked = only(Envelope(PAYLOAD, ((fingerprint, sig),)), allowed(tmp_path, f"me {public(key)}"))
        assert checked.fit == "broken"

    def test_a_keyid_of_another_key_is_told(self, tmp_path: Path, signed: Envelope) -> None:
        other = signed_by(make_key(tmp_path / "other")).signatures[0]
        checked = only(Envelope(PAYLOAD, ((signed.signatures[0][0], other[1]),)))
        assert checked.fit == "broken" and "as it says" in checked.words

    def test_any_changed_byte_is_told(self, tmp_path: Path, key: Path, signed: Envelope) -> None:
        (keyid, sig), file = signed.signatures[0], allowed(tmp_path, f"me {public(key)}")
        trusted = trusted_signers(file, None)
        for place in range(0, len(sig), 5):
            changed = sig[:place] + bytes([sig[place] ^ 1]) + sig[place + 1 :]
            (checked,) = check(Envelope(PAYLOAD, ((keyid, changed),)), trusted)
            assert checked.fit == "broken", place

    @pytest.mark.parametrize(
        "sig",
        [
            b"",
            b"SSHSIG",
            b"SSHSIG\0\0\0\1",
            b"SSHSIG\0\0\0\1\xff\xff\xff\xff",
            b"SSHSIG\0\0\0\2" + bytes(100),
            b"SSHSIG\0\0\0\1" + bytes(100),
            b"SSHSIG\0\0\0\1\0\0\0\x0b\0\0\0\x07ssh-rsa",
            b"SSHSIG\0\0\0\1\0\0\0\x0b\0\0\0\x07ssh-dss",
            b"SSHSIG\0\0\0\1\0\0\0\x08\0\0\0\x04\x1b[2J",
            b"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n",
            b"SSHSIG\0\0\0\1" + bytes(2**20),
        ],
    )
    def test_garbage_is_told_in_a_printable_sentence(self, sig: bytes) -> None:
        checked = only(Envelope(PAYLOAD, (("ssh:SHA256:x", sig),)))
        assert checked.fit == "broken" and checked.words.isprintable() and len(checked.words) < 300

    def test_anything_behind_the_signature_is_told(self, signed: Envelope) -> None:
        ((keyid, sig),) = signed.signatures
        assert only(Envelope(PAYLOAD, ((keyid, sig + b"\0"),))).fit == "broken"

    @pytest.mark.parametrize("keyid", ["", "pgp:x", "SSH:SHA256:x", "x" * 10**6, "\x1b[2J"])
    def test_a_kind_that_nobody_knows_is_told(self, keyid: str) -> None:
        checked = only(Envelope(PAYLOAD, ((keyid, b"x"),)))
        assert checked.fit == "broken" and checked.words.isprintable() and len(checked.words) < 300


class TestWithoutSshKeygen:
    @pytest.fixture(autouse=True)
    def forget(self) -> Iterator[None]:
        yield
        ssh_keys._works.cache_clear()

    @pytest.fixture(params=["missing", "old", "yes-man", "hangs"])
    def broken_program(
        self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signed: Envelope
    ) -> str:
        scripts = {"old": "echo unknown option -- Y >&2; exit 1", "yes-man": "exit 0", "hangs": "exec cat /dev/zero >/dev/null"}
        home = tmp_path / "bin"
        home.mkdir()
        if request.param in scripts:
            (home / "ssh-keygen").write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{scripts[request.param]}\n")
            (home / "ssh-keygen").chmod(0o755)
        monkeypatch.setattr(ssh_keys, "_SECONDS_TO_CHECK", 0.5)
        monkeypatch.setenv("PATH", str(home))
        ssh_keys._works.cache_clear()
        return str(request.param)

    def test_a_signature_is_not_looked_at(self, signed: Envelope, broken_program: str) -> None:
        checked = only(signed)
        assert checked.fit == "not looked at" and "apt-get install openssh-client" in checked.words

    def test_who_demands_a_signer_or_signs_is_told(self, key: Path, tmp_path: Path, broken_program: str) -> None:
        file = allowed(tmp_path, "me ssh-ed25519 AAAA")
        with pytest.raises(UsageError, match="a working `ssh-keygen`"):
            trusted_signers(file, None)
        with pytest.raises(UsageError, match="a working `ssh-keygen`"):
            signed_by(key)
