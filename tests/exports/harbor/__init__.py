"""Competitions as tasks of Harbor.

Harbor itself, which needs Python 3.12, lints the tasks and runs them where `MLEBENCH_HARBOR_PYTHON` names the Python of an
environment with harbor 0.26.0; `.ci/harbor.sh` makes one. Without it these tests are skipped, or fail with
MLEBENCH_REQUIRE_HARBOR=1.
"""
