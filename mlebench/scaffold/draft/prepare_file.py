"""The text of a drafted `prepare.py`."""

from __future__ import annotations

from collections.abc import Iterator

from mlebench.scaffold.draft.bond import Bond
from mlebench.scaffold.draft.layout import is_shared, shared_folder, submitted_columns, test_columns
from mlebench.scaffold.draft.proposal import Draft, Media, Target
from mlebench.scaffold.draft.roles import MADE_ID
from mlebench.scaffold.draft.source_text import assigned, constant, quoted, quoted_list, remarks

_FEW = 6
"""More columns than these are a constant of the module."""
_HEAD = "def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:"


def prepare_source(draft: Draft) -> str:
    """The text of a `prepare.py` that splits the labelled rows and puts the files of each part into public."""
    body = [*_table(draft), *_split(draft), "", *_writes(draft), *_media(draft), *_copied(draft)]
    opened = _opened(draft.media)
    lines = [*opened, *(f"    {line}" if line and opened else line for line in body)]
    function = "\n".join(f"    {line}" if line else "" for line in lines)
    constants = "".join(f"{line}\n" for line in (*_columns(draft), *_copies(draft)))
    imports = _imports(function, has_classes=draft.form == "class probabilities")
    return f"{imports}\n{constants}\n\n{_HEAD}\n{function}\n"


def _imports(function: str, *, has_classes: bool) -> str:
    names = ("Edition", "extract", "link", "link_files", "one_hot", "open_zip", "scratch", "unpack_files", "write_csv")
    used = [name for name in names if name == "Edition" or f"{name}(" in function.replace("read_text_table(", "")]
    lines = ["from pathlib import Path" + (", PurePosixPath" if "PurePosixPath" in function else ""), ""]
    if "pd." in function:
        lines += ["import pandas as pd", ""]
    lines.append(f"from mlebench.data import {', '.join(used)}")
    if "united(" in function:
        lines.append("from mlebench.data.groups import united")
    if "read_text_table(" in function:
        lines.append("from mlebench.data.text_tables import read_text_table")
    if has_classes:
        lines += ["", "from .classes import CLASSES"]
    return "\n".join(lines)


def _opened(media: Media | None) -> list[str]:
    """What unpacks the files, around all the rest, where they are in an archive that cannot be read in place."""
    if media is None or not _is_unpacked(media):
        return []
    return ["with scratch(public) as unpacked:", f"    extract(raw / {quoted(media.train)}, unpacked)"]


def _is_zip(media: Media) -> bool:
    return media.train.lower().endswith(".zip")


def _is_unpacked(media: Media) -> bool:
    return not media.train.endswith("/") and not _is_zip(media)


def _folder(media: Media) -> str:
    """The folder with the files, as an expression."""
    inside = media.inside.rstrip("/")
    if _is_unpacked(media):
        return f"unpacked / {quoted(inside)}" if inside else "unpacked"
    return f"raw / {quoted(media.train.rstrip('/'))}"


def _table(draft: Draft) -> Iterator[str]:
    yield from remarks(draft, "id")
    yield from remarks(draft, "targets")
    if draft.media is not None and draft.media.column is None:
        yield from _listed(draft.media)
        columns = [draft.ids[0], draft.targets[0].name]
        name = "PurePosixPath(file).name"
        if ending := draft.media.name.partition("{}")[2]:
            name += f".removesuffix({quoted(ending)})"
        yield f'rows = [({name}, file.split("/")[0]) for file in files if file.count("/") == 1]'
        yield f"table = pd.DataFrame(sorted(rows), columns={quoted_list(columns)})"
    else:
        member = "" if draft.train.member is None else f", {quoted(draft.train.member)}"
        yield f"table = read_text_table(raw / {quoted(draft.train.path)}{member})"
    if draft.ids == (MADE_ID,) and MADE_ID not in draft.train.columns:
        yield f"table.insert(0, {quoted(MADE_ID)}, [str(number) for number in range(len(table))])"
    for target in draft.targets:
        if target.separator is not None:
            cells = f"table[{quoted(target.name)}]"
            yield f'{cells} = {cells}.str.replace({quoted(target.separator)}, " ", regex=False)'
        if _is_of_two_words(draft, target):
            cells = f"table[{quoted(target.name)}]"
            yield f"{cells} = ({cells} == {quoted(target.classes[1])}).astype(int).astype(str)"


