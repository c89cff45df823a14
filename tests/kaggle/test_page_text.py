"""Kaggle's pages as Markdown."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mlebench.kaggle.page_text import markdown_of, page_name, pages_as_markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<h2>Goal</h2><p>Predict  the\n <b>price</b>.</p>", "## Goal\n\nPredict the **price**."),
        ("<p>One</p><p>Two<br>lines</p>", "One\n\nTwo\nlines"),
        ("<ul><li>a</li><li>b <em>c</em></li></ul>after", "- a\n- b *c*\n\nafter"),
        ("<ol><li>a<ul><li>inner</li></ul></li><li>b</li></ol>", "1. a\n    - inner\n2. b"),
        ("<pre><code>id,price\n1,2.5\n</code></pre>", "```\nid,price\n1,2.5\n```"),
        ("<pre>a ``` b</pre>", "````\na ``` b\n````"),
        ("<a href='https://example.org/x'>here</a> <a name='y'>there</a>", "[here](https://example.org/x) there"),
        (
            "<table><tr><th>a</th><th>b</th></tr><tr><td>1|2</td></tr></table>",
            "| a | b |\n|---|---|\n| 1\\|2 |  |",
        ),
        ("<p>x &lt; y &amp;&amp; z</p>", "x < y && z"),
        ("<style>p {}</style><script>alert(1)</script><p>text</p>", "text"),
        ("<p>never closed <b>bold", "never closed **bold"),
        ("</ul></td></pre></a><p>never opened</p>", "never opened"),
        ("<table><tr><td>cut off", "cut off"),
        ("<img src='a.png' alt='A lamp'>", "![A lamp](a.png)"),
        ("<html><head><title>A</title><body><p>head never closed", "head never closed"),
        ("", ""),
    ],
)
def test_html_becomes_markdown(html: str, markdown: str) -> None:
    assert markdown_of(html) == markdown


def page(name: str, content: str | None, mime_type: str | None = "text/markdown") -> SimpleNamespace:
    return SimpleNamespace(name=name, content=content, mime_type=mime_type)


def test_markdown_stays_as_it_is_and_html_is_told_by_type_or_content() -> None:
    pages = [
        page("description", "# A *b*\n\n1 < 2"),
        page("evaluation", "<p>Log loss</p>", "text/html"),
        page("Timeline", "<h1>Dates</h1>", None),
    ]
    assert pages_as_markdown(pages) == {"Description": "# A *b*\n\n1 < 2", "Evaluation": "Log loss", "Timeline": "# Dates"}


def test_names_are_spelled_in_one_way_and_empty_pages_are_left_out() -> None:
    pages = [page("data-description", "one"), page("Data Description", "two"), page("rules", " "), page("abstract", None)]
    assert pages_as_markdown(pages) == {"Data Description": "one\n\ntwo"}
    assert [page_name(name) for name in ("FAQ", "code-requirements", "", "Getting started")] == [
        "FAQ",
        "Code Requirements",
        "Page",
        "Getting Started",
    ]
