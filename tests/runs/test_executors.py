"""Choosing an executor: what is said for another one is refused, not passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.errors import UsageError, WorkFailed
from mlebench.runs.executors import get_executor, slurm
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.settings import RunSettings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"address": "auto"}, "the local executor does not take `--address`; leave it out, or add `--executor ray`"),
        ({"executor": "slurm", "address": "auto"}, "the slurm executor does not take `--address`"),
        (
            {"executor_settings": {"partition": "gpu"}},
            r"the local executor does not take `--executor-set` \(partition\); leave it out, or add `--executor slurm`",
        ),
        (
            {"images_from": "/shared/images"},
            "the local executor does not take `--images-from`; leave it out, or add `--executor ray` or `slurm`",
        ),
        ({"executor": "ray", "executor_settings": {"qos": "x"}}, r"the ray executor does not take `--executor-set` \(qos\)"),
    ],
)
def test_settings_of_another_executor_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        get_executor(RunSettings.model_validate(settings))


def test_an_option_of_sbatch_is_taken_unless_it_is_almost_a_usual_one() -> None:
    slurm._refuse_mistyped(["partition", "requeue", "exclusive", "nodes"])
    with pytest.raises(UsageError, match=r"unknown key `partion` of `--executor-set`; did you mean `partition`\?"):
        slurm._refuse_mistyped(["qos", "partion"])


def test_none_in_words_takes_a_folder_back(tmp_path: Path) -> None:
    settings = RunSettings(executor="ray", images_from=tmp_path, node_data="$TMPDIR")
    assert settings.model_dump(exclude_defaults=True)["images_from"] == str(tmp_path)
    changed = settings.changed({"images_from": "none", "node_data": "none"})
    assert (changed.images_from, changed.node_data) == (None, None)


def test_a_setting_that_is_said_to_be_none_is_no_setting() -> None:
    get_executor(RunSettings(address=None, executor_settings={})).close()


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"name": "a", "runs": 3, "jobs": null}', '{"name": "a", "runs": ["x"], "jobs": []}', "[" * 100_000],
)
def test_a_damaged_list_of_slurm_jobs_is_said_and_not_passed_over(
    plan: Callable[..., Plan], runs_dir: Path, content: str
) -> None:
    """Whoever passes over it submits a run a second time beside its living job."""
    group = Group.create(runs_dir, plan(), {}, "group")
    batch = group.folder / ".slurm" / "mlebench-1" / "batch.json"
    batch.parent.mkdir(parents=True)
    batch.write_text(content)
    with pytest.raises(WorkFailed, match=r"batch\.json is damaged.*once `squeue --me` lists none of mlebench-1, remove"):
        slurm._batches_with(group, "toy-a_seed0")
