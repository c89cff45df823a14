"""A competition's folder as it is written for the published harness: made here, in that form, from nothing."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pandas as pd
import yaml

SCORES = [0.9 - place / 100 for place in range(50)]


def write_competition(home: Path, name: str = "plant-rows", **changes: object) -> Path:
    """The folder `home/name`; `changes` replace keys of its `config.yaml`."""
    folder = home / name
    folder.mkdir(parents=True)
    config: dict[str, object] = {
        "id": name,
        "name": "Plant rows",
        "competition_type": "simple",
        "awards_medals": True,
        "prizes": None,
        "description": f"mlebench/competitions/{name}/description.md",
        "dataset": {
            "answers": f"{name}/prepared/private/answers.csv",
            "sample_submission": f"{name}/prepared/public/sample_submission.csv",
        },
        "grader": {"name": "accuracy", "grade_fn": f"mlebench.competitions.{name}.grade:grade"},
        "preparer": f"mlebench.competitions.{name}.prepare:prepare",
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config | changes))
    (folder / "description.md").write_text("# Plants\n\nSay which plant stands in each row.\n")
    (folder / "classes.py").write_text('CLASSES = ["fern", "moss"]\n')
    _write(
        folder / "grade.py",
        """
        import pandas as pd
        from sklearn.metrics import accuracy_score

        from mlebench.competitions.utils import prepare_for_accuracy_metric
        from mlebench.grade_helpers import InvalidSubmissionError
        from mlebench.metrics import macro_f1

        from .classes import CLASSES


        def grade(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
            assert len(answers) > 0
            if not set(submission["plant"]) <= set(CLASSES):
                raise InvalidSubmissionError(f"the plants are {CLASSES}")
            truth, prediction = prepare_for_accuracy_metric(
                submission=submission, answers=answers, target_column="plant", id_column="row_id"
            )
            assert macro_f1(truth, truth) == 1
            return accuracy_score(truth, prediction)
        """,
    )
    _write(
        folder / "prepare.py",
        """
        from pathlib import Path

        from mlebench.utils import extract, read_csv


        def prepare(raw: Path, public: Path, private: Path):
            rows = read_csv(raw / "rows.csv")
            test = rows.iloc[::2]
            rows.iloc[1::2].to_csv(public / "train.csv", index=False)
            test.to_csv(private / "answers.csv", index=False)
            test.drop(columns="plant").to_csv(public / "test.csv", index=False)
            test.assign(plant="fern").to_csv(public / "sample_submission.csv", index=False)
        """,
    )
    board = pd.DataFrame({"scoreNullable": None, "teamName": range(len(SCORES)), "score": SCORES})
    board.to_csv(folder / "leaderboard.csv", index=False)
    return folder


def write_raw(raw: Path) -> Path:
    """What is downloaded: 40 rows, a quarter of them moss."""
    raw.mkdir(parents=True)
    plants = ["moss" if row % 4 == 0 else "fern" for row in range(40)]
    pd.DataFrame({"row_id": range(40), "plant": plants}).to_csv(raw / "rows.csv", index=False)
    return raw


def _write(path: Path, source: str) -> None:
    path.write_text(textwrap.dedent(source).lstrip())
