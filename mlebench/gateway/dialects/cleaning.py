"""Rules for what of a request is passed on; the requests of each dialect are described by a table of them.

Everything is allowed by name: what no rule knows is taken out and noted, and where a request depends on what is closed, such as
the address of an image, it is refused with a sentence. Rules never look into what is free by design: texts, JSON schemas,
and the arguments and results of tools that the agent runs itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from json.encoder import encode_basestring
from typing import Any

from mlebench.errors import Refusal
from mlebench.profiles import Grant

MOST_DEPTH = 100
"""Levels of a body; providers take no more."""
MOST_VALUES = 1_000_000
"""Values of a body, so that looking at each takes a bounded time."""
MOST_NOTES = 32
LEAST_MEDIA = 2**14
"""Bytes that any picture, sound or document counts with at least: a small file may hold a large picture."""
MOST_TOKENS = 10**9
"""Largest limit of tokens that is read."""
_SHORT = 64
_LONGEST_NOTE = 2**13

_BASE64 = re.compile(r"[A-Za-z0-9+/_=\s-]*+")
_DATA_URL = re.compile(r"data:([^;,]{0,100})", re.IGNORECASE)
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_FILES_OF_GOOGLE = re.compile(r"(?:gs://|files/|https://generativelanguage\.googleapis\.com/)")

GONE = object()
"""What a rule returns for a value that was taken out."""


class Cleaning:
    """The cleaning of one request: what is granted, and what was found."""

    def __init__(self, grants: Collection[str]) -> None:
        self.grants = grants
        self.media_bytes = 0
        self.tools: set[tuple[str, str]] = set()
        """The tools that stay, by type and name, and each once more without its name."""
        self._notes: dict[str, None] = {}
        self._more_notes = 0
        self._media: set[int] = set()

    @property
    def removed(self) -> tuple[str, ...]:
        """What was taken out, each kind once."""
        more = [f"{self._more_notes} more"] if self._more_notes else []
        return (*self._notes, *more)

    def take_out(self, what: str) -> Any:
        """Note that something was taken out; the result of the rule that does so."""
        what = shown(what)
        if what not in self._notes:
            if len(self._notes) < MOST_NOTES:
                self._notes[what] = None
            else:
                self._more_notes += 1
        return GONE

    def add_media(self, data: str) -> str:
        """Count a value as a picture, a sound or a document, no longer as text."""
        self.media_bytes += max(len(data), LEAST_MEDIA)
        if len(data) > _SHORT:
            self._media.add(id(data))
        return data

    def text_bytes(self, content: Any) -> int:
        """Bytes of a body as compact JSON, media left out, so that no text has more tokens than that."""
        total = 0
        stack = [content]
        while stack:
            value = stack.pop()
            total += 4  # quotes, colon and comma
            if isinstance(value, str):
                total += 0 if id(value) in self._media else _json_bytes(value)
            elif isinstance(value, dict):
                total += sum(_json_bytes(key) + 4 for key in value)
                stack.extend(value.values())
            elif isinstance(value, list):
                stack.extend(value)
            elif value is not None:
                total += len(str(value))
        return total


Rule = Callable[[Any, Cleaning, str], Any]
"""Gets a value, the cleaning and the value's place, and returns what is passed on, or `GONE`. Raises `Refusal`."""


def check_form(content: Any) -> dict[str, Any]:
    """The body, if it is an object of bounded depth and number of values, with finite numbers.

    Raises:
        Refusal: it is not.
    """
    if not isinstance(content, dict):
        raise invalid("the body must be a JSON object")
    level: list[Any] = [content]
    count = 0
    for _ in range(MOST_DEPTH):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
            elif isinstance(value, float) and not math.isfinite(value):
                raise invalid("the body holds a number that is not finite")
        count += len(level)
        if count + len(inner) > MOST_VALUES:
            raise Refusal(413, "too-large", f"the body holds more than {MOST_VALUES:,} values")
        if not inner:
            return content
        level = inner
    raise invalid(f"the body is nested more than {MOST_DEPTH} levels deep")


def invalid(message: str) -> Refusal:
    """A refusal of what is not a request of the dialect."""
    return Refusal(400, "invalid", message)


