"""The page of the Python API, `docs/api.md`: every public name of `mlebench` with its signature and docstring."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any, is_typeddict

import mlebench

_GROUPS = {
    "Competitions and data": ("list_competitions", "prepare", "make_mock", "status", "audit"),
    "Submissions": (
        *("grade_csv", "grade_many", "grade_jsonl", "validate_submission", "aggregate_reports"),
        "Environment",
    ),
    "Runs": ("preview_run", "run", "Choices", "load_group", "list_groups", "grade_group"),
    "Results": ("report", "review", "bundle", "verify", "export_atif", "export_harbor"),
    "Classes": (
        *("Registry", "Competition", "DataStatus", "Audit", "CompetitionReport", "AggregateReport", "Experiment", "Plan"),
        *("Preview", "GroupResult", "RunRecord", "Display", "Silent", "Step", "Report", "Review", "Bundle", "Verdict"),
    ),
    "Errors": ("MlebenchError", "UsageError", "NotPrepared", "WorkFailed", "GroupStopped", "Interrupted", "InvalidSubmission"),
}
_OTHER_NAMES = """\
## Names of the published harness

Programs written for openai/mle-bench import these names and run unchanged.

| module | names |
|---|---|
{rows}

`mlebench.registry.registry` is the `Registry` over the default data directory, edition v1.
`competition.grader(submission, answers)` returns a score rounded to 5 decimals, or `None` and a line in the log.
`competition.grader.score(submission, answers)` returns it unrounded and raises `InvalidSubmissionError`. `grading` has `Grader`,
the kinds of columns, `Thresholds` and reports, and imports nothing of the harness.
"""
_MODULES = (
    *("mlebench.registry", "mlebench.data", "mlebench.grade", "mlebench.grade_helpers", "mlebench.utils", "mlebench.metrics"),
    "mlebench.competitions.utils",
)
_HOMES = re.compile(r"\b(?:mlebench|grading|pathlib|collections\.abc|typing|datetime|pandas)(?:\.\w+)*\.(?=[A-Za-z_])")
_WIDTH = 100


def api_page() -> str:
    """The page as Markdown."""
    missing = {*mlebench.__all__} - {name for names in _GROUPS.values() for name in names} - {"__version__", "registry"}
    if missing:
        raise ValueError(f"no group lists {', '.join(sorted(missing))}; add it to `_GROUPS`")
    parts = [
        "# Python API",
        "<!-- made by docs/generate.py from the docstrings; do not edit -->",
        "The public names of `mlebench`. [Use Python](python.md) shows how they go together.",
        _index(),
    ]
    for title, names in _GROUPS.items():
        parts += [f"## {title}", *(_entry(name) for name in names)]
    parts.append(_OTHER_NAMES.format(rows="\n".join(_module_row(name) for name in _MODULES)))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _index() -> str:
    """A table of all names with their summaries."""
    rows = [
        f"| [`{name}`](#{_anchor(name)}) | {_cell(_summary(getattr(mlebench, name)))} |"
        for names in _GROUPS.values()
        for name in names
    ]
    return "\n".join(["| name | what it is |", "|---|---|", *rows])


def _is_class(name: str) -> bool:
    value = getattr(mlebench, name)
    return isinstance(value, type) or is_typeddict(value)


def _anchor(name: str) -> str:
    """Of the heading; a function and a class differ in more than capitals, which anchors do not have."""
    return f"class-{name.lower()}" if _is_class(name) else name


def _entry(name: str) -> str:
    value = getattr(mlebench, name)
    if not _is_class(name):
        return f"### {name}\n\n{_signature(name, value)}\n\n{_docstring(value)}"
    parts = [f"### class {name}", _docstring(value)]
    if constructor := _constructor(name, value):
        parts.insert(1, constructor)
    if members := list(_members(value)):
        parts.append("\n".join(["| member | what it is |", "|---|---|", *members]))
    return "\n\n".join(parts)


def _signature(name: str, function: Any) -> str:
    """The call in a block of code, one parameter per line where it is long."""
    signature = inspect.signature(function)
    annotation = signature.return_annotation
    returned = "" if annotation is signature.empty else " -> " + _plain(str(annotation).strip("'"))
    parameters = [_plain(str(parameter)) for parameter in _with_stars(signature)]
    line = f"{name}({', '.join(parameters)}){returned}"
    if len(line) > _WIDTH:
        line = f"{name}(\n" + "".join(f"    {parameter},\n" for parameter in parameters) + f"){returned}"
    return f"```text\n{line}\n```"


def _with_stars(signature: inspect.Signature) -> Iterator[inspect.Parameter | str]:
    keyword_only = False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            yield "*"
        yield _without_functions(parameter)


def _without_functions(parameter: inspect.Parameter) -> inspect.Parameter:
    """A default that is a function has an address in its text."""
    default = parameter.default
    return parameter.replace(default=_Ellipsis()) if callable(default) and default is not parameter.empty else parameter


class _Ellipsis:
    def __repr__(self) -> str:
        return "…"


def _plain(text: str) -> str:
    """Annotations without quotes and the modules of names."""
    return _HOMES.sub("", re.sub(r": '([^']*)'", r": \1", text))


def _constructor(name: str, value: Any) -> str | None:
    own = [base for base in value.__mro__ if "__init__" in vars(base)][:1]
    if name not in ("Environment", "Registry") or not own:
        return None
    return _signature(name, value)


def _members(value: Any) -> Iterator[str]:
    """Rows of a class: attributes with the docstrings below them, properties and methods."""
    documented = {name: text for base in reversed(value.__mro__) for name, text in _attribute_docstrings(base).items()}
    if is_typeddict(value):
        documented = _attribute_docstrings(value)
    names = {field.name: None for field in dataclasses.fields(value)} if dataclasses.is_dataclass(value) else {}
    names |= dict.fromkeys(documented) | dict.fromkeys(getattr(value, "_fields", ()))
    for base in reversed(value.__mro__):
        if base.__module__.split(".")[0] in ("mlebench", "grading"):
            names |= {name: None for name, member in vars(base).items() if _is_member(member)}
    for name in names:
        if name.startswith("_"):
            continue
        member = inspect.getattr_static(value, name, None)
        if inspect.isfunction(member) or isinstance(member, classmethod | staticmethod):
            function = member if inspect.isfunction(member) else member.__func__
            parameters = ", ".join(p for p in inspect.signature(function).parameters if p not in ("self", "cls"))
            yield f"| `{name}({parameters})` | {_cell(_summary(function))} |"
        else:
            text = documented.get(name) or (_summary(member) if _is_member(member) else "")
            yield f"| `{name}` | {_cell(text)} |"


def _is_member(member: Any) -> bool:
    described = getattr(type(member), "__module__", "").startswith(("mlebench", "functools"))
    return bool(inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod) or described) and bool(
        getattr(member, "__doc__", None) or getattr(member, "__func__", None)
    )


def _attribute_docstrings(value: Any) -> dict[str, str]:
    """The strings that follow annotated names in the body of a class."""
    import ast
    import textwrap

    if value.__module__.split(".")[0] not in ("mlebench", "grading"):
        return {}
    [body] = ast.parse(textwrap.dedent(inspect.getsource(value))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for node, following in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            described = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            found[node.target.id] = str(following.value.value) if described else ""  # type: ignore[union-attr]
    return found


def _docstring(value: Any) -> str:
    """A docstring in Google's style as Markdown: sections in bold, arguments as a list, the example as code."""
    text = inspect.getdoc(value) if inspect.isfunction(value) else inspect.cleandoc(vars(value).get("__doc__") or "")
    parts: list[str] = []
    section = ""
    for block in re.split(r"\n(?=(?:Args|Attributes|Returns|Raises|Example|Examples):\n)", text or ""):
        head, _, body = block.partition("\n")
        section = head.rstrip(":") if re.fullmatch(r"(Args|Attributes|Returns|Raises|Examples?):", head) else ""
        if not section:
            parts.append(_prose(block))
        elif section.startswith("Example"):
            parts.append(f"**{section}**\n\n```pycon\n{inspect.cleandoc(body)}\n```")
        elif section == "Returns":
            parts.append(f"**{section}**\n\n{' '.join(body.split())}")
        else:
            parts.append(f"**{section}**\n\n" + "\n".join(f"- {entry}" for entry in _entries(body)))
    return "\n\n".join(part for part in parts if part)


def _prose(block: str) -> str:
    """Paragraphs on one line each; indented lines are code."""
    paragraphs = re.split(r"\n\s*\n", block.strip())
    code = [all(line.startswith("    ") for line in paragraph.splitlines()) for paragraph in paragraphs]
    return "\n\n".join(
        f"```text\n{inspect.cleandoc(paragraph)}\n```" if is_code else " ".join(paragraph.split())
        for paragraph, is_code in zip(paragraphs, code, strict=True)
    )


def _entries(body: str) -> Iterator[str]:
    """`name: text` of each entry of a section, on one line."""
    for entry in re.split(r"\n(?!\s{4,})", inspect.cleandoc(body)):
        name, separator, text = " ".join(entry.split()).partition(": ")
        yield f"`{name}`: {text}" if separator else name


def _summary(value: Any) -> str:
    """The first paragraph of a docstring."""
    text = getattr(value, "__doc__", None) or ""
    return " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())


def _module_row(name: str) -> str:
    import importlib

    module = importlib.import_module(name)
    names = getattr(module, "__all__", None) or [each for each in dir(module) if not each.startswith("_")]
    return f"| `{name}` | {', '.join(f'`{each}`' for each in sorted(names))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
