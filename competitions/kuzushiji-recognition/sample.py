"""What the sample submission says of every page."""

SAMPLE_LABELS = "U+003F 1 1 U+FF2F 2 2"
