"""Whatever an audit finds of a competition that comes with the harness is declared in its `issues.yaml`."""

from __future__ import annotations

import pytest

from mlebench.preparation.audit.audit import audit
from mlebench.preparation.audit.checks import CHECKS
from mlebench.registry import Registry
from mlebench.registry.edition import EditionName
from tests.cases import EDITIONS, Cases


@pytest.mark.parametrize(("name", "edition"), EDITIONS)
def test_nothing_undeclared_is_found(cases: Cases, name: str, edition: EditionName) -> None:
    done = audit(cases.prepared(name, edition))
    assert [str(finding) for finding in done.undeclared] == []
    assert dict(done.failed) == {}
    assert done.troubles == ()


@pytest.mark.parametrize(
    ("name", "check", "issue"),
    [
        ("cassava-leaf-disease-classification", "answer-cells", "labels-in-test-records"),
        ("siim-isic-melanoma-classification", "answer-cells", "labels-in-tfrecords"),
        ("multi-modal-gesture-recognition", "metadata", "labels-in-test-archive"),
        ("chaii-hindi-and-tamil-question-answering", "twin-texts", "contexts-on-both-sides"),
        ("ml2021spring-hw2", "twin-stretches", "overlapping-frames-on-both-sides"),
        ("hubmap-kidney-segmentation", "groups-on-both-sides", "donors-on-both-sides"),
    ],
)
def test_a_leak_that_is_known_of_v1_is_found_there_and_gone_in_v2(cases: Cases, name: str, check: str, issue: str) -> None:
    v1, v2 = audit(cases.prepared(name, "v1")), audit(cases.prepared(name, "v2"))
    assert (check, issue) in {(finding.check, finding.declared) for finding in v1.findings}
    assert issue not in {finding.declared for finding in v2.findings}


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _ in EDITIONS))
def test_declared_findings_are_of_checks_that_there_are(name: str) -> None:
    known = [found for issue in Registry().get_competition(name).issues for found in issue.found_as]
    assert {found.check for found in known} <= {*CHECKS}
