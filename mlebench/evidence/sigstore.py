"""Signatures by the identity that an environment has, such as a workflow of GitHub Actions, through sigstore.

It issues a certificate for some minutes and writes each signature to a public log, so that nobody keeps a key. Signing takes
network; checking takes none, with the roots of trust that the package brings.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grading.printable import printable
from mlebench._support.extras import extras_explained
from mlebench.errors import UsageError, WorkFailed
from mlebench.evidence.trust import Checked, SigstoreTrust

if TYPE_CHECKING:
    from sigstore.models import Bundle

SIGSTORE = "sigstore"
"""What `--sign` calls it."""
KEYID = f"{SIGSTORE}:"
"""What the keyid of such a signature begins with; the identity follows."""
_LONGEST = 2**18
_ISSUERS = {
    "https://github.com/": "https://token.actions.githubusercontent.com",
    "https://gitlab.com/": "https://gitlab.com",
}
"""Who vouches for identities that begin so."""

Verify = Callable[[bytes, bytes, str, str | None], None]
"""What judges the data, the signature (JSON of a bundle of sigstore's), the identity and, where it is not None, the issuer;
raises whatever sigstore does where they do not fit together, `UsageError` where it cannot be asked here."""


@dataclass(frozen=True)
class SigstoreSigner:
    """Signs with the identity of this environment."""

    def __post_init__(self) -> None:
        with extras_explained():
            import sigstore.sign  # noqa: F401

    def sign(self, data: bytes) -> tuple[str, bytes]:
        """See `Signer`; takes network."""
        from sigstore.errors import Error
        from sigstore.models import ClientTrustConfig
        from sigstore.oidc import IdentityError, IdentityToken, detect_credential
        from sigstore.sign import SigningContext

        try:
            token = detect_credential()
            if token is None:
                raise UsageError(
                    "this environment has no identity that sigstore knows; in GitHub Actions give the job `permissions: "
                    "{id-token: write}`, elsewhere sign with an OpenSSH key, `--sign ~/.ssh/id_ed25519`"
                )
            identity = IdentityToken(token)
            with SigningContext.from_trust_config(ClientTrustConfig.production()).signer(identity) as signer:
                made = signer.sign_artifact(data)
        except IdentityError as error:
            raise UsageError(f"sigstore gets no identity here: {printable(str(error), 300)}") from None
        except (Error, OSError) as error:
            raise WorkFailed(f"sigstore did not sign: {printable(str(error), 300)}; `--sign KEY` takes no network") from None
        return KEYID + _identity_in(made), made.to_json().encode()


def sigstore_trust(signer: str) -> SigstoreTrust:
    """What a reader trusts who wrote `sigstore:IDENTITY,ISSUER`; workflows of GitHub and GitLab need no issuer.

    Raises:
        UsageError: it is not written so, or sigstore is not installed.
    """
    identity, comma, issuer = signer.removeprefix(KEYID).rpartition(",https://")
    if comma:
        issuer = f"https://{issuer}"
    else:
        identity = issuer
        issuer = next((known for start, known in _ISSUERS.items() if identity.startswith(start)), "")
    if not identity or not issuer or not signer.isprintable():
        raise UsageError(
            f"`--signer {printable(signer, 200)}` does not say who vouches for that identity; write "
            "`sigstore:IDENTITY,ISSUER`, such as `sigstore:me@example.org,https://github.com/login/oauth`"
        )
    with extras_explained():
        import sigstore.verify  # noqa: F401
    return SigstoreTrust(identity, issuer)


def check_sigstore(data: bytes, keyid: str, sig: bytes, trusted: SigstoreTrust | None, verify: Verify | None = None) -> Checked:
    """Whether a signature fits `data`, and whether it is by the identity that the reader trusts.

    Args:
        data: what is said to be signed.
        keyid: `sigstore:IDENTITY`, as the envelope has it.
        sig: the JSON of sigstore's bundle.
        trusted: who is; None if the reader named nobody, or nobody of sigstore's.
        verify: what judges; sigstore itself where it is None.
    """
    if len(sig) > _LONGEST:
        return Checked("broken", "the signature is not a sigstore bundle")
    identity = keyid.removeprefix(KEYID)
    shown = printable(identity, 200)
    try:
        (verify or _verify)(data, sig, identity, None)
        if trusted is None:
            return Checked("fits", shown)
    except UsageError as error:
        return Checked("not looked at", str(error))
    except Exception as error:  # sigstore's parsers raise unrelated exception types
        return Checked("broken", f"the signature of {shown} does not hold: {_short(error)}")
    try:
        (verify or _verify)(data, sig, trusted.identity, trusted.issuer)
    except Exception as error:
        wanted = f"{printable(trusted.identity, 200)} as {printable(trusted.issuer, 200)} knows them"
        return Checked("stranger", f"the signature is by {shown}, not by {wanted}: {_short(error)}")
    return Checked("trusted", shown)


def _verify(data: bytes, sig: bytes, identity: str, issuer: str | None) -> None:
    with extras_explained():
        from sigstore.models import Bundle
        from sigstore.verify import Verifier
        from sigstore.verify.policy import Identity

    try:
        with _without_warnings():
            verifier = Verifier.production(offline=True)
    except Exception as error:
        raise UsageError(f"sigstore finds no roots of trust here: {_short(error)}") from None
    verifier.verify_artifact(data, Bundle.from_json(sig), Identity(identity=identity, issuer=issuer))


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """It warns that it takes no network, which is meant."""
    logger = logging.getLogger("sigstore")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _identity_in(made: Bundle) -> str:
    """Whom the certificate of a signature names."""
    from cryptography.x509 import RFC822Name, SubjectAlternativeName, UniformResourceIdentifier

    names = made.signing_certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    found = [*names.get_values_for_type(RFC822Name), *names.get_values_for_type(UniformResourceIdentifier)]
    if not found:
        raise WorkFailed("sigstore issued a certificate without a name; `--sign KEY` needs none")
    return str(found[0])


def _short(error: Exception) -> str:
    return printable(" ".join(str(error).split()) or type(error).__name__, 200)
