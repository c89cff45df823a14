"""Exports in the formats of others."""
