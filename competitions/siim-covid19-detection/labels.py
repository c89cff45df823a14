"""Labels of studies and images."""

APPEARANCES = ("negative", "typical", "indeterminate", "atypical")
"""Labels of studies, in table column order."""
SAMPLE_STUDY = "negative 1 0 0 1 1"
NOTHING = "none 1 0 0 1 1"
"""An image without opacity."""
