"""What an agent gets of a competition, wherever it runs: the task text, instructions and public data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from mlebench._support import paths
from mlebench.preparation.obfuscated import obfuscated_public
from mlebench.preparation.record import is_prepared, misfit
from mlebench.registry import Competition, Registry
from mlebench.registry.competition import prepare_command
from mlebench.registry.lists import split_of_ids

_MOST_NAMED = 3


def unprepared(competitions: Sequence[Competition]) -> list[str]:
    """Why competitions of one edition and data directory cannot be given, one sentence each with the command that helps."""
    there = [each for each in competitions if is_prepared(each)]
    misfits = [sentence for each in there if (sentence := misfit(each))]
    missing = [each for each in competitions if each not in there]
    if not missing:
        return misfits
    is_long = len(missing) > _MOST_NAMED
    more = f" and {len(missing) - _MOST_NAMED} more" if is_long else ""
    shown = ", ".join(each.id for each in missing[:_MOST_NAMED]) + more
    verb = "is" if len(missing) == 1 else "are"
    # what is prepared already is skipped
    split = split_of_ids((each.id for each in competitions), Registry().set_edition(missing[0].edition.name)) if is_long else None
    command = prepare_command(missing, split=split)
    return [f"{shown} {verb} not prepared in {missing[0].data_dir}; run `{command}`", *misfits]


def task_text(competition: Competition, *, obfuscated: bool, text: Literal["ours", "kaggle"] = "ours") -> str:
    """The description that an agent reads; `text` is a profile's `task_text`."""
    if obfuscated:
        return competition.description_obfuscated
    if text == "kaggle":
        from mlebench.preparation.pages import task_text as text_of_kaggle

        return text_of_kaggle(competition)
    return competition.description


def instructions(*, obfuscated: bool, has_gateway: bool = False) -> str:
    """The text of `home/instructions.txt`."""
    names = ["instructions_obfuscated.txt" if obfuscated else "instructions.txt"]
    names += ["instructions_models.txt"] if has_gateway else []
    return "".join((paths.content_dir("containers") / name).read_text(encoding="utf-8") for name in names)


def public_folder(competition: Competition, *, obfuscated: bool) -> Path:
    """The folder of public data that an agent gets; errors are those of `obfuscated_public`."""
    return obfuscated_public(competition) if obfuscated else competition.public_dir
