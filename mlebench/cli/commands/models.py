"""List the models that agents may ask through the gateway, or ask one of them.

They stand in `containers/models.yaml` of mlebench and in files of your own: those that MLEBENCH_MODELS names, separated as in
PATH, then those given with --models. An entry of a later file replaces one of the same name. A key is read from the variable that
the entry names, in the environment or in `.env`; it never enters a container.

`mlebench models check NAME` asks the model for a word, which costs next to nothing, and shows how long the answer took, what it
used and what it cost. Exit code 1 when it does not answer.

examples:
  mlebench models
  mlebench models --models my-models.yaml
  mlebench models check gpt-5-mini
  mlebench models check gemini-2.5-flash --dialect chat
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from mlebench._support.hints import alternatives, command
from mlebench.cli.options import add_json, tell
from mlebench.cli.output import print_json, print_table
from mlebench.errors import UsageError, WorkFailed

if TYPE_CHECKING:
    from mlebench._support.dialect import DialectName
    from mlebench.gateway.catalogue import Catalogue
    from mlebench.gateway.models import Model
    from mlebench.gateway.probe import Probed

_LONGEST_MESSAGE = 300


def configure(parser: argparse.ArgumentParser) -> None:
    from mlebench._support.dialect import DialectName

    parser.add_argument("action", nargs="?", choices=("list", "check"), default="list", help="list (default) or check")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the model to check, or an alias")
    parser.add_argument("--models", action="append", default=[], metavar="FILE", help="a file of models of your own (repeatable)")
    parser.add_argument("--dialect", choices=get_args(DialectName), help="in which the model is asked (default: its first)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.gateway.catalogue import read_catalogue

    if arguments.action == "check" and arguments.name is None:
        raise UsageError("which model? `mlebench models check NAME`; `mlebench models` lists them")
    if arguments.action == "list" and arguments.name is not None:
        raise UsageError(f"what about {arguments.name}? {command('models', 'check', arguments.name)} asks it")
    if arguments.action == "list" and arguments.dialect is not None:
        raise UsageError("--dialect is of `mlebench models check NAME`")
    catalogue = read_catalogue(Path(file).expanduser() for file in arguments.models)
    return _check(arguments, catalogue) if arguments.action == "check" else _list(arguments, catalogue)


def _list(arguments: argparse.Namespace, catalogue: Catalogue) -> int:
    from mlebench._support.secrets import find_secrets

    names = {model.key for model in catalogue.models.values() if model.key is not None}
    there = set(find_secrets(sorted(names)))
    if arguments.json:
        print_json([_described(model, catalogue, there) for model in catalogue.models.values()])
        return 0
    rows = {name: _row(model, there) for name, model in catalogue.models.items()}
    rows |= {alias: [alias, f"→ {name}", *[""] * 6] for alias, name in catalogue.aliases.items()}
    when = f", as of {catalogue.prices_as_of}" if catalogue.prices_as_of else ""
    columns = ["model", "served as", "provider", "dialects", "input", "cached", "output", "key"]
    print_table(columns, (rows[name] for name in sorted(rows)), f"prices in US dollars for a million tokens{when}")
    if missing := sorted(names - there):
        tell(arguments, f"keys that are missing are set with `export {missing[0]}=…` or in a `.env` file")
    return 0


def _row(model: Model, there: Collection[str]) -> list[object]:
    prices = model.prices
    key = None if model.key is None else f"{model.key} {'set' if model.key in there else 'missing'}"
    costs = (prices.input, prices.cached_input, prices.output)
    return [model.name, model.served, model.provider, ", ".join(model.dialects), *costs, key]


def _described(model: Model, catalogue: Catalogue, there: Collection[str]) -> dict[str, Any]:
    return {
        **model.model_dump(mode="json"),
        "aliases": [alias for alias, name in catalogue.aliases.items() if name == model.name],
        "key_is_set": None if model.key is None else model.key in there,
    }


def _check(arguments: argparse.Namespace, catalogue: Catalogue) -> int:
    import asyncio

    from mlebench._support.secrets import Mask, find_secrets
    from mlebench.gateway.account import cost_of

    model = catalogue.get(arguments.name)
    dialect = arguments.dialect or model.dialects[0]
    if dialect not in model.dialects:
        raise UsageError(f"{model.name} is not served in {dialect}; give `--dialect {'|'.join(model.dialects)}`")
    keys = find_secrets([] if model.key is None else [model.key])
    if model.key is not None and model.key not in keys:
        raise UsageError(f"{model.name} needs the key {model.key}; set it with `export {model.key}=…` or in a `.env` file")
    found = asyncio.run(_probed(model, dialect, keys))
    if found.status >= 400:
        raise WorkFailed(Mask(keys.values()).apply_to_text(_failure(model, dialect, found)))
    tokens = found.tokens
    cost = None if tokens is None else cost_of(model, tokens)
    if arguments.json:
        print_json(
            {
                "model": model.name,
                "served": model.served,
                "provider": model.provider,
                "dialect": dialect,
                "first_byte_seconds": found.first_byte_seconds,
                "seconds": found.seconds,
                "input_tokens": None if tokens is None else tokens.input,
                "cached_tokens": None if tokens is None else tokens.cached,
                "output_tokens": None if tokens is None else tokens.output,
                "cost_usd": cost,
            }
        )
        return 0
    used = "no usage told" if tokens is None else f"{tokens.input} input and {tokens.output} output tokens"
    price = "cost unknown" if cost is None else f"${cost:.6g}"
    first = "–" if found.first_byte_seconds is None else f"{found.first_byte_seconds:.2f} s"
    print(f"{model.name} ({model.served} of {model.provider}, {dialect}): answers; first byte after {first}, ", end="")
    print(f"all after {found.seconds:.2f} s; {used}; {price}")
    return 0


async def _probed(model: Model, dialect: DialectName, keys: dict[str, str]) -> Probed:
    from mlebench.gateway.bounds import Bounds
    from mlebench.gateway.probe import probe
    from mlebench.gateway.upstream import Upstream

    async with Upstream(keys, Bounds()) as upstream:
        return await probe(upstream, model, dialect)


def _failure(model: Model, dialect: DialectName, found: Probed) -> str:
    from grading.printable import printable

    said = printable(found.message, _LONGEST_MESSAGE) if found.message else "no words"
    if not found.is_answer:
        return f"{model.name} does not answer: {said}; look at the network and at `base_url` ({model.url_of(dialect)})"
    return f"{model.name} answers with {found.status}: {said}; {_advice(model, dialect, found.status)}"


def _advice(model: Model, dialect: DialectName, status: int) -> str:
    if status in (401, 403):
        key = f"the key in {model.key}" if model.key else "whether the provider wants a key, whose variable is named as `key`"
        return f"check {key}, and whether it may use {model.served}"
    if status == 404:
        return f"look up what {model.provider} calls the model, and give that as `served`; check {model.url_of(dialect)}, too"
    if status == 429:
        return f"limits or credit at {model.provider} are used up; try again later, or look at your account there"
    if status >= 500:
        return f"{model.provider} has a fault; try again later"
    others = [f"`--dialect {other}`" for other in model.dialects if other != dialect] or ["another entry of `dialects`"]
    return f"{model.provider} does not take the request; try {alternatives(others)}"
