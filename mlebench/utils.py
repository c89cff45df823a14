"""Names that programs written for the published harness import: reading tables and answers, logging."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.data.tables import read_csv

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["get_logger", "load_answers", "read_csv"]


def load_answers(path: Path | str) -> pd.DataFrame:
    """Read a csv file of answers."""
    return read_csv(Path(path))


def get_logger(name: str, level: int = logging.INFO) -> logging.Logger:
    """A logger that writes to stderr with time, level and name."""
    logger = logging.getLogger(name)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("[%(asctime)s] [%(levelname)s] [%(name)s] %(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(level)
    return logger
