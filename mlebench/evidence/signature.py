"""Signatures under a bundle's statement: who makes them, whom a reader trusts, and whether they hold."""

from __future__ import annotations

from pathlib import Path

from grading.printable import printable
from mlebench.evidence.sigstore import KEYID as SIGSTORE_KEYID
from mlebench.evidence.sigstore import SIGSTORE, SigstoreSigner, check_sigstore, sigstore_trust
from mlebench.evidence.ssh_keys import KEYID as SSH_KEYID
from mlebench.evidence.ssh_keys import check_ssh, ssh_signer, ssh_trust
from mlebench.evidence.statement import Envelope
from mlebench.evidence.trust import Checked, Signer, SigstoreTrust, SshTrust, TrustedSigners


def signer_of(word: str) -> Signer:
    """Who signs, as `--sign` names them: the path to an OpenSSH key (or to its public half, where the agent holds the other),
    or `sigstore` for the identity that this environment has.

    Raises:
        UsageError: there is no such key, or sigstore is not installed.
    """
    return SigstoreSigner() if word == SIGSTORE else ssh_signer(word)


def trusted_signers(allowed_signers: Path | None, signer: str | None) -> TrustedSigners | None:
    """Whom a reader trusts.

    Args:
        allowed_signers: a file of OpenSSH's format, a line `WHO KEYTYPE KEY` each; with `github:NAME` a list of keys will do.
        signer: who of them must have signed: as the file names them, `github:NAME` (whose keys are in `NAME.keys` here unless a
            file is given), or `sigstore:IDENTITY,ISSUER`.

    Returns:
        None if the reader names nobody.

    Raises:
        UsageError: a file is missing or no such file, a name is none, or what checking takes is not installed.
    """
    if signer is not None and signer.startswith(SIGSTORE_KEYID):
        return sigstore_trust(signer)
    if allowed_signers is None and signer is None:
        return None
    return ssh_trust(allowed_signers, signer)


def check(envelope: Envelope, trusted: TrustedSigners | None) -> tuple[Checked, ...]:
    """What looking at each signature of an envelope came to, in their order; all in them is taken for written by anybody."""
    return tuple(_checked(envelope.signed_bytes, keyid, sig, trusted) for keyid, sig in envelope.signatures)


def _checked(data: bytes, keyid: str, sig: bytes, trusted: TrustedSigners | None) -> Checked:
    if keyid.startswith(SSH_KEYID):
        return check_ssh(data, keyid, sig, trusted if isinstance(trusted, SshTrust) else None)
    if keyid.startswith(SIGSTORE_KEYID):
        return check_sigstore(data, keyid, sig, trusted if isinstance(trusted, SigstoreTrust) else None)
    return Checked("broken", f"the signature by {printable(keyid, 100)} is of a kind unknown to this version")
