"""The formats of `mlebench export`, one module each."""
