"""What a competition's pages say of the task and of the columns, without what does not hold for the prepared data.

Pages come from strangers. What is kept is plain prose: no HTML, no links, no images, no code; sentences about prizes, dates,
rules, leaderboards, or files that are not public are left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

_GONE_WITH_CONTENT = re.compile(r"<(script|style|iframe|svg|object|noscript|template|video|audio)\b.*?(</\1\s*>|\Z)", re.I | re.S)
_COMMENT = re.compile(r"<!--.*?(-->|\Z)", re.S)
_BREAKING = re.compile(r"</?(p|div|br|ul|ol|table|tbody|thead|tr|hr|blockquote|pre|section|dl|dd|dt)\b[^>]*>", re.I)
_ITEM = re.compile(r"<li\b[^>]*>", re.I)
_CELL = re.compile(r"</t[dh]\s*>", re.I)
_HEADING_TAG = re.compile(r"<h[1-6]\b[^>]*>(.*?)</h[1-6]\s*>", re.I | re.S)
_TAG = re.compile(r"</?[a-z][a-z0-9]*(\s[^<>]*)?/?>", re.I)
_IMAGE = re.compile(r"!\[[^\]]*\](\([^)]*\)|\[[^\]]*\])")
_LINK = re.compile(r"\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:.*$", re.M)
_FENCED = re.compile(r"^ {0,3}(```|~~~).*?(^ {0,3}\1|\Z)", re.M | re.S)
_INDENTED = re.compile(r"(?:^|(?<=\n\n))(?:(?: {4}|\t)(?![-*+] ).*(?:\n|\Z))+", re.M)
_HEADING = re.compile(r" {0,3}#{1,6}\s*(.+?)\s*#*|\*\*([^*]+?):?\*\*:?|__([^_]+?)__")
_SECTIONS_LEFT_OUT = re.compile(
    r"timeline|\bdates?\b|prize|award|rules?\b|submi|format|leaderboard|team|citation|\bcite|acknowledg|requirement"
    r"|getting started|tutorial|\bhelp|faq|question|kaggle|sponsor|\bhost|notebook|kernel|\bcode|forum|discussion|\bjoin"
    r"|contact|partner|licen[cs]e|resource|about us|evaluation|metric|scoring|test set|\bsplit|\bfiles?\b|\bdata\b",
    re.I,
)
_LEFT_OUT = re.compile(
    r"kaggle|leaderboard|prizes?\b|award|deadline|timeline|submi(t|ss)|rules\b|\bteams?\b|sponsor|copyright|©|\bclick|download|https?:|www\."
    r"|@\w|forum|notebook|kernel|\bmedals?\b|winner|participants?\b|competitors?\b|licen[cs]e|\bhost|acknowledg|citation|\bcite\b|tutorial"
    r"|\b\d{1,3}(,\d{3})+\b|\b\d{4,}\b[^.]*\b(train|test|rows?|images?|samples?|examples?|records?)"
    r"|hidden test|(private|public) (test|leaderboard|set|split)|test set is|\bsplit\b|\$\d|\b(19|20)\d\d\b.*\b(19|20)\d\d\b"
    r"|^\W*(higher|lower) is better\W*$|\beditions?\b|\bv[12]\b|mle-?bench|harness|\bmocks?\b"
    r"|differs from|\b(see|shown) (below|here|above)\b|\bthis (link|page)\b",
    re.I,
)
"""Sentences about the contest rather than the task, or that need what is not there."""
_FILE = re.compile(
    r"(?<![\w./-])[\w*<>{}\[\]./-]*\.(?:7z|aiff?|bin|bmp|bson|csv|dcm|dicom|gz|jpe?g|jsonl?|mat|mp3|mp4|nii|npy|npz|ogg|parquet|pdf|png|py"
    r"|rtf|tar|tfrec|tfrecords?|tiff?|tsv|txt|wav|xlsx?|xml|xyz|zip)\b|(?<![\w./])[\w.-]+/(?=[\s.,;:)]|$)",
    re.I,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z*_\"'(])")
_ORDINARY = frozenset(
    """
    and are can challenge classification classify competition data dataset detect detection find for forecast forecasting
    from identification identify image images into learning machine open playground predict predicting prediction
    recognition regression segmentation series tabular text the this using what with your
    """.split()  # noqa: SIM905
)


class Rules(NamedTuple):
    """What may stand in a text.

    Attributes:
        files: names of public files and folders.
        columns: names of columns.
        named: words that must not occur, in lower case and without an s at the end; empty unless the text is to hide where the
            task comes from.
        obfuscated: whether names of people, places and products are left out, too.
    """

    files: Collection[str]
    columns: Collection[str]
    named: Collection[str] = ()
    obfuscated: bool = False


def words_of_title(title: str) -> frozenset[str]:
    """The words of a title that identify a competition, as `Rules` wants them."""
    words = re.findall(r"[^\W_]+", title.casefold())
    return frozenset(_singular(word) for word in words if len(word) > 2 and word not in _ORDINARY and not word.isdigit())


def _singular(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word


def page_of(pages: Mapping[str, str], *names: str) -> str:
    """The text of the pages whose names contain one of some words, in the order of the words."""
    found: dict[str, str] = {}
    for word in names:
        found.update((name, text) for name, text in pages.items() if word in name.casefold() and name not in found)
    return "\n\n".join(found.values())


def prose(page: str, rules: Rules, *, most: int = 4_000) -> str:
    """The paragraphs and lists of a page that explain the task, as Markdown without headings above the third level.

    Args:
        page: Markdown or HTML.
        rules: what may stand in it.
        most: characters after which nothing further is taken.
    """
    kept: list[str] = []
    for heading, blocks in _sections(_plain(page)):
        if heading and _SECTIONS_LEFT_OUT.search(heading):
            continue
        paragraphs = [text for block in blocks if (text := _block(block, rules))]
        if paragraphs and heading and _may_stand(heading, rules) and kept:
            kept.append(f"### {_safe(heading)}")
        kept += paragraphs
    text = ""
    for block, following in zip_longest(kept, kept[1:], fillvalue=""):
        block = block if following.startswith("- ") else _closed(block)
        if len(text) + len(block) > most:
            break
        joins_list = block.startswith("- ") and text.rpartition("\n")[2].startswith("- ")
        text += ("\n" if joins_list else "\n\n" if text else "") + block
    return re.sub(r"(\n\n### [^\n]*)+\Z", "", text)


def sentences_on(page: str, words: Sequence[str], rules: Rules) -> str:
    """The first paragraph of a page that mentions one of some words, such as a metric's names."""
    for heading, blocks in _sections(_plain(page)):
        if heading and re.search(r"submi|format|timeline|prize", heading, re.I):
            continue
        for block in blocks:
            if any(word.casefold() in block.casefold() for word in words) and (text := _block(block, rules)):
                return _closed(text)
    return ""


