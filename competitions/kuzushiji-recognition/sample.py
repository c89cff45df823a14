"""The sample submission's prediction for every page."""

SAMPLE_LABELS = "U+003F 1 1 U+FF2F 2 2"
