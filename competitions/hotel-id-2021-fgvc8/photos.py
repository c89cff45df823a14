"""What Kaggle's tables say about photos."""

CONTRADICTING = "ce27d36c9147cc19.jpg"
"""Listed twice in Kaggle's table, with different labels."""
SAMPLE_HOTELS = "36363 53586 18807 64314 60181"
