"""Who signs, whom a reader trusts, and what looking at one signature came to: the words that all kinds of signatures share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Fit = Literal["trusted", "stranger", "fits", "broken", "not looked at"]
"""trusted: over these bytes, by a key that the reader trusts; stranger: over these bytes, by another one; fits: over these bytes,
where the reader named nobody of its kind; broken: over other bytes, or no signature; not looked at: what it takes lacks."""


class Signer(Protocol):
    """Signs for one user."""

    def sign(self, data: bytes) -> tuple[str, bytes]:
        """The `keyid` and `sig` of an envelope over `data`.

        Raises:
            UsageError: the key cannot be used, with what helps.
        """


@dataclass(frozen=True)
class SshTrust:
    """Keys that a reader trusts."""

    allowed: bytes
    """The lines of an allowed_signers file, as ssh-keygen reads them."""
    principal: str | None
    """Who must have signed; None if anybody in the file may."""
    source: str
    """What the user calls the file."""


@dataclass(frozen=True)
class SigstoreTrust:
    """An identity that a reader trusts."""

    identity: str
    """Such as an e-mail address, or the address of a workflow."""
    issuer: str
    """Address of who vouches for it."""


TrustedSigners = SshTrust | SigstoreTrust


@dataclass(frozen=True)
class Checked:
    """What looking at one signature came to."""

    fit: Fit
    words: str
    """Of a trusted one who signed, of one that fits which key did, else what is wrong; printable and short."""
