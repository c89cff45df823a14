"""Verifies a bundle: opens it, looks at every level, and says what each came to."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mlebench._support.steps import Listener, ignore
from mlebench.errors import BundleFault
from mlebench.evidence.levels.files import files_level
from mlebench.evidence.levels.ledgers import ledgers_level
from mlebench.evidence.levels.plan import plan_level
from mlebench.evidence.levels.rules import rules_level
from mlebench.evidence.levels.scores import Regrade, scores_level
from mlebench.evidence.levels.sealed import sealed_level
from mlebench.evidence.levels.signature import signature_level
from mlebench.evidence.opened import opened
from mlebench.evidence.rules import rules_of
from mlebench.evidence.signature import trusted_signers
from mlebench.evidence.verdict import LEVELS, Finding, Level, Verdict


@dataclass(frozen=True)
class VerifyOptions:
    """What a reader brings along."""

    allowed_signers: Path | None = None
    """A file of OpenSSH's format."""
    signer: str | None = None
    """Who must have signed, see `mlebench.evidence.signature.trusted_signers`."""
    regrade: bool = False
    """Whether submissions are graded again, on data that is prepared here."""
    data_dir: Path | None = None
    """Where that is; by default the user's."""
    split_key: str | None = None
    """The secret key that it was made from."""
    rules: str | None = None
    """Name or file of the rules of a board."""
    jobs: int = 1
    """Processes that grade."""


def verify_bundle(path: Path, options: VerifyOptions = VerifyOptions(), listener: Listener = ignore) -> Verdict:
    """What a bundle is worth; nothing in it is trusted, and all levels are looked at as far as it can be opened.

    Args:
        path: the bundle.
        options: what the reader brings along.
        listener: gets the bytes that are read, and the submissions of each group that are graded.

    Raises:
        UsageError: a signer or rules are not what the options say.
        OSError: the file cannot be read, or there is no room to unpack it.
    """
    trusted = trusted_signers(options.allowed_signers, options.signer)
    rules = None if options.rules is None else rules_of(options.rules)
    try:
        with opened(path, listener) as bundle:
            signature, signer = signature_level(bundle, trusted)
            levels = [
                files_level(bundle),
                signature,
                plan_level(bundle),
                ledgers_level(bundle),
                scores_level(
                    bundle,
                    Regrade(options.data_dir, options.split_key, options.jobs, listener) if options.regrade else None,
                ),
                sealed_level(bundle),
            ]
            levels.append(rules_level(bundle, rules, levels, options.data_dir))
            return Verdict(
                bundle=str(path),
                sha256=bundle.container.sha256,
                levels=tuple(levels),
                groups=bundle.statement.groups,
                signer=signer,
                left_out=dict(sorted(Counter(entry.reason for entry in bundle.left_out.values()).items())),
            )
    except BundleFault as error:
        files = Level("files", "fails", "it cannot be looked at", (Finding(error.file, str(error)),))
        others = (Level(name, "not claimed", "the bundle cannot be opened") for name in LEVELS if name != "files")
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Verdict(str(path), sha256, (files, *others))
