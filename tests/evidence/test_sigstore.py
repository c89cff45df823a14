"""Signatures by an environment's identity. The public service is not asked: what judges a signature is replaced."""

from __future__ import annotations

import sys

import pytest

from mlebench.errors import UsageError
from mlebench.evidence.signature import signer_of, trusted_signers
from mlebench.evidence.sigstore import Verify, check_sigstore
from mlebench.evidence.trust import SigstoreTrust

DATA = b"what is signed"
WORKFLOW = "https://github.com/me/mine/.github/workflows/run.yml@refs/heads/main"
ACTIONS = "https://token.actions.githubusercontent.com"
ME = SigstoreTrust("me@example.org", "https://accounts.google.com")


def verifier(identity: str, issuer: str, data: bytes = DATA) -> Verify:
    """Judges as sigstore does a signature over `data` by that identity."""

    def verify(given: bytes, sig: bytes, wanted: str, wanted_issuer: str | None) -> None:
        if given != data or sig != b"good":
            raise ValueError("Signature is invalid for input")
        if wanted != identity or wanted_issuer not in (None, issuer):
            raise ValueError("Certificate's SANs do not match")

    return verify


@pytest.fixture
def without_sigstore(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "sigstore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sigstore", None)


class TestChecking:
    def test_an_identity_that_is_trusted(self) -> None:
        verify = verifier(ME.identity, ME.issuer)
        assert check_sigstore(DATA, f"sigstore:{ME.identity}", b"good", ME, verify).fit == "trusted"

    def test_nobody_named_means_that_it_only_fits(self) -> None:
        verify = verifier(ME.identity, ME.issuer)
        checked = check_sigstore(DATA, f"sigstore:{ME.identity}", b"good", None, verify)
        assert (checked.fit, checked.words) == ("fits", ME.identity)

    @pytest.mark.parametrize(("identity", "issuer"), [("you@example.org", ME.issuer), (ME.identity, "https://example.org")])
    def test_another_identity_or_issuer_is_told(self, identity: str, issuer: str) -> None:
        checked = check_sigstore(DATA, f"sigstore:{identity}", b"good", ME, verifier(identity, issuer))
        assert checked.fit == "stranger" and f"not by {ME.identity}" in checked.words

    def test_a_keyid_that_claims_the_trusted_identity_is_told(self) -> None:
        checked = check_sigstore(DATA, f"sigstore:{ME.identity}", b"good", ME, verifier("you@example.org", ME.issuer))
        assert checked.fit == "broken"

    @pytest.mark.parametrize(("data", "sig"), [(b"other", b"good"), (DATA, b"bad"), (DATA, b"x" * 2**19)])
    def test_other_bytes_are_told(self, data: bytes, sig: bytes) -> None:
        assert check_sigstore(data, f"sigstore:{ME.identity}", sig, ME, verifier(ME.identity, ME.issuer)).fit == "broken"

    def test_whatever_the_judge_raises_is_one_printable_sentence(self) -> None:
        def verify(*_: object) -> None:
            raise RecursionError("\x1b[2J\n" * 1000)

        checked = check_sigstore(DATA, "sigstore:\x1b", b"good", None, verify)
        assert checked.fit == "broken" and checked.words.isprintable() and len(checked.words) < 500

    def test_without_the_extra_it_is_not_looked_at(self, without_sigstore: None) -> None:
        checked = check_sigstore(DATA, f"sigstore:{ME.identity}", b"good", None)
        assert checked.fit == "not looked at" and "pip install 'mlebench[sigstore]'" in checked.words


class TestNames:
    @pytest.mark.parametrize(
        ("word", "identity", "issuer"),
        [
            ("me@example.org,https://accounts.google.com", ME.identity, ME.issuer),
            (WORKFLOW, WORKFLOW, ACTIONS),
            (
                "https://gitlab.com/me/mine//x.yml@refs/heads/a,b",
                "https://gitlab.com/me/mine//x.yml@refs/heads/a,b",
                "https://gitlab.com",
            ),
            (f"{WORKFLOW},https://ci.example.org", WORKFLOW, "https://ci.example.org"),
        ],
    )
    def test_an_identity_and_who_vouches_for_it(
        self, word: str, identity: str, issuer: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "sigstore", type(sys)("sigstore"))
        monkeypatch.setitem(sys.modules, "sigstore.verify", type(sys)("sigstore.verify"))
        assert trusted_signers(None, f"sigstore:{word}") == SigstoreTrust(identity, issuer)

    @pytest.mark.parametrize("word", ["", "me@example.org", ",https://x.org", "me,http://x.org", "a\nb,https://x.org"])
    def test_an_identity_that_anybody_could_vouch_for_is_refused(self, word: str) -> None:
        with pytest.raises(UsageError, match="who vouches"):
            trusted_signers(None, f"sigstore:{word}")


class TestWithoutTheExtra:
    def test_who_demands_or_signs_is_told_what_to_install(self, without_sigstore: None) -> None:
        for ask in (lambda: signer_of("sigstore"), lambda: trusted_signers(None, f"sigstore:{WORKFLOW}")):
            with pytest.raises(UsageError, match=r"pip install 'mlebench\[sigstore\]'"):
                ask()


class TestWithTheExtra:
    @pytest.fixture(autouse=True)
    def needs_it(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("sigstore", reason="the extra `sigstore` is not installed")
        monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "SIGSTORE_ID_TOKEN"):
            monkeypatch.delenv(name, raising=False)

    def test_no_identity_is_said(self) -> None:
        with pytest.raises(UsageError, match=r"no identity that sigstore knows.*id-token: write"):
            signer_of("sigstore").sign(DATA)

    def test_a_workflow_without_permission_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", raising=False)
        with pytest.raises(UsageError, match=r"sigstore gets no identity|no identity that sigstore knows"):
            signer_of("sigstore").sign(DATA)

    @pytest.mark.parametrize(
        "sig", [b"", b"{}", b"\xff", b"[" * 10**5, b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}']
    )
    def test_garbage_is_told_without_network(self, sig: bytes) -> None:
        checked = check_sigstore(DATA, f"sigstore:{WORKFLOW}", sig, None)
        assert checked.fit == "broken" and checked.words.isprintable()
