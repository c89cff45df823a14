"""What is found on studies and on images."""

APPEARANCES = ("negative", "typical", "indeterminate", "atypical")
"""Of studies, in the order of the columns of their table."""
SAMPLE_STUDY = "negative 1 0 0 1 1"
NOTHING = "none 1 0 0 1 1"
"""An image without opacity."""
