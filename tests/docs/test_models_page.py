"""What the page on models says is what the gateway does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import yaml

from mlebench._support.dialect import DialectName
from mlebench.gateway.catalogue import _ModelEntry, _Provider, read_catalogue
from mlebench.gateway.dialects.table import find_route
from mlebench.profiles import Budget, Grant, Profile
from mlebench.sandbox.run_gateway import ModelsEnd

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    [found] = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, flags=re.DOTALL | re.MULTILINE)
    return found


def first_column(text: str) -> list[str]:
    """The code in the first cells of a table's rows."""
    cells = re.findall(r"^\| (.*?) \|", text, flags=re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_file_of_models_is_read(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", section("models.yaml"), flags=re.DOTALL | re.MULTILINE)
    files = [tmp_path / f"{number}.yaml" for number in range(len(blocks))]
    for file, block in zip(files, blocks, strict=True):
        file.write_text(block, encoding="utf-8")

    catalogue = read_catalogue(files)

    asked = {name: catalogue.get(name) for block in blocks for name in yaml.safe_load(block)["models"]}
    assert {model.provider for model in asked.values()} == {"openai", "anthropic", "gemini", "openrouter", "azure", "vllm"}
    assert [model.name for model in asked.values() if not model.is_priced] == ["deepseek-chat"]
    assert catalogue.get("gpt-5").served.startswith("Qwen/")


def test_keys_of_providers_and_models_are_named() -> None:
    text = section("models.yaml")
    assert set(first_column(text)) == set(_Provider.model_fields)
    for key in set(_ModelEntry.model_fields) - set(_Provider.model_fields):
        assert f"`{key}`" in text, key


def test_grants_budgets_and_ends_are_those_that_there_are() -> None:
    assert set(first_column(section("Grants"))) == set(get_args(Grant))
    assert set(first_column(section("How runs end"))) == set(get_args(ModelsEnd))
    [budget] = re.findall(r"^budget: (.*)$", section("Budgets"), flags=re.MULTILINE)
    assert set(yaml.safe_load(budget)) == set(Budget.model_fields)
    for key in ("allow", "budget", "grants", "record", "patience"):
        assert key in Profile.model_fields and f"`{key}" in TEXT.replace("allow: [", "`allow"), key


def test_paths_of_dialects_are_answered() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (`/.*?) \|$", section("What the gateway guarantees"), flags=re.MULTILINE)
    assert {dialect for dialect, _ in rows} == set(get_args(DialectName))
    for dialect, cell in rows:
        first, *others = re.findall(r"`([^`]+)`", cell)
        for path in (first, *(other if other.startswith("/") else first.partition(":")[0] + other for other in others)):
            found = find_route("POST", path.replace("MODEL", "m"))
            assert found is not None and found[0].name == dialect, path


def test_examples_in_python_are_whole() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    for block in blocks:
        compile(block, "models.md", "exec")
