"""Show one competition: facts, medal thresholds, files, and known issues of each edition.

examples:
  mlebench info spaceship-titanic
  mlebench info spaceship-titanic --edition v2 --json
"""

from __future__ import annotations

import argparse
from dataclasses import asdict

from mlebench.cli.options import add_data, add_json, registry_of
from mlebench.cli.output import print_json, print_table


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the competition")
    add_data(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.preparation.record import is_prepared

    competition = registry_of(arguments).get_competition(arguments.id)
    thresholds = competition.thresholds
    facts = {key: value for key, value in asdict(competition.facts).items() if key != "v2"}
    document = {
        **facts,
        "split": competition.split,
        **({} if competition.suite is None else {"suite": str(competition.suite)}),
        "issues": [asdict(issue) for issue in competition.issues],
        "edition": competition.edition.name,
        "metric": competition.metric,
        "direction": competition.direction,
        "best_score": competition.facts.metric.best,
        "thresholds": {name: getattr(thresholds, name) for name in ("gold", "silver", "bronze", "median")}
        if thresholds
        else None,
        "prepared": is_prepared(competition),
        "data": str(competition.prepared_dir),
    }
    if arguments.json:
        print_json(document)
        return 0
    shown = (
        "id",
        "title",
        "version",
        "split",
        "modality",
        "task",
        "metric",
        "direction",
        "best_score",
        "download_gb",
        "edition",
        "prepared",
        "data",
    )
    rows = [[name.replace("_", " "), document[name]] for name in shown if name != "prepared"]
    rows += [["suite", document["suite"]]] if "suite" in document else []
    rows.append(["prepared", "yes" if document["prepared"] else f"no; run {competition.prepare_command}"])
    rows += [[f"{name} threshold", score] for name, score in (document["thresholds"] or {}).items()]
    rows += [["public files", ", ".join(competition.facts.files.public)]]
    print_table(["fact", "value"], [[name, None if value is None else str(value)] for name, value in rows])
    if competition.issues:
        print_table(
            ["known issue", "kind", "in v1", "in v2"],
            [[issue.name, issue.kind, issue.v1, issue.v2] for issue in competition.issues],
        )
    return 0
