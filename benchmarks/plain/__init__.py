"""Straightforward graders of the 82 competitions, a yardstick that shares no code with ours.

Each is what a reader of the competition's evaluation page would write with pandas, NumPy, scikit-learn and SciPy: read both
tables, sort them by id, compare the ids, call one metric. They check nothing else in a submission and are not slowed down on
purpose. They compute the score of edition v1. `tests/benchmarks/test_plain.py` checks that ours and theirs agree.
"""
