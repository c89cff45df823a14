"""Profiles: what a run may use, how values are written, and what wrong ones say."""

from __future__ import annotations

import pytest
import yaml

from mlebench.errors import UsageError
from mlebench.profiles import Budget, Profile, get_profile, list_profiles

BASE = Profile(name="base", time_limit=60)


@pytest.mark.parametrize(
    ("written", "budget"),
    [
        ("usd=5,calls=200", Budget(usd=5, calls=200)),
        (" usd = 0.5 , input_tokens=2m, output_tokens=200k ", Budget(usd=0.5, input_tokens=2_000_000, output_tokens=200_000)),
        ({"calls": "1.5k"}, Budget(calls=1500)),
        ("", Budget()),
    ],
)
def test_a_budget_is_words_or_keys(written: object, budget: Budget) -> None:
    assert BASE.changed({"budget": written}).budget == budget


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("uds=5", r"unknown key `budget\.uds`; did you mean `usd`\?"),
        ("usd", r"expected KEY=AMOUNT, such as `usd=5` or `usd=5,calls=200`, not 'usd'"),
        ("usd=1,usd=2", r"`usd` is given twice"),
        ("usd=0", r"`budget\.usd`: expected greater than 0"),
        ("usd=-1", r"`budget\.usd`: expected greater than 0"),
        ("usd=nan", r"`budget\.usd`"),
        ("usd=1e400", r"`budget\.usd`"),
        ("calls=1.5", r"expected a whole number"),
        ("calls=many", r"expected a whole number"),
        (5, r"`budget`"),
        ([], r"`budget`"),
    ],
)
def test_a_wrong_budget_is_named(written: object, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        BASE.changed({"budget": written})


def test_budgets_are_shown_as_flags_have_them() -> None:
    budget = Budget(usd=2.5, output_tokens=200_000)
    assert (budget.words, budget.limits) == ("usd=2.5,output_tokens=200000", {"usd": 2.5, "output_tokens": 200_000})
    assert Budget.model_validate(budget.words) == budget
    assert (Budget().words, Budget().limits) == ("", {})


@pytest.mark.parametrize(
    ("written", "hosts"),
    [
        (["PyPI.org", "pypi.org:443"], ("pypi.org",)),
        ("pypi.org, files.pythonhosted.org", ("pypi.org", "files.pythonhosted.org")),
        (["*.example.org", "git.example.org:8443"], ("*.example.org", "git.example.org:8443")),
        (["10.0.0.5:80"], ("10.0.0.5:80",)),
        ([], ()),
    ],
)
def test_hosts_are_names_with_ports(written: object, hosts: tuple[str, ...]) -> None:
    assert BASE.changed({"allow": written}).allow == hosts


@pytest.mark.parametrize(
    "host",
    ["", " ", "https://pypi.org", "pypi.org/simple", "pypi.org:0", "pypi.org:65536", "pypi.org:", "pypi.org:http", "a..b", ".org",
     "-a.org", "*", "*.org", "*.*.org", "a.*.org", "user@pypi.org", "pypi.org\r\nX: y", "pypi.org ", "[::1]", "ex\u00e4mple.org",
     "a" * 300, "\x00"],
)  # fmt: skip
def test_what_is_no_host_is_refused(host: str) -> None:
    if host.strip() == "pypi.org":
        assert BASE.changed({"allow": [host]}).allow == ("pypi.org",)
        return
    with pytest.raises(UsageError, match="`allow`"):
        BASE.changed({"allow": [host]})


def test_grants_are_known_words() -> None:
    assert BASE.changed({"grants": "web_search,files,files"}).grants == ("files", "web_search")
    with pytest.raises(UsageError, match=r"grants.*expected 'web_search'"):
        BASE.changed({"grants": ["web"]})


def test_the_name_shows_what_was_changed() -> None:
    settings = {"network": "models", "budget": {"calls": 7, "usd": 1}, "allow": ["b.org", "a.org"], "time_limit": "2h"}
    changed = BASE.changed(settings)
    assert changed.name == "base+allow=b.org,a.org+budget=usd=1,calls=7+network=models+time_limit=2h"
    assert changed.time_limit == 7200


def test_profiles_survive_a_file() -> None:
    changed = BASE.changed({"network": "models", "budget": "usd=1", "allow": "a.org", "grants": "files"})
    assert Profile.model_validate(yaml.safe_load(yaml.safe_dump(changed.model_dump(mode="json")))) == changed


def test_shipped_profiles_have_no_budget_of_their_own() -> None:
    assert {profile.budget for profile in list_profiles()} == {Budget()}
    assert get_profile("demo").network == "none"
