"""The task of Inspect, run by Inspect itself.

Without `inspect_ai` (`pip install 'mlebench[inspect]'`) the tests that run it are skipped, or fail with
MLEBENCH_REQUIRE_INSPECT=1.
"""