def not_allowed(what: str, grant: Grant | None) -> Refusal:
    """A refusal of what reaches around the sandbox."""
    way = f"it needs the grant {grant} in the run's profile" if grant else "no grant opens it"
    return Refusal(400, "not-allowed", f"{what} is closed in this run; {way}")


def shown(text: object) -> str:
    """Words of a request, short and printable."""
    words = str(text)
    words = words if words.isascii() and words.isprintable() else ascii(words)[1:-1]
    return words if len(words) <= 80 else words[:79] + "…"


def anything(value: Any, cleaning: Cleaning, place: str) -> Any:
    """Passes what is free by design."""
    return value


def words(value: Any, cleaning: Cleaning, place: str) -> Any:
    """Text, and nothing else that a lenient provider could read."""
    if value is not None and not isinstance(value, str):
        raise invalid(f"{place} must be text")
    return value


def schema(value: Any, cleaning: Cleaning, place: str) -> Any:
    """A JSON schema, or settings that hold one; references to other documents, which some libraries fetch, are refused."""
    stack = [value]
    while stack and "remote_urls" not in cleaning.grants:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(one)
        elif isinstance(one, dict):
            stack.extend(one.values())
            for reference in (one.get(name) for name in _REFERENCES):
                if isinstance(reference, str) and not reference.startswith("#"):
                    raise not_allowed(f"{place}, which refers to another document,", "remote_urls")
    return value


def short(value: Any, cleaning: Cleaning, place: str) -> Any:
    """Names and notes, of some KiB at most."""
    if cleaning.text_bytes(value) > _LONGEST_NOTE:
        raise Refusal(413, "too-large", f"{place} holds more than {_LONGEST_NOTE} bytes")
    return value


def free(names: str) -> dict[str, Rule]:
    """Rules for keys, divided by blanks, whose values are free by design."""
    return dict.fromkeys(names.split(), anything)


def record(fields: Mapping[str, Rule], spelled: Callable[[str], str] = str) -> Rule:
    """An object with these keys alone.

    Args:
        fields: rules by key.
        spelled: gives the one spelling of a key that has several.
    """

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise invalid(f"{place} must be an object")
        kept: dict[str, Any] = {}
        seen: set[str] = set()
        for key, inner in value.items():
            name = spelled(key)
            within = f"{place}.{name}" if place else name
            rule = fields.get(name)
            if rule is None:
                cleaning.take_out(f"key {within}")
                continue
            if name in seen:
                raise invalid(f"{shown(within)} stands there in two spellings")
            seen.add(name)
            result = rule(inner, cleaning, within)
            if result is not GONE:
                kept[name] = result
        return kept

    return apply


def list_of(rule: Rule, or_one: bool = False) -> Rule:
    """A list of such values; with `or_one`, a single one is read as a list of one."""

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        if value is None:
            return None
        if or_one and isinstance(value, dict):
            value = [value]
        if not isinstance(value, list):
            raise invalid(f"{place} must be a list")
        return [kept for one in value if (kept := rule(one, cleaning, place)) is not GONE]

    return apply


def text_or(rule: Rule) -> Rule:
    """A text, or what the rule takes."""

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        return value if isinstance(value, str) else rule(value, cleaning, place)

    return apply


def one_of(kinds: Mapping[str, Rule], untyped: Callable[[dict[str, Any]], str] = lambda value: "") -> Rule:
    """An object whose `type` says which rule holds; another type is refused.

    Args:
        kinds: rules by type.
        untyped: the type of an object that says none.
    """

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        if not isinstance(value, dict):
            raise invalid(f"{place} must hold objects")
        kind = value.get("type")
        name = untyped(value) if kind is None else kind
        rule = kinds.get(name) if isinstance(name, str) else None
        if rule is None:
            raise Refusal(400, "not-allowed", f"{place} holds the type {shown(name) or 'none'}, which is not passed on")
        return rule(value, cleaning, f"{place}.{name}")

    return apply


def granted(grant: Grant, rule: Rule = anything) -> Rule:
    """What a request depends on: refused unless granted."""

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        if grant in cleaning.grants:
            return rule(value, cleaning, place)
        raise not_allowed(place, grant)

    return apply


