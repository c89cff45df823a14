"""Reads a YAML file into a validated model; what is wrong is said with file, key and what was expected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from grading.printable import printable
from mlebench._support.files import read_text
from mlebench._support.hints import unknown
from mlebench.errors import UsageError


class _NoRepeats:
    """Refuses a key that stands twice in one mapping, as the first would be dropped without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(keys) > len(set(keys)):
            repeated = next(key for key in keys if keys.count(key) > 1)
            raise yaml.constructor.ConstructorError(None, None, f"the key `{repeated}` appears twice", node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)  # type: ignore[misc]
        return mapping


class _SafeLoader(_NoRepeats, yaml.SafeLoader):
    pass


class _TextLoader(_NoRepeats, yaml.BaseLoader):
    pass


class _Loader(_NoRepeats, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    pass


_WORDS = dict.fromkeys(("dict_type", "model_type", "dataclass_type"), "expected keys with values, such as `{key: value}`")
"""What the validator says in the words of Python."""

_LONGEST_VALUE = 60

Model = TypeVar("Model", bound=BaseModel)


_ALIAS = re.compile(r"[\s\[{,:-]\*\w")
_MOST_NODES = 10**6
"""Of a file, those that aliases stand for counted each time: a few lines can stand for more than a memory holds."""
_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def without_empty_keys(content: Any) -> Any:
    """What a model validates: a key with nothing behind it, as where every entry is commented out, is as good as none."""
    if content is None:
        return {}
    return {key: value for key, value in content.items() if value is not None} if isinstance(content, dict) else content


def read_yaml(path: Path, *, as_text: bool = False) -> Any:
    """The content of a YAML file.

    Args:
        path: the file.
        as_text: keep every value as the text that is written, such as `2.10`, `no` and `2024`.

    Raises:
        UsageError: the file cannot be read or is not YAML.
    """
    return _parsed(path, _text(path), as_text=as_text)


def _text(path: Path) -> str:
    return read_text(path, "pass a YAML file")


def _parsed(path: Path, text: str, *, as_text: bool = False) -> Any:
    # the loader in C refuses what stands for a file name that is not UTF-8
    loader = _TextLoader if as_text else _SafeLoader if _LONE_SURROGATE.search(text) else _Loader
    try:
        if _ALIAS.search(text):
            _refuse_bomb(yaml.compose(text, loader))
        return yaml.load(text, loader)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        # numbers with thousands of digits and impossible dates do not raise YAML's own errors
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def _refuse_bomb(document: yaml.Node | None) -> None:
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if isinstance(node, yaml.ScalarNode):
            return 1
        if id(node) not in sizes:
            # an alias within what it stands for is one without end
            sizes[id(node)] = _MOST_NODES + 1
            inner = node.value if isinstance(node, yaml.SequenceNode) else [part for entry in node.value for part in entry]
            sizes[id(node)] = 1 + sum(map(size, inner))
        return sizes[id(node)]

    if document is not None and size(document) > _MOST_NODES:
        raise yaml.YAMLError(f"its aliases stand for more than {_MOST_NODES:,} values")


def read_model(path: Path, model: type[Model]) -> Model:
    """Read and validate the YAML file at `path`.

    Raises:
        UsageError: naming the file, and of each wrong key the line and what was expected there.
    """
    text = _text(path)
    return _validate(_parsed(path, text), model, str(path), text)


def validate(content: Any, model: type[Model], where: str) -> Model:
    """Validate `content`; `where` names its origin in the error. Nothing at all is taken for no keys."""
    return _validate(content, model, where, None)


def faults(path: Path, error: ValidationError) -> UsageError:
    """An error about a YAML file that was read and does not validate, with the line of each problem."""
    return _faults(str(path), _text(path), error, None)


def refusal(path: Path, place: Sequence[int | str], sentence: str) -> UsageError:
    """An error about a YAML file that was read, with the line of a place in it, such as `("models", "gpt-5", "provider")`."""
    line = _line_of(_text(path), place)
    return UsageError(f"{path}{f', line {line}' if line else ''}: {sentence}")


def _validate(content: Any, model: type[Model], where: str, text: str | None) -> Model:
    content = {} if content is None else content
    if not isinstance(content, Mapping):
        kind = "a list" if isinstance(content, list) else f"`{str(content)[:40]}`"
        raise UsageError(f"{where} holds {kind}; write keys with values, such as `{next(iter(model.model_fields))}: …`")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        if text is None:
            raise UsageError(f"{where}: {describe(error, model)}") from None
        raise _faults(where, text, error, model) from None


def _faults(where: str, text: str, error: ValidationError, model: type[BaseModel] | None) -> UsageError:
    problems = [(_line_of(text, detail["loc"]), _problem(detail, model)) for detail in error.errors()]
    told = _joined(f"line {line}: {problem}" if line else problem for line, problem in problems)
    return UsageError(f"{where}{', ' if problems[0][0] else ': '}{told}")


def _line_of(text: str, place: Sequence[int | str]) -> int | None:
    """The line (from 1) of what is at a place, or of what it would be in; None if that is the whole document."""
    try:
        node = yaml.compose(text, _SafeLoader if _LONE_SURROGATE.search(text) else _Loader)
    except (yaml.YAMLError, RecursionError):
        return None
    line = None
    for step in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode) and (found := _entry(node, str(step))) is not None:
            key, node = found
            line = key.start_mark.line + 1
    return line


def _entry(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    entries = [(name, value) for name, value in node.value if isinstance(name, yaml.ScalarNode) and name.value == key]
    return entries[0] if entries else None


def describe(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Every problem of a validation error in one line; with the model, an unknown key is followed by the nearest ones."""
    return _joined(_problem(detail, model) for detail in error.errors())


def _joined(problems: Iterable[str]) -> str:
    # a question ends its sentence
    return "; ".join(problems).replace("?; ", "? ")


def _problem(detail: ErrorDetails, model: type[BaseModel] | None) -> str:
    key = ".".join(map(str, detail["loc"])) or "the whole file"
    if detail["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return _unknown_key(detail["loc"], model)
    if detail["type"] == "missing":
        return f"`{key}` is missing"
    message = _WORDS.get(detail["type"], detail["msg"])
    if detail["type"].endswith("_parsing"):
        message = f"{message.partition(',')[0]}, not `{printable(str(detail['input']), _LONGEST_VALUE)}`"
    words = re.sub(r"^(Value error, |Input should be )", lambda found: "" if found[0].startswith("V") else "expected ", message)
    return f"`{key}`: {words[:1].lower()}{words[1:]}"


def _unknown_key(place: Sequence[int | str], model: type[BaseModel] | None) -> str:
    *outer, key = place
    parts = [model] if model else []
    for step in outer:
        fields = [part.model_fields[str(step)] for part in parts if str(step) in part.model_fields]
        # a step that is not a field is a position in a list or a dictionary
        parts = [found for field in fields for found in _models_in(field.annotation)] if fields else parts
    known = [name for part in parts for name in part.model_fields]
    return unknown("key", str(key), known, above="".join(f"{step}." for step in outer))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
