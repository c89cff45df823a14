"""Boxes around findings."""

CORNERS = ["x_min", "y_min", "x_max", "y_max"]
NO_FINDING = 14
"""The class of an image without findings."""
SAMPLE_BOX = f"{NO_FINDING} 1 0 0 1 1"