def unless_empty(rule: Rule) -> Rule:
    """Null, false and empty values say nothing, and go without a word."""

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        is_empty = value is None or value is False or value in ("", [], {})
        return GONE if is_empty else rule(value, cleaning, place)

    return apply


def out(grant: Grant | None = None, rule: Rule = anything) -> Rule:
    """What a request can do without: taken out unless granted."""

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        if grant in cleaning.grants:
            return rule(value, cleaning, place)
        return GONE if value is None or value is False else cleaning.take_out(f"key {place}")

    return apply


def closed(grant: Grant) -> Rule:
    """A key whose value a request depends on: refused unless granted, or empty."""
    return unless_empty(granted(grant))


def only(values: Collection[str]) -> Rule:
    """A list of words, of which the others are taken out."""

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        if value is None:
            return GONE
        if not isinstance(value, list):
            raise invalid(f"{place} must be a list")
        for one in value:
            if not (isinstance(one, str) and one in values):
                cleaning.take_out(f"{place} {one}")
        return [one for one in value if isinstance(one, str) and one in values] or GONE

    return apply


def media_url(value: Any, cleaning: Cleaning, place: str) -> Any:
    """The address of a picture, sound or document: `data:` alone, unless granted."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid(f"{place} must be text")
    if found := _DATA_URL.match(value):
        return cleaning.add_media(value) if is_media(found[1]) else value
    if "remote_urls" in cleaning.grants:
        return cleaning.add_media(value)
    raise Refusal(400, "not-allowed", f"{place} is an address that the provider would fetch; send the content as a data: URL")


def media_data(value: Any, cleaning: Cleaning, place: str) -> Any:
    """The content of a picture or sound in base64, or a `data:` URL."""
    is_plain = isinstance(value, str) and _BASE64.fullmatch(value)
    return cleaning.add_media(value) if is_plain else media_url(value, cleaning, place)


def file_data(value: Any, cleaning: Cleaning, place: str) -> Any:
    """The content of a file likewise; it may be a text, and counts as one unless it says otherwise."""
    is_plain = isinstance(value, str) and _BASE64.fullmatch(value)
    return value if is_plain else media_url(value, cleaning, place)


def is_media(kind: Any) -> bool:
    """Whether a media type is not text, which would have a token for each few bytes."""
    name = kind.strip().lower() if isinstance(kind, str) else ""
    return name == "application/pdf" or name.startswith(("image/", "audio/", "video/"))


def google_file(value: Any, cleaning: Cleaning, place: str) -> Any:
    """The address of a file at Google or in the web."""
    if not isinstance(value, str):
        raise invalid(f"{place} must be text")
    if _DATA_URL.match(value):
        return media_url(value, cleaning, place)
    grant: Grant = "files" if _FILES_OF_GOOGLE.match(value) else "remote_urls"
    return cleaning.add_media(granted(grant)(value, cleaning, place))


def file_id(value: Any, cleaning: Cleaning, place: str) -> Any:
    """The name of a file that was stored at the provider."""
    if value is None:
        return GONE
    if not isinstance(value, str):
        raise invalid(f"{place} must be text")
    return cleaning.add_media(granted("files")(value, cleaning, place))


def cache_mark(value: Any, cleaning: Cleaning, place: str) -> Any:
    """Where a provider may cache; how long is left to it, since that has prices of its own."""
    return record(free("type mode"))(value, cleaning, place)


def whole_number(value: Any, place: str, least: int = 1, most: int = MOST_TOKENS) -> int | None:
    """A count that a request sets; None where it sets none.

    Raises:
        Refusal: it is anything but a whole number from `least` to `most`.
    """
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise invalid(f"{place} must be a whole number from {least} to {most}")
    return value


def truth(value: Any, place: str) -> bool:
    """A switch, off where it is null.

    Raises:
        Refusal: it is neither true nor false: providers read other words differently.
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    raise invalid(f"{place} must be true or false")


def model_name(value: Any) -> str:
    """The model's name.

    Raises:
        Refusal: it is not text.
    """
    if not isinstance(value, str) or not value:
        raise invalid("model must name a model")
    return value


def _json_bytes(text: str) -> int:
    written = encode_basestring(text)
    return len(written) if written.isascii() else len(written.encode("utf-8", "surrogatepass"))
