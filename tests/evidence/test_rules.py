"""Rules as files: what each key means, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.evidence.rules import Rules, rule_sets, rules_of
from mlebench.profiles import get_profile


def written(tmp_path: Path, text: str) -> Rules:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return rules_of(str(path))


class TestSets:
    def test_standard_and_lite_come_with_the_harness(self) -> None:
        assert list(rule_sets()) == ["lite", "standard"]

    @pytest.mark.parametrize(("name", "count"), [("standard", 75), ("lite", 22)])
    def test_what_they_want(self, name: str, count: int) -> None:
        rules = rules_of(name)
        for edition in rules.editions:
            assert len(rules.competitions(edition) or ()) == count
        assert (rules.name, rules.seeds, rules.models, rules.mock_data) == (name, 3, "named", "refuse")
        assert (rules.missing_runs, rules.infrastructure_failures, rules.repeated_attempts) == (0, 0, 0)
        assert "open" not in rules.network and not rules.allow and not rules.grants and rules.sandbox == ("docker",)
        assert rules.levels == ("files", "plan", "ledgers", "scores", "sealed")
        assert rules.most.beyond(get_profile("standard")) == []

    @pytest.mark.parametrize("word", ["nonsense", "standrd", "", "standard ", "\x1b[2J"])
    def test_an_unknown_name_lists_the_sets(self, word: str) -> None:
        with pytest.raises(UsageError, match=r"unknown rule set .*`lite`: .*`standard`: .*FILE\.yaml") as error:
            rules_of(word)
        assert str(error.value).isprintable()

    def test_a_near_name_is_offered(self) -> None:
        with pytest.raises(UsageError, match=r"did you mean `standard`\?"):
            rules_of("standrd")

    def test_a_file_of_a_sets_name_is_named_by_its_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "standard.yaml").write_text("seeds: 7")
        assert rules_of("standard").seeds == 3
        assert rules_of("standard.yaml").seeds == rules_of("./standard.yaml").seeds == 7


class TestFiles:
    def test_an_empty_file_wants_little(self, tmp_path: Path) -> None:
        rules = written(tmp_path, "")
        assert (rules.name, rules.seeds, rules.competitions("v1"), rules.levels) == (
            "mine",
            1,
            None,
            ("files", "plan", "ledgers"),
        )

    def test_a_key_without_value_is_left_out(self, tmp_path: Path) -> None:
        assert written(tmp_path, "seeds:\n#  3\nnetwork: none").seeds == 1

    def test_limits_stand_before_those_of_the_profile(self, tmp_path: Path) -> None:
        most = written(tmp_path, "profile: small\nlimits: {time_limit: 2h, gpus: 1}").most
        small = get_profile("small")
        assert (most.time_limit, most.gpus, most.memory, most.cpus) == (7200, 1, small.memory, small.cpus)

    def test_excess_is_said_in_its_units(self, tmp_path: Path) -> None:
        most = written(tmp_path, "profile: small").most
        beyond = most.beyond(get_profile("small").changed({"memory": "64g", "time_limit": "24h", "gpus": 2}))
        assert beyond == [
            "memory 64.0 GiB (at most 8.0 GiB)",
            "gpus 2 (at most 0)",
            "time_limit 24 h (at most 1 h)",
        ]

    def test_ids_are_a_split_of_ones_own(self, tmp_path: Path) -> None:
        assert written(tmp_path, "split: [spaceship-titanic, spaceship-titanic]").competitions("v1") == ("spaceship-titanic",)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("sed: 3", r"line 1: unknown key `sed`; did you mean `seeds`\?"),
            ("seeds: 3\nlimits: {memry: 3g}", r"line 2: unknown key `limits.memry`; did you mean `memory`\?"),
            ("split: lo", "line 1: .*unknown split `lo`; did you mean `low`"),
            ("seeds: 1\nsplit:\n- spaceship-titanic\n- spaceship-titanc", r"line 4: .*did you mean `spaceship-titanic`\?"),
            ("split: []", "at least one id"),
            ("profile: stndard", "unknown profile `stndard`"),
            ("levels: [sealed, rules]", "remove it"),
            ("levels: [seal]", "`levels.0`: expected 'files'"),
            ("seeds: yes", "`seeds`: expected a valid integer"),
            ("seeds: 0", "`seeds`: expected .*greater than or equal to 1"),
            ("seeds: 1e999", "`seeds`"),
            ("network: closed", "`network.0`: expected 'none', 'models' or 'open'"),
            ("network: []", "`network`"),
            ("sandbox: podman", "`sandbox.0`: expected 'docker', 'apptainer', 'bubblewrap', 'plain' or 'local'"),
            ("grants: [everything]", "`grants.0`"),
            ("medals: [code, x]", "`medals.1`: expected 'submission'"),
            ("too_good: maybe", "`too_good`: expected 'refuse', 'flag' or 'ignore'"),
            ("seeds: 1\nseeds: 2", "the key `seeds` appears twice"),
            ("[]", "holds a list; write keys with values"),
            ("seeds: [", "not valid YAML"),
        ],
    )
    def test_what_is_wrong_is_one_sentence(self, tmp_path: Path, text: str, said: str) -> None:
        with pytest.raises(UsageError, match=said) as error:
            written(tmp_path, text)
        assert "mine.yaml" in str(error.value) and "\n" not in str(error.value)

    def test_a_missing_file_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"cannot read .*no\.yaml"):
            rules_of(str(tmp_path / "no.yaml"))
