"""Names of whales."""

NEW_WHALE = "new_whale"
"""Any whale that no photo for training shows."""
SAMPLE_NAMES = f"{NEW_WHALE} w_1287fbc w_98baff9 w_7554f44 w_1eafe46"
