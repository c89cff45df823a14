"""Files that are written as no harness writes them, so that two readers may read two things, or one reader none."""

from __future__ import annotations

from collections.abc import Callable

from tests.evidence.tampering import Contents, Kinds, Tampering

SYNTAX = Kinds()
RUN = "demo-wine_seed0"


def _nested(content: bytes) -> bytes:
    return b'{"deep": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"


def _twice(content: bytes) -> bytes:
    """One reader takes the first, another the last."""
    key = b'"total_medals": ' if b'"total_medals": ' in content else b'"wall_seconds": '
    return content.replace(key, key + b"0,\n  " + key, 1)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "of_nothing": lambda content: b"",
    "of_a_blank": lambda content: b" ",
    "of_a_list": lambda content: b"[]",
    "of_a_number": lambda content: b"1",
    "that_is_cut_off": lambda content: content[:200],
    "nested_deeply": _nested,
    "with_a_byte_order_mark": lambda content: b"\xef\xbb\xbf" + content,
    "in_utf_16": lambda content: content.decode().encode("utf-16"),
    "in_latin_1": lambda content: content.replace(b"group", "grüppe".encode("latin-1")),
    "with_a_nul": lambda content: content + b"\0",
    "with_more_behind_it": lambda content: content + b"{}\n",
    "of_nuls": lambda content: bytes(1000),
}
JSON_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    **DAMAGE,
    "with_nan": lambda content: content.replace(b'"score": 0.52442', b'"score": NaN').replace(
        b'"gpu_hours": 0.0', b'"gpu_hours": NaN'
    ),
    "with_infinity": lambda content: content.replace(b'"score": 0.52442', b'"score": -1e999').replace(
        b'"run_seconds": ', b'"run_seconds": 1e999, "x": '
    ),
    "with_a_huge_number": lambda content: content.replace(b'"seed": 0', b'"seed": ' + b"9" * 10_000),
    "with_keys_twice": _twice,
}
YAML_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    # a byte order mark changes nothing of what is read
    **{how: harm for how, harm in DAMAGE.items() if how != "with_a_byte_order_mark"},
    "with_aliases_that_multiply": lambda content: (
        content + b"a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
        b"d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\n"
        b"g: &g [*f,*f,*f,*f,*f,*f,*f,*f]\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g]\ni: [*h,*h,*h,*h,*h,*h,*h,*h]\n"
    ),
    "that_makes_an_object": lambda content: content + b"x: !!python/object/apply:os.getcwd []\n",
    "with_keys_twice": lambda content: content + b"created_at: '2020-01-01T00:00:00+00:00'\n",
    "with_two_documents": lambda content: content + b"---\n" + content,
}


def _add(what: str, level: str, name: tuple[str, ...], damage: dict[str, Callable[[bytes], bytes]], *files: str) -> None:
    for how, harm in damage.items():

        def change(contents: Contents, harm: Callable[[bytes], bytes] = harm) -> None:
            harmed = harm(contents.files[contents.name(*name)])
            assert harmed != contents.files[contents.name(*name)]
            contents.files[contents.name(*name)] = harmed

        change.__name__ = f"{what}_{how}"
        SYNTAX.append(Tampering(change, level, files))


_add("record", "plan", (RUN, "run.json"), JSON_DAMAGE, f"{RUN}/run.json")
_add("grading_report", "scores", ("grading_report.json",), JSON_DAMAGE, "grading_report.json")
_add("group", "files", ("group.yaml",), YAML_DAMAGE, "group.yaml")
_add("ledger", "ledgers", (RUN, "checker_calls.jsonl"), {k: v for k, v in DAMAGE.items() if k not in ("in_latin_1",)}, f"{RUN}/")
