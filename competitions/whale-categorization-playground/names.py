"""Whale names."""

NEW_WHALE = "new_whale"
"""Any whale without a training photo."""
SAMPLE_NAMES = f"{NEW_WHALE} w_1287fbc w_98baff9 w_7554f44 w_1eafe46"