def _is_of_two_words(draft: Draft, target: Target) -> bool:
    return draft.form == "columns" and target.kind == "Probability()" and len(target.classes) == 2


def _split(draft: Draft) -> Iterator[str]:
    times = [bond for bond in draft.bonds if bond.kind == "time"]
    if times:
        yield from _split_by_time(draft, times[0])
        return
    groups = [_group(bond, number) for number, bond in enumerate(draft.bonds)]
    arguments = []
    if groups:
        # an empty cell binds nothing
        arguments += [*remarks(draft, "groups"), f"groups=united({', '.join(groups)}),"]
    if draft.stratify is not None:
        arguments += [*remarks(draft, "stratify"), f"stratify=table[{quoted(draft.stratify)}],"]
    yield "train, test = edition.split("
    yield "    table,"
    yield from (f"    {line}" for line in remarks(draft, "test_size"))
    yield f"    test_size={draft.test_size!r},"
    yield from (f"    {line}" for line in arguments)
    yield ")"


def _split_by_time(draft: Draft, bond: Bond) -> Iterator[str]:
    yield from remarks(draft, "time")
    column = f"table[{quoted(bond.column)}]"
    yield f'times = pd.to_numeric({column}, errors="coerce")'
    yield "if times.isna().any():"
    yield f'    times = pd.to_datetime({column}, errors="coerce", utc=True, format="mixed")'
    yield 'table = table.iloc[times.argsort(kind="stable")]'
    yield from remarks(draft, "test_size")
    yield f"later = round({draft.test_size!r} * len(table))"
    yield "train, test = table.iloc[:-later], table.iloc[-later:]"


def _group(bond: Bond, number: int) -> str:
    if bond.sets:
        names = f"table[{quoted(bond.column)}]" if bond.column else "map(str, range(len(table)))"
        return f"[{_sets(number)}.get(name) for name in {names}]"
    cells = f"table[{quoted(bond.column)}]"
    if bond.separator is not None:
        cells += f".str.split({quoted(bond.separator)}, regex=False).str[{bond.part}]"
        return cells
    return f'{cells}.where({cells} != "")'


def _sets(number: int) -> str:
    return f"COPIES_{number + 1}" if number else "COPIES"


def _copies(draft: Draft) -> Iterator[str]:
    """The constants with the rows that belong together though no cell says so: the number of its set by row."""
    for number, bond in enumerate(draft.bonds):
        if bond.sets:
            yield ""
            yield f"{_sets(number)} = {{"
            yield from (f"    {quoted(name)}: {place}," for place, names in enumerate(bond.sets) for name in names)
            yield "}"


def _writes(draft: Draft) -> Iterator[str]:
    ids = list(draft.ids)
    yield 'write_csv(train, public / "train.csv")'
    yield f'write_csv({_without_targets(draft)}, public / "test.csv")'
    if draft.form == "class probabilities":
        yield f"answers = test[{quoted_list(ids)}].join(one_hot(test[{quoted(draft.targets[0].name)}], CLASSES))"
        yield 'write_csv(answers, private / "test.csv")'
        yield 'write_csv(answers.assign(**dict.fromkeys(CLASSES, 1 / len(CLASSES))), public / "sample_submission.csv")'
        return
    columns = list(submitted_columns(draft))
    if _has_many_targets(draft):
        answers = f"[{', '.join([*map(quoted, ids), '*TARGETS'])}]"
        values = _constants(draft)
    else:
        answers = quoted_list([*ids, *columns])
        values = assigned((target.name, _constant(draft, target)) for target in draft.targets)
    yield f'write_csv(test[{answers}], private / "test.csv")'
    yield f'write_csv(test[{quoted_list(ids)}].assign({values}), public / "sample_submission.csv")'


def _has_many_targets(draft: Draft) -> bool:
    kinds = {target.kind for target in draft.targets}
    return len(draft.targets) > _FEW and (kinds == {"Probability()"} or all(kind.startswith("Real") for kind in kinds))


