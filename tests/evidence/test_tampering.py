"""A bundle of a real group that somebody tampered with: the right level notices it, and names the file."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.errors import BundleFault
from mlebench.evidence.levels.files import files_level
from mlebench.evidence.opened import opened
from mlebench.evidence.statement import STATEMENT_FILE
from mlebench.evidence.verdict import Finding, Level, Verdict
from mlebench.evidence.verify import VerifyOptions, verify_bundle
from tests.evidence.forms import FORMS
from tests.evidence.kinds import KINDS
from tests.evidence.real_group import make_group
from tests.evidence.signing import SIGNINGS, sign
from tests.evidence.tampering import Contents, Tampering
from tests.sandbox.docker.conftest import base_image, client

__all__ = ["base_image", "client"]

pytestmark = [
    pytest.mark.docker,
    # one worker: the group is made once
    pytest.mark.xdist_group("docker"),
]


@dataclass(frozen=True)
class Evidence:
    """A signed bundle of a real group, and all that somebody who checks it may have."""

    bundle: Path
    contents: Contents
    allowed: Path
    """The file of allowed signers, which knows `me` alone."""
    keys: Path
    """Folder of the keys `mine` and `other`."""
    data: Path
    group: Path


@pytest.fixture(scope="session")
def evidence(client: object, base_image: object, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    folder = tmp_path_factory.mktemp("evidence")
    group = make_group(folder, folder / "data")
    for name in ("mine", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True)
    allowed = folder / "allowed_signers"
    allowed.write_text(f'me namespaces="mlebench" {(folder / "mine.pub").read_text()}')
    bundle = folder / "bundle.mleb"
    assert main(["bundle", str(group.folder), "-o", str(bundle), "--sign", str(folder / "mine")]) == 0
    return Evidence(bundle, Contents.read(bundle), allowed, folder, folder / "data", group.folder)


@pytest.fixture
def verified(evidence: Evidence, tmp_path: Path) -> Callable[..., Verdict]:
    """Writes bytes and verifies them, with the allowed signers and no data."""

    def verify(content: bytes, **options: object) -> Verdict:
        path = tmp_path / "bundle.mleb"
        path.write_bytes(content)
        return verify_bundle(path, VerifyOptions(**{"allowed_signers": evidence.allowed, "signer": None, **options}))  # type: ignore[arg-type]

    return verify


Verified = Callable[..., Verdict]


def explained(verdict: Verdict) -> str:
    return "\n".join(
        f"{level.name}: {level.state}, {level.summary}" + "".join(f"\n    {finding.text}" for finding in level.findings)
        for level in verdict.levels
    )


def test_the_untouched_bundle_passes(evidence: Evidence) -> None:
    verdict = verify_bundle(
        evidence.bundle, VerifyOptions(allowed_signers=evidence.allowed, regrade=True, data_dir=evidence.data)
    )
    states = {level.name: level.state for level in verdict.levels}
    assert states == {
        "files": "holds", "signature": "holds", "plan": "holds", "ledgers": "holds", "scores": "holds", "sealed": "holds",
        "rules": "not claimed",
    }, explained(verdict)  # fmt: skip
    assert (verdict.holds, verdict.signer, verdict.groups) == (True, "me", ("group",))


def test_a_bundle_that_was_taken_apart_and_put_together_again_is_the_same(evidence: Evidence) -> None:
    assert evidence.contents.bytes() == evidence.bundle.read_bytes()


# what changed makes no difference to hashes, so a sample of the kinds is enough
@pytest.mark.parametrize("kind", KINDS[::6], ids=lambda kind: kind.name)
def test_a_file_that_is_not_as_stated_is_named(kind: Tampering, evidence: Evidence, tmp_path: Path) -> None:
    contents = evidence.contents.copied()
    kind.change(contents)
    before, after = evidence.contents.files, contents.files
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    contents.statement, contents.payload = evidence.contents.statement, evidence.contents.payload
    findings = files_findings(contents.write(tmp_path / "bundle"))
    # of some kinds the statement alone is changed
    assert bool(findings) == bool(changed), findings
    named = {finding.file for finding in findings}
    assert not changed or (named & changed and named <= {*changed, ""}), findings


def files_findings(path: Path) -> tuple[Finding, ...]:
    """What the first level says; the others are looked at where the statement fits."""
    try:
        with opened(path) as bundle:
            return files_level(bundle).findings
    except BundleFault as fault:
        return (Finding(fault.file, str(fault)),)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_statement_that_was_made_to_fit_hides_nothing(kind: Tampering, evidence: Evidence, verified: Verified) -> None:
    contents = evidence.contents.copied()
    kind.change(contents)
    options = {"regrade": True, "data_dir": evidence.data} if kind.regrade else {}
    verdict = verified(contents.restated().bytes(), **options)
    if kind.level != "files":
        # else the bundle could not be opened
        assert verdict.level("signature").state == "fails", explained(verdict)
        assert verdict.level("files").state == "holds", explained(verdict)
    level = verdict.level(kind.level)  # type: ignore[arg-type]
    assert level.state == "fails", explained(verdict)
    assert_named(kind, level, verdict)


def test_texts_that_were_taken_out_are_not_claimed(evidence: Evidence, verified: Verified) -> None:
    """An honest run has none beyond the largest transcript; one that is taken out of a signed bundle fails the files."""
    contents = evidence.contents.copied()
    del contents.files[contents.name("demo-wine_seed0", "transcript", "000001.json.gz")]
    assert verified(contents.bytes()).level("files").state == "fails"
    level = verified(contents.restated().bytes()).level("ledgers")
    assert (level.state, level.summary.partition("; ")[2]) == ("not claimed", "1 call has no text in the bundle")


def assert_named(kind: Tampering, level: Level, verdict: Verdict) -> None:
    found = [finding for finding in level.findings if any(name in finding.file for name in kind.files)]
    assert found, explained(verdict)
    if kind.line is not None:
        assert kind.line in {finding.line for finding in found}, explained(verdict)
    for finding in level.findings:
        assert finding.text.isprintable() and len(finding.text) < 1000, repr(finding.text)


@pytest.mark.parametrize("name", FORMS)
def test_a_container_or_statement_of_another_form_is_refused(name: str, evidence: Evidence, verified: Verified) -> None:
    """In a sentence, whatever it is."""
    content = FORMS[name](evidence.contents, evidence.bundle.read_bytes())
    assert content != evidence.bundle.read_bytes()
    verdict = verified(content)
    files = verdict.level("files")
    assert files.state == "fails", explained(verdict)
    assert files.findings and len(files.findings[0].text) < 1000
    for finding in files.findings:
        assert finding.text.isprintable()
    assert not verdict.holds


@pytest.mark.parametrize("name", SIGNINGS)
def test_a_signature_that_is_not_by_whom_the_reader_trusts_fails(name: str, evidence: Evidence, verified: Verified) -> None:
    contents = evidence.contents.copied()
    SIGNINGS[name](contents, evidence.keys)
    verdict = verified(contents.bytes())
    signature = verdict.level("signature")
    assert (signature.state, verdict.signer) == ("fails", None), explained(verdict)
    assert signature.findings and all(finding.file == STATEMENT_FILE for finding in signature.findings)


def test_two_good_signatures_are_no_worse_than_one(evidence: Evidence, verified: Verified, tmp_path: Path) -> None:
    contents = evidence.contents.copied()
    contents.signatures += [sign(contents, evidence.keys / "other")]
    both = tmp_path / "both"
    both.write_text(evidence.allowed.read_text() + f"you {(evidence.keys / 'other.pub').read_text()}")
    verdict = verified(contents.bytes(), allowed_signers=both)
    assert (verdict.level("signature").state, verdict.signer) == ("holds", "me, you"), explained(verdict)


def test_a_strangers_signature_beside_a_good_one_is_flagged(evidence: Evidence, verified: Verified) -> None:
    """Anybody can add one, and nobody gains by it."""
    contents = evidence.contents.copied()
    contents.signatures += [sign(contents, evidence.keys / "other")]
    signature = verified(contents.bytes()).level("signature")
    assert (signature.state, len(signature.flags)) == ("holds", 1)


@pytest.mark.parametrize(
    "options",
    [
        'valid-before="20200101Z"', 'valid-after="20990101Z"', 'namespaces="git"', "cert-authority", 'namespaces="git,file"',
    ],
)  # fmt: skip
def test_a_key_that_is_not_valid_for_it_fails(options: str, evidence: Evidence, verified: Verified, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text(f"me {options} {(evidence.keys / 'mine.pub').read_text()}")
    assert verified(evidence.bundle.read_bytes(), allowed_signers=allowed).level("signature").state == "fails"


def test_a_signer_who_did_not_sign_fails(evidence: Evidence, verified: Verified, tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.write_text(evidence.allowed.read_text() + f"you {(evidence.keys / 'other.pub').read_text()}")
    content = evidence.bundle.read_bytes()
    assert verified(content, allowed_signers=both, signer="you").level("signature").state == "fails"
    assert verified(content, allowed_signers=both, signer="me").level("signature").state == "holds"


def test_any_byte_of_the_bundle_counts(evidence: Evidence, tmp_path: Path) -> None:
    content = evidence.bundle.read_bytes()
    path, chance = tmp_path / "bundle", random.Random(18)
    for place in [*range(30), *range(len(content) - 90, len(content)), *chance.sample(range(len(content)), 100)]:
        changed = bytearray(content)
        changed[place] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        assert files_findings(path), f"byte {place}"


def test_any_bundle_that_is_cut_short_fails(evidence: Evidence, tmp_path: Path) -> None:
    content = evidence.bundle.read_bytes()
    for place in random.Random(18).sample(range(len(content)), 40):
        (tmp_path / "bundle").write_bytes(content[:place])
        assert files_findings(tmp_path / "bundle")


def test_the_command_says_it_in_sentences(evidence: Evidence, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contents = evidence.contents.copied()
    with contents.record("demo-wine_seed0") as record:
        record["report"]["score"] = 0.01
    path = contents.write(tmp_path / "bundle.mleb")
    assert main(["verify", str(path), "--json"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["holds"] is False
    assert verdict["levels"][0]["findings"][0]["file"] == "groups/group/demo-wine_seed0/run.json"
    assert main(["verify", str(evidence.bundle)]) == 0
    assert main(["verify", str(tmp_path / "no-such-file")]) == 2


def test_texts_in_which_something_seems_masked_claim_nothing(evidence: Evidence, verified: Verified) -> None:
    """Anybody can write stars."""
    contents = evidence.contents.copied()
    with contents.transcript("demo-wine_seed0", "transcript", "000001.json.gz") as texts:
        texts["response"] = texts["response"].replace("well", "***")
    assert verified(contents.restated().bytes()).level("ledgers").state == "not claimed"


def test_places_that_the_plan_names_are_not_looked_at(evidence: Evidence, verified: Verified) -> None:
    """They are of another machine, or of somebody's choice."""
    contents = evidence.contents.copied()
    with contents.group() as group:
        group["plan"]["agent"]["directory"] = "/"
        group["plan"]["data_dir"] = "/proc"
        group["plan"]["model_files"] = ["/dev/zero"]
    verdict = verified(contents.restated().bytes(), allowed_signers=None)
    assert verdict.holds, explained(verdict)


