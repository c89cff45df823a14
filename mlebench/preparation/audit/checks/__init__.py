"""The checks, by name; each looks for one kind of leak."""

from __future__ import annotations

from mlebench.preparation.audit.case import Check
from mlebench.preparation.audit.checks.answer_cells import answer_cells
from mlebench.preparation.audit.checks.cell_form import cell_form
from mlebench.preparation.audit.checks.file_names import file_names
from mlebench.preparation.audit.checks.groups_on_both_sides import groups_on_both_sides
from mlebench.preparation.audit.checks.marks import marks
from mlebench.preparation.audit.checks.metadata import metadata
from mlebench.preparation.audit.checks.order import order
from mlebench.preparation.audit.checks.predictive_columns import predictive_columns
from mlebench.preparation.audit.checks.sample_submission import sample_submission
from mlebench.preparation.audit.checks.sizes_and_times import sizes_and_times
from mlebench.preparation.audit.checks.task_text import description
from mlebench.preparation.audit.checks.twin_files import twin_files
from mlebench.preparation.audit.checks.twin_images import twin_images
from mlebench.preparation.audit.checks.twin_rows import twin_rows
from mlebench.preparation.audit.checks.twin_sounds import twin_sounds
from mlebench.preparation.audit.checks.twin_stretches import twin_stretches
from mlebench.preparation.audit.checks.twin_texts import twin_texts
from mlebench.preparation.audit.checks.undescribed_columns import undescribed_columns
from mlebench.preparation.audit.checks.unnamed_files import unnamed_files

CHECKS: dict[str, Check] = {
    "answer-cells": answer_cells,
    "file-names": file_names,
    "order": order,
    "sizes-and-times": sizes_and_times,
    "metadata": metadata,
    "marks": marks,
    "cell-form": cell_form,
    "predictive-columns": predictive_columns,
    "twin-rows": twin_rows,
    "twin-texts": twin_texts,
    "twin-images": twin_images,
    "twin-sounds": twin_sounds,
    "twin-files": twin_files,
    "groups-on-both-sides": groups_on_both_sides,
    "undescribed-columns": undescribed_columns,
    "unnamed-files": unnamed_files,
    "sample-submission": sample_submission,
    "description": description,
    "twin-stretches": twin_stretches,
}
