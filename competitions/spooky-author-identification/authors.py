"""Poe, Lovecraft and Shelley."""

AUTHORS = ["EAP", "HPL", "MWS"]
