"""What a leaf can be; each is one of these."""

CLASSES = ["healthy", "multiple_diseases", "rust", "scab"]