def test_other_data_claims_no_score(evidence: Evidence, verified: Verified, tmp_path: Path) -> None:
    """Easier answers, say: grading on them again says nothing."""
    data = tmp_path / "data"
    shutil.copytree(evidence.data, data)
    answers = data / "demo-wine" / "prepared" / "private" / "answers.csv"
    answers.write_text(answers.read_text().replace(",1\n", ",0\n", 1))
    scores = verified(evidence.bundle.read_bytes(), regrade=True, data_dir=data).level("scores")
    assert scores.state != "holds" and "demo-wine" in scores.summary + "".join(finding.text for finding in scores.findings)


def test_data_that_is_not_there_claims_no_score(evidence: Evidence, verified: Verified, tmp_path: Path) -> None:
    scores = verified(evidence.bundle.read_bytes(), regrade=True, data_dir=tmp_path).level("scores")
    assert scores.state == "not claimed", scores


@pytest.mark.parametrize("what", ["all", "a competition", "an answer"])
def test_other_digests_of_the_data_claim_no_score(what: str, evidence: Evidence, verified: Verified) -> None:
    contents = evidence.contents.copied()
    with contents.group() as group:
        digests = group["manifest"]["data"]
        if what == "all":
            del group["manifest"]["data"]
        elif what == "a competition":
            del digests["demo-wine"]
        else:
            digests["demo-wine"]["sha256"]["private/answers.csv"] = "0" * 64
    verdict = verified(contents.restated().bytes(), allowed_signers=None, regrade=True, data_dir=evidence.data)
    assert verdict.level("scores").state == "not claimed", explained(verdict)


def test_without_grading_again_no_score_is_claimed(evidence: Evidence, verified: Verified) -> None:
    assert verified(evidence.bundle.read_bytes()).level("scores").state == "not claimed"
