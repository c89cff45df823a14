"""Text files: leading comments, and the values of small documents in JSON, XML, YAML and lines of `key: value`."""

from __future__ import annotations

import contextlib
import re
from xml.etree import ElementTree

from mlebench.preparation.audit.seen.formats.encoding import decoded
from mlebench.preparation.audit.seen.formats.found import flattened
from mlebench.preparation.audit.seen.formats.records import parse
from mlebench.preparation.audit.seen.tags.saying import LONGEST, Sayings
from mlebench.preparation.audit.seen.window import AnyWindow

_SMALL = 2**16
"""Bytes of a document whose values are said."""
_COMMENT = re.compile(r"\s*(?:#|%|//|;|--|<!--|/\*|\"\"\")\s?(.*)")
_PAIR = re.compile(r"\s*([\w .\-/]{1,60}?)\s*[:=]\s+?(\S.*)")
_MOST_LINES = 200


def read_text(window: AnyWindow, said: Sayings, encoding: str) -> None:
    """What a text says before its content; of small ones their values."""
    text = decoded(window.at(0, _SMALL), encoding)
    lines = text.splitlines()[:_MOST_LINES]
    said.say("text.form", _form(text, encoding))
    said.say("text.comment", "\n".join(_leading_comments(lines)))
    if window.size > _SMALL:
        return
    start = text.lstrip()[:1]
    if start in ("{", "["):
        with contextlib.suppress(ValueError):
            _say_document(text, said)
    elif start == "<":
        _say_elements(text, said)
    else:
        for found in map(_PAIR.fullmatch, lines):
            if found is not None:
                said.say(f"text.{found[1]}", found[2])
        if len(text) <= LONGEST:
            said.say("text", text)


def _form(text: str, encoding: str) -> str:
    """How the text is written: its encoding, its line ends, and whether the last line has one."""
    ends = "crlf" if "\r\n" in text else "lf"
    return f"{encoding} {ends}" + ("" if text.endswith(("\n", "\r")) else " open")


def _leading_comments(lines: list[str]) -> list[str]:
    found = []
    for line in lines:
        if line.strip() and (comment := _COMMENT.fullmatch(line)) is None:
            break
        if line.strip() and comment is not None:
            found.append(comment[1])
    return found


def _say_document(text: str, said: Sayings) -> None:
    document = parse(text)
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if isinstance(document, dict):
        for name, value in flattened(document):
            said.say(f"json.{name}", value)


def _say_elements(text: str, said: Sayings) -> None:
    for found in re.finditer(r"<!--(.*?)-->", text, re.DOTALL):
        said.say("xml.comment", found[1])
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return
    with contextlib.suppress(ElementTree.ParseError):
        _say_element(ElementTree.fromstring(text), "xml", said, 0)


def _say_element(element: ElementTree.Element, name: str, said: Sayings, depth: int) -> None:
    for key, value in element.attrib.items():
        said.say(f"{name}.{_local(key)}", value)
    said.say(name, (element.text or "").strip())
    for inner in element if depth < 20 else ():
        _say_element(inner, f"{name}.{_local(inner.tag)}", said, depth + 1)


def _local(name: object) -> str:
    return str(name).rpartition("}")[2]
