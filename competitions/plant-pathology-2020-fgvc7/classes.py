"""The classes of leaves."""

CLASSES = ["healthy", "multiple_diseases", "rust", "scab"]
