"""Checks a competition folder and lists what is left to do: contract, task texts, thresholds, leaks, a run of the baseline."""
