"""Level 2: a signer trusted by the reader signed exactly this statement."""

from __future__ import annotations

from mlebench.evidence.opened import OpenedBundle
from mlebench.evidence.signature import check
from mlebench.evidence.statement import STATEMENT_FILE
from mlebench.evidence.trust import Checked, TrustedSigners
from mlebench.evidence.verdict import Finding, Level

_HOW = "`--signer github:NAME` or `--allowed-signers FILE` sets the required signer"


def signature_level(bundle: OpenedBundle, trusted: TrustedSigners | None) -> tuple[Level, str | None]:
    """The level, and who signed.

    A signature that fits proves nothing on its own, as anybody can make a key: without trusted signers nothing is claimed. One
    must be by somebody trusted, and all must fit, so that nobody adds garbage unseen; those by strangers are flagged.
    """
    found = check(bundle.envelope, trusted)
    strangers = tuple(_finding(entry) for entry in found if entry.fit == "stranger")
    unseen = tuple(_finding(entry) for entry in found if entry.fit == "not looked at")
    broken = [_finding(entry) for entry in found if entry.fit == "broken"]
    signers = list(dict.fromkeys(entry.words for entry in found if entry.fit == "trusted"))
    if broken:
        return Level("signature", "fails", _of_broken(broken, len(found)), tuple(broken), unseen), None
    if signers:
        return Level("signature", "holds", f"signed by {', '.join(signers)}", flags=(*strangers, *unseen)), ", ".join(signers)
    if trusted is not None:
        said = "it is not signed" if not found else "it is not signed by a named signer"
        return Level("signature", "fails", said, strangers or (Finding(STATEMENT_FILE, said),), unseen), None
    return Level("signature", "not claimed", _of_unnamed(found)), None


def _of_broken(broken: list[Finding], count: int) -> str:
    return broken[0].message if count == 1 else f"{len(broken)} of {count} signatures are invalid"


def _of_unnamed(found: tuple[Checked, ...]) -> str:
    if not found:
        return "it is not signed"
    keys = [entry.words for entry in found if entry.fit == "fits"]
    unseen = [entry.words for entry in found if entry.fit == "not looked at"]
    return f"it is signed by {' and '.join(keys)}, of unknown identity; {_HOW}" if keys else unseen[0]


def _finding(entry: Checked) -> Finding:
    return Finding(STATEMENT_FILE, entry.words)
