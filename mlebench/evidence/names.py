"""What files are called in a bundle.

    groups/<group>/group.yaml, grading_report.json, snapshot_reports.json
    groups/<group>/<run>/run.json, run.log, checker_calls.jsonl, model_calls.jsonl, resources.jsonl,
                         submission/submission.csv, logs/…, code/…, transcript/…, snapshots/…, attempts/<n>/…
    agents/<group>/…     the agent's folder, as it was when the group was made
    statement.dsse.json  the statement, last

So a group's folder in an unpacked bundle is one that the harness reads as its own.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from urllib.parse import quote

GROUPS, AGENTS = "groups", "agents"
_NAME = re.compile(r"[A-Za-z0-9._~+=@,()\[\] %-]+(/[A-Za-z0-9._~+=@,()\[\] %-]+)*")
_SAFE = "/._~+=@,()[] -"
_LONGEST = 4096


def name_of(*parts: str | PurePath) -> str:
    """The name of a file: its path, in which everything but plain ASCII letters is written as a URL writes it."""
    return quote(os.fsencode(PurePath(*parts).as_posix()), safe=_SAFE)


def is_name(text: str) -> bool:
    """Whether a bundle may hold a file of that name: relative, plain ASCII, no part of it `.`, `..` or empty."""
    return len(text) <= _LONGEST and bool(_NAME.fullmatch(text)) and not {".", ".."} & set(text.split("/"))
