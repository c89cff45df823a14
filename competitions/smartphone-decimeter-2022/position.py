"""The columns of a position."""

POSITION = ["LatitudeDegrees", "LongitudeDegrees"]
SAMPLE_POSITION = dict(zip(POSITION, (37.904611315634504, -86.48107806249548), strict=True))
"""The sample submission's position in every row."""
