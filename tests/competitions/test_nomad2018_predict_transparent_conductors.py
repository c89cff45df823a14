"""The mock has what matters of the real table: most materials share their features with others, and hardly any the targets."""

from __future__ import annotations

from mlebench.data import read_csv
from mlebench.registry.facts import EditionName
from tests.cases import Cases

NAME = "nomad2018-predict-transparent-conductors"
TARGETS = ["formation_energy_ev_natom", "bandgap_energy_ev"]
REAL_ROWS, REAL_SHARING, REAL_TWINS = 2400, 1602, 31


def test_features_are_shared_as_often_as_in_the_real_table(cases: Cases) -> None:
    materials = read_csv(cases.raw(NAME) / "train.csv.zip").drop(columns="id")
    sharing = materials.duplicated(subset=list(materials.columns.difference(TARGETS)), keep=False)
    twins = materials.duplicated(keep=False)
    assert abs(sharing.mean() - REAL_SHARING / REAL_ROWS) < 0.05
    assert 0 < twins.mean() < 3 * REAL_TWINS / REAL_ROWS


def test_v1_divides_materials_with_equal_features_and_v2_does_not(cases: Cases) -> None:
    def divided(edition: EditionName) -> int:
        public = cases.prepared(NAME, edition).public_dir
        train, test = (read_csv(public / f"{part}.csv").drop(columns="id") for part in ("train", "test"))
        return len(test.merge(train.drop(columns=TARGETS).drop_duplicates()))

    assert divided("v1") > 0
    assert divided("v2") == 0
