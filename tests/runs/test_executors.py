"""Choosing an executor: what is said for another one is refused, not passed over."""

from __future__ import annotations

import pytest

from mlebench.errors import UsageError
from mlebench.runs.executors import get_executor
from mlebench.runs.settings import RunSettings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"address": "auto"}, "the local executor takes no `--address`; leave it out, or add `--executor ray`"),
        ({"executor": "slurm", "address": "auto"}, "the slurm executor takes no `--address`"),
        (
            {"executor_settings": {"partition": "gpu"}},
            r"the local executor takes no `--executor-set` \(partition\); leave it out, or add `--executor slurm`",
        ),
        ({"executor": "ray", "executor_settings": {"qos": "x"}}, r"the ray executor takes no `--executor-set` \(qos\)"),
    ],
)
def test_settings_of_another_executor_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        get_executor(RunSettings.model_validate(settings))


def test_a_setting_that_is_said_to_be_none_is_no_setting() -> None:
    get_executor(RunSettings(address=None, executor_settings={})).close()
