"""The rival process of `benchmarks/grading_speed.py --against`: grades with another package `mlebench`, in its own Python.

    PYTHON benchmarks/other_harness.py DIR

Reads requests from standard input, one JSON object per line (`do`, `competition`, `submission`, `answers`), and answers each with
`score` and `seconds` of processor time, or with `error`. It imports nothing of this repository.
"""

import contextlib
import json
import os
import sys
import time


def main() -> None:
    # files next to this one are not part of the other harness
    sys.path[0] = sys.argv[1]
    # keeps graders' prints out of the answers
    answers, sys.stdout = sys.stdout, sys.stderr
    tables: dict = {}
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = answered(question, tables)
        except Exception as problem:
            answer = {"error": f"{type(problem).__name__}: {problem}"}
        answers.write(json.dumps(answer) + os.linesep)
        answers.flush()


def answered(question: dict, tables: dict) -> dict:
    """Carry out one request."""
    from mlebench.registry import registry

    grade = registry.get_competition(question["competition"]).grader.grade_fn
    paths = [question["submission"], question["answers"]]
    if question["do"] == "read":
        tables["read"] = [reader()(path) for path in paths]
        return {"score": 0.0, "seconds": 0.0}
    started = time.process_time()
    with contextlib.redirect_stdout(sys.stderr):
        if question["do"] == "score files":
            score = grade(*[reader()(path) for path in paths])
        else:
            # graders may modify the tables that they receive
            copies = [table.copy() for table in tables["read"]]
            started = time.process_time()
            score = grade(*copies)
    return {"score": float(score), "seconds": time.process_time() - started}


def reader():
    """The harness's own table reader, else pandas'."""
    try:
        from mlebench.utils import read_csv
    except ImportError:
        from pandas import read_csv
    return read_csv


if __name__ == "__main__":
    main()