def _closed(text: str) -> str:
    """The text with a full stop in place of the colon before something that was left out."""
    return f"{text.rstrip(':')}." if text.endswith(":") else text


def meanings(page: str, rules: Rules) -> dict[str, str]:
    """What a page says of columns, line by line: `name - meaning`, `name: meaning`, or a row of a table."""
    found: dict[str, str] = {}
    columns = {column.casefold(): column for column in rules.columns}
    for line in _plain(page, keep_code=True).splitlines():
        match = re.match(
            r"\s*(?:[-*+•]\s+|\d+[.)]\s+|\|)?\s*(.{1,120}?)\s*(?:\([^)]{1,40}\))?\s*(?:\s[-–—=]\s|:\s|\|)\s*(.+)", line
        )
        if not match:
            continue
        names = [name.strip(" `*_\"'\\") for name in match[1].replace("\\_", "_").split(",")]
        known = [columns[name.casefold()] for name in names if name.casefold() in columns]
        meaning = _sentences(re.sub(r"\s*\|\s*", "; ", match[2].strip(" |")).strip("*_ :-–"), rules)
        if known and len(known) == len(names) and meaning:
            found |= {name: meaning for name in known if name not in found}
    return found


def _plain(page: str, *, keep_code: bool = False) -> str:
    """Markdown without HTML, links, images and code."""
    text = page.replace("\r\n", "\n").replace("\r", "\n")
    text = _COMMENT.sub("", _GONE_WITH_CONTENT.sub("", text))
    text = _HEADING_TAG.sub(lambda match: f"\n\n## {_TAG.sub('', match[1]).strip()}\n\n", text)
    text = _BREAKING.sub("\n", _CELL.sub(" | ", _ITEM.sub("\n- ", text)))
    text = _TAG.sub(lambda match: match[0] if match[0].strip("</>").casefold() in ("id", "name", "label", "class") else "", text)
    text = _DEFINITION.sub("", _LINK.sub(r"\1", _IMAGE.sub("", text)))
    text = _FENCED.sub("", text)
    return text if keep_code else _INDENTED.sub("", text)


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Headings with the blocks below them: paragraphs on one line, and items of lists."""
    heading, blocks = "", list[str]()
    lines: list[str] = []

    def close() -> None:
        if lines:
            blocks.append(" ".join(lines))
            lines.clear()

    for raw_line in [*text.split("\n"), ""]:
        line = raw_line.strip()
        if match := _HEADING.fullmatch(line):
            close()
            yield heading, blocks
            heading, blocks = next(group for group in match.groups() if group), []
        elif re.fullmatch(r"[-=*_]{3,}", line) or not line:
            close()
        elif re.match(r"[-*+•]\s+|\d+[.)]\s+", line):
            close()
            lines.append(re.sub(r"^([-*+•]|\d+[.)])\s+", "- ", line))
        elif "|" not in line:
            # rows of tables are read by `meanings`
            lines.append(line)
    close()
    yield heading, blocks


def _block(block: str, rules: Rules) -> str:
    item = block.startswith("- ")
    text = _sentences(block.removeprefix("- "), rules)
    return f"- {text}" if item and text else text


def _sentences(text: str, rules: Rules) -> str:
    """The sentences of a paragraph that may stand, joined."""
    bare = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    bare = re.sub(r"(?<!\w)[*](?=\S)([^*]+?)(?<=\S)[*](?!\w)", r"\1", bare).replace("\\_", "_").replace("\\*", "*")
    sentences = [sentence.strip() for sentence in _SENTENCE_END.split(bare)]
    kept = [_safe(sentence) for sentence in sentences if _may_stand(sentence, rules)]
    return " ".join(sentence for sentence in kept if re.search(r"\w", sentence))


def _may_stand(sentence: str, rules: Rules) -> bool:
    if _LEFT_OUT.search(sentence):
        return False
    named = {match[0].strip("`.,;:") for match in _FILE.finditer(sentence)}
    if any(name not in rules.files and name not in rules.columns for name in named if name.strip("./")):
        return False
    return not rules.obfuscated or not _identifies(sentence, rules)


def _identifies(sentence: str, rules: Rules) -> bool:
    """Whether a sentence has a word of the title or another proper name in it."""
    known = {word for column in rules.columns for word in (column, column.casefold())}
    words = re.findall(r"[^\W_]+(?:[-_'’][^\W_]+)*", sentence)
    for place, word in enumerate(words):
        if word in known:
            continue
        if any(_singular(part) in rules.named for part in re.split(r"[-_'’]", word.casefold())):
            return True
        if place and re.match(r"[^\W\d_]", word) and word != word.casefold() and word not in ("I", "A"):
            return True
    return False


def _safe(text: str) -> str:
    """Prose in which nothing is code or markup but what this file puts there."""
    from grading.printable import printable

    text = printable(" ".join(text.split()), None).replace("`", "")
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
