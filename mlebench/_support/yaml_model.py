"""Reads a YAML file into a validated model; what is wrong is said with file, key and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from mlebench.errors import UsageError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_WORDS = dict.fromkeys(("dict_type", "model_type", "dataclass_type"), "expected keys with values, such as `{key: value}`")
"""What the validator says in the words of Python."""

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        UsageError: the file cannot be read or is not YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # a safe loader, in C where there is one
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a UTF-8 text file") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def read_model(path: Path, model: type[Model]) -> Model:
    """Read and validate the YAML file at `path`.

    Raises:
        UsageError: naming the file, each wrong key and what was expected there.
    """
    return validate(read_yaml(path), model, str(path))


def validate(content: Any, model: type[Model], where: str) -> Model:
    """Validate `content`; `where` names its origin in the error. Nothing at all is taken for no keys."""
    content = {} if content is None else content
    if not isinstance(content, Mapping):
        kind = "a list" if isinstance(content, list) else f"`{str(content)[:40]}`"
        raise UsageError(f"{where} holds {kind}; write keys with values, such as `{next(iter(model.model_fields))}: …`")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{where}: {describe(error)}") from None


def describe(error: ValidationError) -> str:
    """Every problem of a validation error in one line."""
    problems = []
    for detail in error.errors():
        key = ".".join(map(str, detail["loc"])) or "the whole file"
        message = _WORDS.get(detail["type"], detail["msg"])
        problems.append(f"`{key}`: {message[:1].lower()}{message[1:]}")
    return "; ".join(problems)
