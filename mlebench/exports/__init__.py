"""Writes what the harness keeps in the formats of others, for their tools to read."""
