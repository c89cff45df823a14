"""Straightforward graders of the 82 competitions, a yardstick that shares no code with ours.

Each is what somebody who has read the competition's evaluation page would write with pandas, NumPy, scikit-learn and SciPy: read
both tables, sort them by id, compare the ids, call one metric. They check nothing else of a submission and are not made slow.
They compute the score of edition v1. `tests/benchmarks/test_plain.py` holds that ours and theirs agree.
"""
