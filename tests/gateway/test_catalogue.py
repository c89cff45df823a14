"""Files of models: what they may hold, how they are merged, and what is said of one that is wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlebench._support.paths import content_dir
from mlebench.agents import list_variants
from mlebench.errors import UsageError
from mlebench.gateway import catalogue as module
from mlebench.gateway.catalogue import read_catalogue
from mlebench.gateway.dialects.table import DIALECTS
from mlebench.gateway.models import LongPrices, Prices, SharedLimits

SHIPPED = content_dir("containers") / "models.yaml"
LOCAL = """\
providers:
  local:
    dialects: [chat]
    base_url: http://localhost:8000/v1
models:
  small:
    provider: local
"""


@pytest.fixture(autouse=True)
def no_files_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(module.VARIABLE, raising=False)


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as refused:
        read_catalogue([path])
    return str(refused.value)


def test_the_shipped_file_names_each_provider_of_the_issue_and_prices_that_hang_together() -> None:
    catalogue = read_catalogue()
    assert {model.provider for model in catalogue.models.values()} == {"openai", "anthropic", "gemini", "openrouter"}
    assert list(catalogue.models) == sorted(catalogue.models)
    assert catalogue.prices_as_of is not None
    for model in catalogue.models.values():
        prices, long = model.prices, model.long_prices
        assert model.key and model.key in SHIPPED.read_text()
        assert set(model.dialects) <= set(DIALECTS)
        if not prices.are_known:
            continue
        assert prices.input is not None and prices.output is not None and prices.cached_input is not None
        assert prices.cached_input < prices.input < prices.output
        assert prices.input <= (prices.cache_write or prices.input) <= (prices.long_cache_write or 1e9)
        assert model.most_output
        if long is not None:
            assert long.input is not None and long.input > prices.input
            assert (long.cached_input is None) == (prices.cached_input is None)
            assert (long.cache_write is None) == (prices.cache_write is None)


def test_prices_and_addresses_that_were_looked_up() -> None:
    catalogue = read_catalogue()
    pro = catalogue.get("gemini-2.5-pro")
    assert pro.prices == Prices(input=1.25, cached_input=0.125, output=10)
    assert pro.long_prices == LongPrices(above=200_000, input=2.5, cached_input=0.25, output=15)
    assert pro.url_of("gemini") == "https://generativelanguage.googleapis.com/v1beta"
    assert pro.url_of("chat") == "https://generativelanguage.googleapis.com/v1beta/openai"
    sonnet = catalogue.get("claude-sonnet-4-5")
    assert (sonnet.name, sonnet.served) == ("claude-sonnet-4-5-20250929",) * 2
    assert sonnet.prices == Prices(input=3, cached_input=0.3, cache_write=3.75, long_cache_write=6, output=15)
    assert catalogue.get("gpt-5-mini").prices == Prices(input=0.25, cached_input=0.025, output=2)


def test_every_model_that_a_shipped_agent_names_is_there_in_some_dialect() -> None:
    catalogue = read_catalogue()
    names = {name for agent in list_variants() if "compatible" not in agent.id for name in agent.models}
    assert names and [name for name in names if catalogue.find(name) is None] == []


def test_the_examples_that_are_commented_out_are_valid(tmp_path: Path) -> None:
    """A user takes the `# ` away and puts in their own resource."""
    text = re.sub(r"(?m)^  # (?=( *)[\w./-]+:( |$))", "  ", SHIPPED.read_text())
    assert "\n  azure:\n" in text and "\n  vllm:\n" in text
    whole, shipped = yaml.safe_load(text), yaml.safe_load(SHIPPED.read_text())
    examples = {
        part: {name: entry for name, entry in whole[part].items() if name not in shipped[part]}
        for part in ("providers", "models", "aliases")
    }
    catalogue = read_catalogue([write(tmp_path, yaml.safe_dump(examples))])
    azure, own = catalogue.get("azure-gpt-5"), catalogue.get("my-qwen")
    assert (azure.provider, azure.served, azure.auth, azure.key) == ("azure", "MY-DEPLOYMENT", "api-key", "AZURE_OPENAI_API_KEY")
    assert azure.base_url == "https://MY-RESOURCE.openai.azure.com/openai/v1"
    assert own.limits == SharedLimits(calls_at_once=32) and not own.has_own_limits and "top_k" in own.fields
    assert own.is_priced
    # an agent's gpt-5 is answered by the user's own server
    assert catalogue.get("gpt-5").name == "my-qwen"


def test_the_form_that_the_head_of_the_file_shows_is_the_form(tmp_path: Path) -> None:
    head = SHIPPED.read_text().split("# Prices are")[0]
    lines = [line.removeprefix("#").removeprefix(" ") for line in head.splitlines()]
    form = "\n".join(lines[lines.index("providers:") :])
    form = form.replace("https://…", "https://example.org").replace("…", "2024-10-21").replace("VARIABLE", "EXAMPLE_KEY")
    content: dict[str, Any] = yaml.safe_load(form)
    content["models"] = {"MODEL": content["models"]["NAME"]}
    catalogue = read_catalogue([write(tmp_path, yaml.safe_dump(content))])
    assert catalogue.get("NAME").prices.long_cache_write == 4
    # a day in YAML, a text for the provider
    assert catalogue.get("NAME").query == {"api-version": "2024-10-21"}


def test_a_model_has_what_its_provider_has_unless_it_says_otherwise(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """\
providers:
  one:
    dialects: [chat, responses]
    base_url: https://one.example/v1/
    base_urls: {responses: https://other.example/v1}
    key: ONE_KEY
    auth: api-key
    query: {api-version: "5"}
    limits: {calls_at_once: 3}
    fields: [top_k]
models:
  plain: {provider: one}
  other:
    provider: one
    served: other-7
    dialects: [chat]
    base_url: https://there.example/v2
    key: OTHER_KEY
    auth: bearer
    query: {}
    limits: {calls_per_minute: 5}
    fields: []
""",
    )
    catalogue = read_catalogue([path])
    plain, other = catalogue.get("plain"), catalogue.get("other")
    assert (plain.served, plain.key, plain.auth, plain.query) == ("plain", "ONE_KEY", "api-key", {"api-version": "5"})
    assert (plain.url_of("chat"), plain.url_of("responses")) == ("https://one.example/v1", "https://other.example/v1")
    assert (plain.limits_name, plain.limits.calls_at_once, plain.fields) == ("one", 3, ("top_k",))
    assert (other.served, other.key, other.auth, other.query, other.fields) == ("other-7", "OTHER_KEY", "bearer", {}, ())
    assert other.url_of("responses") == "https://there.example/v2"
    # limits of its own are shared by nobody else
    assert (other.limits_name, other.limits) == ("one/other-7", SharedLimits(calls_per_minute=5))


def test_later_files_add_and_replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(tmp_path, LOCAL + "  gpt-5: {provider: local, served: mine}\n", "first.yaml")
    second = write(tmp_path, LOCAL.replace("8000", "9000").replace("small", "large"), "second.yaml")
    monkeypatch.setenv(module.VARIABLE, f"{first}{os.pathsep}")
    catalogue = read_catalogue()
    assert (catalogue.get("gpt-5").served, catalogue.get("gpt-5").most_output) == ("mine", None)
    assert catalogue.get("small").base_url == "http://localhost:8000/v1"
    assert catalogue.find("gpt-5-mini") is not None
    catalogue = read_catalogue([second])
    assert {catalogue.get(name).base_url for name in ("small", "large")} == {"http://localhost:9000/v1"}


def test_an_alias_of_the_user_takes_the_place_of_a_model_and_a_model_that_of_an_alias(tmp_path: Path) -> None:
    path = write(tmp_path, LOCAL + "  claude-haiku-4-5: {provider: local}\naliases:\n  gpt-5: mini\n  mini: small\n")
    catalogue = read_catalogue([path])
    assert catalogue.get("gpt-5").name == "small"
    assert "gpt-5" not in catalogue.models
    assert catalogue.get("claude-haiku-4-5").provider == "local"
    assert "claude-haiku-4-5" not in catalogue.aliases
    # what is called so by a later file's model is that
    again = write(tmp_path, "models:\n  mini: {provider: openai}\n", "again.yaml")
    assert read_catalogue([path, again]).get("gpt-5").provider == "openai"


def test_an_empty_file_adds_nothing(tmp_path: Path) -> None:
    for text in ("", "# nothing\n", "models:\naliases:\n"):
        assert read_catalogue([write(tmp_path, text)]) == read_catalogue()


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (
            ("dialects: [chat]", "dialects: [chatt]"),
            3,
            "`providers.local.dialects.0`: expected 'chat', 'responses', 'messages' or",
        ),
        (("dialects: [chat]", "dialects: []"), 3, "`providers.local.dialects`"),
        (
            ("dialects: [chat]", "dialects: [chat]\n    dialekts: [chat]"),
            4,
            "unknown key `providers.local.dialekts`; did you mean `dialects`?",
        ),
        (("    base_url: http://localhost:8000/v1\n", ""), 2, "`providers.local.base_url` is missing"),
        (("provider: local", "provider: locl"), 7, "unknown provider `locl`; did you mean `local`?"),
        (("provider: local", "served: x"), 6, "`models.small.provider` is missing"),
        (("provider: local", "provider: local\n    prices: {input: -1}"), 8, "`models.small.prices.input`"),
        (("provider: local", "provider: local\n    prices: {input: .nan, output: 1}"), 8, "`models.small.prices.input`"),
        (("provider: local", "provider: local\n    prices: {input: .inf, output: 1}"), 8, "`models.small.prices.input`"),
        (
            ("provider: local", "provider: local\n    prices:\n      inptu: 1"),
            9,
            "`models.small.prices.inptu`; did you mean `input`?",
        ),
        (("provider: local", "provider: local\n    most_output: many"), 8, "`models.small.most_output`"),
        (("provider: local", "provider: local\n    limits: {calls_at_once: 0}"), 8, "`models.small.limits.calls_at_once`"),
        (("provider: local", "provider: local\n    long_prices: {above: 5, input: 1}"), 6, "give `input` and `output` in both"),
        (("models:\n", "models:\n  two words: {provider: local}\n"), 6, "without blanks"),
        (("small:", "small: {provider: local}\n  small:"), None, "the key `small` appears twice"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], line: int | None, words: str) -> None:
    assert change[0] in LOCAL
    path = write(tmp_path, LOCAL.replace(*change))
    said = refusal(path)
    assert words in said
    assert said.startswith(f"{path}, line {line}: " if line else f"{path} is not valid YAML: ")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("aliases", "line", "words"),
    [
        ("  one: two\n  two: one\n", 10, "aliases form a circle: one → two → one"),
        ("  one: two\n  three: four\n  two: one\n", 10, "aliases form a circle"),
        ("  one: one\n", 10, "aliases form a circle: one → one"),
        ("  one: smal\n", 10, "`one` stands for an unknown model `smal`; did you mean `small`?"),
        (
            "  one: two\n  two: nothing-like-it-at-all\n",
            11,
            "`two` stands for an unknown model `nothing-like-it-at-all`; `mlebench mod",
        ),
        ("  small: gpt-5\n", 10, "`small` is a model and an alias"),
        ("  one: [gpt-5]\n", 10, "`aliases.one`"),
    ],
)
def test_aliases_that_lead_nowhere_are_told_with_their_line(tmp_path: Path, aliases: str, line: int, words: str) -> None:
    path = write(tmp_path, f"# mine\n{LOCAL}\naliases:\n{aliases}".replace("\n\n", "\n"))
    said = refusal(path)
    assert words in said and said.startswith(f"{path}, line {line}: ")


@pytest.mark.parametrize(
    "key",
    ["sk-proj-abc123", "sk-ant-api03-xyz", "AIzaSyA1234567", "gsk_1234", "f3a9c4e5d6b7a8c9d0e1f2", "Bearer abc", "hf_abcdef"],
)
@pytest.mark.parametrize("place", ["provider", "model", "query"])
def test_a_key_in_the_file_is_refused_and_not_repeated(tmp_path: Path, key: str, place: str) -> None:
    change = {
        "provider": ("base_url", f"key: {key}\n    base_url"),
        "model": ("provider: local", f"provider: local\n    key: {key}"),
        "query": ("base_url", f"query: {{key: {key}}}\n    base_url"),
    }[place]
    said = refusal(write(tmp_path, LOCAL.replace(*change)))
    assert "looks like a key" in said and "name" in said and ", line " in said
    assert key not in said and key[5:] not in said


@pytest.mark.parametrize("key", ["OPENAI-KEY", "1KEY", "MY KEY", "", "${OPENAI_API_KEY}", "${{ secrets.OPENAI_API_KEY }}"])
def test_what_is_no_name_of_a_variable_is_no_key(tmp_path: Path, key: str) -> None:
    assert "name of a variable" in refusal(write(tmp_path, LOCAL.replace("base_url", f"key: '{key}'\n    base_url")))


@pytest.mark.parametrize("key", ["OPENAI_API_KEY", "my_key", "KEY_2024_FOR_PROJECT_12345", "my_openai_key_for_project_2024"])
def test_names_of_variables_are_keys(tmp_path: Path, key: str) -> None:
    text = LOCAL.replace("base_url", f"key: {key}\n    query: {{api-version: 2024-12-01-preview-of-all, v: 5}}\n    base_url")
    model = read_catalogue([write(tmp_path, text)]).get("small")
    assert (model.key, model.query) == (key, {"api-version": "2024-12-01-preview-of-all", "v": "5"})


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:8000/v1", "with its version"),
        ("ftp://example.org/v1", "with its version"),
        ("file:///etc/passwd", "with its version"),
        ("http://", "with its version"),
        ("'http://[::1/v1'", "with its version"),
        ("http://example.org:port/v1", "with its version"),
        ("'http://exa mple.org/v1'", "with its version"),
        ('"http://example.org/v1\\n"', "with its version"),
        ("https://user:secret-word@example.org/v1", "a user or a password"),
        ("https://token@example.org/v1", "a user or a password"),
        ("https://example.org/v1?key=secret-word", "query"),
        ("https://example.org/v1#secret-word", "query"),
        ("https://example.org/v1/chat/completions", "leave that out"),
        ("https://api.anthropic.com/v1/messages/", "leave that out"),
    ],
)
def test_a_base_url_is_an_address_and_nothing_else(tmp_path: Path, url: str, words: str) -> None:
    for key in ("base_url: http://localhost:8000/v1", None):
        text = LOCAL.replace(key, f"base_url: {url}") if key else LOCAL + f"    base_urls: {{chat: {url}}}\n"
        said = refusal(write(tmp_path, text))
        assert words in said and "secret-word" not in said and ", line " in said


@pytest.mark.parametrize("kind", ["missing", "folder", "binary", "list"])
def test_what_is_no_file_of_models_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(b"\x00" * 100)
    elif kind == "list":
        path.write_text("- gpt-5\n")
    assert str(path) in refusal(path)


def test_an_unknown_name_is_told_with_near_ones() -> None:
    with pytest.raises(UsageError, match="unknown model `gpt-5-mimi`; did you mean `gpt-5-mini`"):
        read_catalogue().get("gpt-5-mimi")
    with pytest.raises(UsageError, match="unknown model `x\\\\x1b`; `mlebench models` lists all models"):
        read_catalogue().get("x\x1b")
