"""Finds competitions and knows their facts, their editions and the places of their data."""

from mlebench.registry.catalogue import KAGGLE_SPLITS, SPLITS, Registry, registry
from mlebench.registry.competition import Competition

__all__ = ["KAGGLE_SPLITS", "SPLITS", "Competition", "Registry", "registry"]
