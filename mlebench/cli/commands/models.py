"""List the models that agents can use through the gateway, or test one.

Models are defined in `containers/models.yaml` of mlebench and in files of your own: those in MLEBENCH_MODELS (separated as in
PATH), then those given with `--models`. An entry in a later file replaces one of the same name. Keys are read from the
environment or `.env`, from the variable that the entry gives. They never enter a container.

examples:
  mlebench models
  mlebench models --models my-models.yaml
  mlebench models check gpt-5-mini
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from mlebench._support.hints import alternatives
from mlebench.cli.options import add_json, tell
from mlebench.cli.output import print_json, print_table
from mlebench.cli.parsing import add_actions
from mlebench.errors import UsageError, WorkFailed

if TYPE_CHECKING:
    from mlebench._support.dialect import DialectName
    from mlebench.gateway.catalogue import Catalogue
    from mlebench.gateway.models import Model
    from mlebench.gateway.probe import Probed

_LONGEST_MESSAGE = 300


_LIST = """
List all models with provider, dialects, prices and whether the key is set.

examples:
  mlebench models list
  mlebench models list --models my-models.yaml --json
"""
_CHECK = """
Send one short request to a model and show latency, usage and cost.

Exit code 0 if the model answers, 1 if it does not.

examples:
  mlebench models check gpt-5-mini
  mlebench models check gemini-2.5-flash --dialect chat
"""


def configure(parser: argparse.ArgumentParser) -> None:
    _configure_list(parser)
    add_actions(parser, {"list": (_LIST, _configure_list), "check": (_CHECK, _configure_check)}, is_required=False)


def _configure_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", action="append", default=[], metavar="FILE", help="a models file of yours (repeatable)")
    add_json(parser)


def _configure_check(parser: argparse.ArgumentParser) -> None:
    from mlebench._support.dialect import DialectName

    parser.add_argument("name", nargs="?", metavar="MODEL", help="the model, or an alias")
    dialects = get_args(DialectName)
    parser.add_argument("--dialect", choices=dialects, metavar="DIALECT",
                        help=f"dialect of the request: {', '.join(dialects)} (default: the model's first)")  # fmt: skip
    _configure_list(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.gateway.catalogue import read_catalogue

    if arguments.action == "check" and arguments.name is None:
        raise UsageError("no model given; run `mlebench models check NAME`; `mlebench models` lists all models")
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
    print_table(columns, (rows[name] for name in sorted(rows)), f"prices in US dollars per million tokens{when}")
    if missing := sorted(names - there):
        tell(arguments, f"to set a missing key, run `export {missing[0]}=…` or add it to `.env`")
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
        raise UsageError(f"{model.name} does not speak {dialect}; use `--dialect {'|'.join(model.dialects)}`")
    keys = find_secrets([] if model.key is None else [model.key])
    if model.key is not None and model.key not in keys:
        raise UsageError(f"{model.name} needs the key {model.key}; run `export {model.key}=…` or add it to `.env`")
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
    used = "usage unknown" if tokens is None else f"{tokens.input} input and {tokens.output} output tokens"
    price = "cost unknown" if cost is None else f"${cost:.6g}"
    first = "–" if found.first_byte_seconds is None else f"{found.first_byte_seconds:.2f} s"
    print(f"{model.name} ({model.served} of {model.provider}, {dialect}): answers; first byte after {first}, ", end="")
    print(f"complete after {found.seconds:.2f} s; {used}; {price}")
    return 0


async def _probed(model: Model, dialect: DialectName, keys: dict[str, str]) -> Probed:
    from mlebench.gateway.bounds import Bounds
    from mlebench.gateway.probe import probe
    from mlebench.gateway.upstream import Upstream

    async with Upstream(keys, Bounds()) as upstream:
        return await probe(upstream, model, dialect)


def _failure(model: Model, dialect: DialectName, found: Probed) -> str:
    from grading.printable import printable

    said = printable(found.message, _LONGEST_MESSAGE) if found.message else "no message"
    if not found.is_answer:
        return f"{model.name} does not answer: {said}; check the network and `base_url` ({model.url_of(dialect)})"
    return f"{model.name} answers with status {found.status}: {said}; {_advice(model, dialect, found.status)}"


def _advice(model: Model, dialect: DialectName, status: int) -> str:
    if status in (401, 403):
        if model.key is None:
            return "if the provider requires a key, add `key: VARIABLE` to the model's entry"
        return f"check the key in {model.key} and whether it gives access to {model.served}"
    if status == 404:
        return f"set `served` to the name that {model.provider} uses for the model, and check {model.url_of(dialect)}"
    if status == 429:
        return f"rate limit or credit at {model.provider} is exhausted; try again later, or check your account"
    if status >= 500:
        return f"{model.provider} has a server error; try again later"
    others = [f"`--dialect {other}`" for other in model.dialects if other != dialect] or ["another entry of `dialects`"]
    return f"{model.provider} rejects the request; try {alternatives(others)}"
