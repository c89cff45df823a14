"""The checks, by name; each looks for one kind of leak."""

from __future__ import annotations

from mlebench.preparation.audit.case import Check
from mlebench.preparation.audit.checks.twin_files import twin_files
from mlebench.preparation.audit.checks.twin_images import twin_images
from mlebench.preparation.audit.checks.twin_rows import twin_rows
from mlebench.preparation.audit.checks.twin_sounds import twin_sounds
from mlebench.preparation.audit.checks.twin_texts import twin_texts

CHECKS: dict[str, Check] = {
    "twin-rows": twin_rows,
    "twin-texts": twin_texts,
    "twin-images": twin_images,
    "twin-sounds": twin_sounds,
    "twin-files": twin_files,
}
