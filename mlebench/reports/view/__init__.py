"""The live page of a folder of run groups: `mlebench view`."""