def _constants(draft: Draft) -> str:
    """What the sample submission says in every row, of many targets at once."""
    if draft.targets[0].kind == "Probability()":
        return f"**dict.fromkeys(TARGETS, {_constant(draft, draft.targets[0])})"
    return "**train[list(TARGETS)].astype(float).median()"


def _without_targets(draft: Draft) -> str:
    """The rows of the test table, as an expression."""
    shown = list(test_columns(draft))
    targets = {target.name for target in draft.targets}
    hidden = [column for column in dict.fromkeys((*draft.ids, *draft.train.columns)) if column not in shown]
    if _has_many_targets(draft) and targets == {*hidden}:
        return "test.drop(columns=list(TARGETS))"
    return f"test.drop(columns={quoted_list(hidden)})" if len(hidden) <= _FEW else "test[list(SHOWN)]"


def _columns(draft: Draft) -> Iterator[str]:
    """The constants with columns that are too many for one line."""
    if _has_many_targets(draft):
        yield ""
        yield from constant("TARGETS", [target.name for target in draft.targets])
    if "SHOWN" in _without_targets(draft):
        yield ""
        yield from constant("SHOWN", test_columns(draft))


def _constant(draft: Draft, target: Target) -> str:
    """What the sample submission says in every row."""
    name = quoted(target.name)
    if target.kind == "Probability()":
        return repr(1 / len(draft.targets) if draft.metric.submits == "class probabilities" else 0.5)
    if target.kind.startswith("Real"):
        return f"train[{name}].astype(float).median()"
    if target.kind == "Boolean()":
        return "False"
    if draft.metric.submits == "texts":
        return quoted("")
    return f"train[{name}].mode()[0]"


def _media(draft: Draft) -> Iterator[str]:
    media = draft.media
    if media is None:
        return
    yield ""
    yield from remarks(draft, "media")
    column = quoted(media.column or draft.ids[0])
    if media.column is not None and (media.nested or media.name == "{}/"):
        yield from _listed(media)
    if media.nested:
        yield "places = {PurePosixPath(file).name: file for file in files}"
    if is_shared(media):
        yield from _put(media, column, "table", quoted(shared_folder(media)))
        return
    yield 'for part, rows in (("train", train), ("test", test)):'
    yield from (f"    {line}" for line in _put(media, column, "rows", "part"))


def _listed(media: Media) -> Iterator[str]:
    """The paths of all files, below the folder with them."""
    if _is_zip(media):
        yield f"with open_zip(raw / {quoted(media.train)}) as archive:"
        yield '    members = sorted(name for name in archive.namelist() if not name.endswith("/"))'
        inside = quoted(media.inside)
        yield f"files = [name.removeprefix({inside}) for name in members if name.startswith({inside})]"
        return
    yield f"folder = {_folder(media)}"
    yield 'files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]'


def _put(media: Media, column: str, rows: str, target: str) -> Iterator[str]:
    """Puts the files of some rows into a folder below public."""
    ending = media.name.partition("{}")[2]
    cells = f"{rows}[{column}]" + (f".str.removeprefix({quoted(media.prefix)})" if media.prefix else "")
    names = cells + (f" + {quoted(ending)}" if ending and media.name != "{}/" else "")
    if media.name == "{}/":
        yield f"own = set({cells})"
        old = new = "file"
        loop = 'for file in files if file.split("/")[0] in own'
    else:
        old, new, loop = (
            ("places[name]", "name", f"for name in {names}") if media.nested else ("name", "name", f"for name in {names}")
        )
    if _is_zip(media):
        inside = f"{quoted(media.inside)} + " if media.inside else ""
        yield f"unpack_files(raw / {quoted(media.train)}, public / {target}, {{{inside}{old}: {new} {loop}}})"
    elif media.nested:
        # a link would show from which folder it comes
        yield f"link_files({_folder(media)}, public / {target}, {{{old}: {new} {loop}}}, hide_origin=True)"
    elif media.name == "{}/":
        yield f"link_files({_folder(media)}, public / {target}, [file {loop}])"
    else:
        yield f"link_files({_folder(media)}, public / {target}, {names})"


def _copied(draft: Draft) -> Iterator[str]:
    if draft.copied:
        yield ""
    for path in draft.copied:
        yield f"link(raw / {quoted(path)}, public / {quoted(path)})"
