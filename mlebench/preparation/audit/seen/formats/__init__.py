"""Formats of tables, one file each: which tables a content holds, and their cells as text."""
