"""The tutorial works as it is printed, with the part that needs a container engine."""

from __future__ import annotations

from typing import Any

from tests.docs.test_outputs import ROOT, outputs


def test_every_step_of_the_tutorial_runs(client: Any, base_image: Any) -> None:
    page = ROOT / "docs" / "tutorial.md"
    assert page.read_text(encoding="utf-8").count("<!-- engine -->") == 2
    for path, content in outputs.rendered(page, with_engine=True).items():
        assert path.read_text(encoding="utf-8") == content
    client.images.remove("mlebench/agent-my-agent:light")
