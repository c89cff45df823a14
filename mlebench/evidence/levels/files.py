"""Level 1: every file is present once and unchanged, with no additional files."""

from __future__ import annotations

from grading.wording import counted
from mlebench.evidence.opened import OpenedBundle
from mlebench.evidence.verdict import Finding, Level


def files_level(bundle: OpenedBundle) -> Level:
    """The level; that files stand by hash alone is said and fails nothing."""
    findings = list(bundle.faults)
    if not findings and not bundle.container.is_sealed:
        findings.append(
            Finding("", "bytes of the bundle were changed, although its files are as stated: its own checksum differs")
        )
    if findings:
        return Level.failing("files", f"{counted(len(findings), 'file')} not as stated", findings)
    by_hash = len(bundle.left_out)
    rest = f"; {by_hash} more {'is' if by_hash == 1 else 'are'} present only as a hash" if by_hash else ""
    return Level("files", "holds", f"{counted(len(bundle.statement.subjects), 'file')} as in the statement{rest}")
