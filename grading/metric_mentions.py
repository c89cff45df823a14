"""The metrics that the prose of an evaluation page mentions, and which of them it scores by.

A page is read as sentences and these as clauses. A mention counts only if nothing beside it may change what is computed: of
`a variant of the log loss`, `log loss over groups` and `penalised log loss` none is the log loss.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

from grading.metric_words import AVERAGING, DROPPED, Spelled, key_of, spelled, words_of

T = TypeVar("T")
Standing = Literal["sure", "changed", "unsupported", "vague"]
"""What a mention is: a metric as it is known; one that its surroundings change; one that is known not to be supported; one that
leaves open which metric is meant."""

_LONGEST_NAME = 12
_FIRST_WORDS = 8
_LONGEST_PAGE = 60_000
_LONGEST_SENTENCE = 2_000
_LONGEST_HEADING = 90
_LONGEST_SYMBOL = 12

_CODE = re.compile(
    r"```.*?(?:```|\Z)|<pre\b.{0,5000}?</pre>|\\\[.{0,1000}?\\\]|\$\$.{0,1000}?\$\$|\\begin\{.{0,1000}?\\end\{\w+\*?\}|<!--.{0,1000}?-->",
    re.DOTALL,
)
_BLOCK_TAG = re.compile(r"</?(?:p|div|h[1-6]|li|ul|ol|br|table|tr|td|th|section|blockquote)\b[^<>]{0,300}>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>")
_IMAGE = re.compile(r"!\[[^\]\n]{0,300}\]\([^)\n]{0,500}\)")
_LINK = re.compile(r"\[([^\]\n]{1,300})\](?:\([^)\n]{0,500}\)|\[[^\]\n]{0,100}\])")
_URL = re.compile(r"https?://[^\s)>\]]+")
_FORMULA = re.compile(r"\\\((.{1,300}?)\\\)|\$([^$\n]{1,40})\$")
_BLANKS = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\n(?: ?\n)+")
_ABBREVIATION = re.compile(r"\b(i\.e|e\.g|vs|cf|etc|approx|no|eq|fig)\.", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])[*_)\"\u201d]*\s+(?=[*_(\"\u201c]*[A-Z0-9])")
_CLAUSE_END = re.compile(r"[,;:()\[\]\"\u201c\u201d!?|]|(?<!\b1)\s[-\u2013\u2014]+\s|\u2014|\.(?!\d)")
_QUALIFIER_APART = re.compile(
    r"\(((?:macro|micro|weighted|binary|multi-?class|multi-?label|column-?wise)(?:[- ]averaged?)?)\)", re.IGNORECASE
)
_ABBREVIATION_BEFORE_NUMBER = re.compile(r"\(\w{2,6}\)\s*(?=@|at\s+\d)")

_CUE = re.compile(
    r"\b(?:evaluat\w*|scor(?:ed|ing)|(?:the|your|final|overall) score (?:is|will)|score is (?:comput|calculat|giv)\w+|"
    r"judged|metrics?|ranked|graded|assessed|"
    r"measured|competition (?:uses|is based)|we (?:will )?use|criterion)\b",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"\b(?:not|unlike|instead of|rather than|in contrast (?:to|with)|as opposed to|no longer|compared (?:to|with)|ties?|"
    r"tie-?break\w*|previous\w*|formerly|such as|for example|"
    r"for instance|other than|replac\w+|originally|like|e\.?g|differ\w* from|than)\b",
    re.IGNORECASE,
)
_CHANGING_BEFORE = re.compile(
    r"\b(?:similar to|"
    r"(?:version|variant|variation|modification|generali[sz]ation|extension|adaptation|form|type|kind)s? (?:of|on)|"
    r"modif\w+|adapted|adjusted|custom\w*|combin\w+|sum of|product of|ratio of|difference (?:between|of)|"
    r"weighted (?:sum|average|mean|combination)|blend of|mix(?:ture)? of|root of|log(?:arithm)? of|inverse of|square of|"
    r"percentile|inspired by|average of|mean of|one minus|"
    r"1 ?[-\u2212]|minus|times|multipl\w+)\b",
    re.IGNORECASE,
)
_ROWS = (
    r"(?:rows?|images?|samples?|examples?|ids?|records?|instances?|observations?|test|predictions?|data|documents?|entries|"
    r"points)"
)
_CHANGING_AFTER = re.compile(
    r"\b(?:weigh(?:ts?|ted|ting|ing)|iou|intersection over union|penal\w+|multipl\w+|plus|minus|combin\w+|bonus|capped|clipped|"
    r"raised to|divided by|subtract\w+|rounded to (?:a|the|whole|integers?|nearest)|"
    r"during|phase|restricted|excluding|except|ignor\w+|(?:do|does) not count)\b",
    re.IGNORECASE,
)
_LOG_AFTER = re.compile(r"\blog(?! loss)(?:arithms?)?\b", re.IGNORECASE)
_ALL_ROWS = (
    rf"(?:(?:all|the|every|each|of|for|\d+|n) )*(?:\w+ )?(?:test|{_ROWS})\b"
    r"|all (?!class|group|label|categor|target|column|type|stor|user|famil|fold)"
)
_WITHIN_GROUPS = re.compile(
    rf"^\s*over (?!{_ALL_ROWS})|\bwithin each\b|\bper (?!{_ROWS}\b)\w|"
    rf"\b(?:averag\w+|mean|computed|calculated|taken|evaluated)(?: \w+)? (?:over|across|within|per|by|for|separately) "
    rf"(?!{_ALL_ROWS})\w",
    re.IGNORECASE,
)
_BY_ROW = re.compile(r"\b(?:(?:for|of|per|in) each|per \w+|(?<!harmonic )mean|averag\w+)\b", re.IGNORECASE)
_OVER_COLUMNS = re.compile(
    r"\b(?:averag\w+|mean)\b[^.]{0,60}\b(?:columns?|targets?|labels?|(?:target|label|predicted) (?:columns?|variables?))\b|"
    r"\beach\b[^.]{0,30}\bcolumns?\b[^.]{0,40}\b(?:averag\w+|mean)\b",
    re.IGNORECASE,
)
_FORMULA_LINE = re.compile(r"\s=\s.*[\u00b7*/+(\u03a3\u221a\u2212]")
_DENIED_AFTER = re.compile(
    r"^\W*(?:is|are|was|were|would be|will be|does|can)?\s*(?:not|n't|no longer|unsuitable|misleading)\b", re.IGNORECASE
)

_NEW_THOUGHT = re.compile(r"\b(?:but|we use|we will use|instead use)\b")
_JOINED = re.compile(r"\s*(?:[+*/%^\u2212]|at\b|loss\b|ratio\b|gain\b|divided\b|improvement\b|difference\b)")
_ANOTHER_JOINS = re.compile(r"\s*(?:and|or)\b")
_NUMBER_MEANT = re.compile(r"\b[kK]\s*=\s*([0-9]{1,4})\b")
_LETTER_FOR_NUMBER = re.compile(r"\s?@\s?\{?[kK]\}?(?!\w)|\sat\s[kK]\b")

_NEUTRAL = {
    "evaluated", "evaluate", "scored", "judged", "ranked", "measured", "compared", "based", "use", "uses", "used",
    "computed", "compute", "calculated", "calculate", "as", "be", "via", "through", "from", "and", "or", "this", "that",
    "these", "we", "you", "it", "our", "your", "their", "its", "standard", "usual", "simple", "plain", "common", "popular",
    "called", "named", "known", "competition", "leaderboard", "submission", "submissions", "sklearn", "scikit", "learn",
    "kaggle", "against", "according", "official", "main", "primary", "overall", "final", "following", "means", "maximize",
    "minimize", "maximise", "minimise", "where", "which", "while", "when", "also", "s", "will", "chosen", "single", "well",
    "familiar", "assessed", "graded", "determined", "under", "performance", "predictions", "prediction", "model", "models",
    "task", "employs", "employ", "resulting", "so", "then", "namely", "given", "ie", "i.e", "highest", "lowest", "best",
    "higher", "lower", "maximum", "minimum", "achieve", "report", "basis", "terms", "implementation", "has", "have", "if",
    "i", "e", "being", "define", "becomes", "optimize", "optimise", "optimizes",
}  # fmt: skip
"""Words before a metric's name that leave it as it is. Any other may be part of another metric's name."""


@dataclass(frozen=True)
class Names(Generic[T]):
    """What the words of a name mean."""

    metric: Callable[[Spelled], T | None]
    """Looks a name up."""
    standing: Callable[[str], Standing | None]
    """Whether another name's key is one that is `unsupported` or `vague`."""
    vocabulary: frozenset[str]
    """Every word of any name."""


@dataclass(frozen=True)
class _Mention(Generic[T]):
    """A place where a page names a metric."""

    standing: Standing
    metric: T | None
    key: str
    is_subject: bool = True
    """Whether it is among the first words of its sentence."""


@dataclass(frozen=True)
class _Sentence(Generic[T]):
    """A sentence or heading."""

    decides: bool
    """Whether it is about how submissions are scored."""
    mentions: tuple[_Mention[T], ...]
    """Those outside asides, in order."""

    @property
    def sure(self) -> list[_Mention[T]]:
        """The mentions of a metric as it is known; none if the sentence also has one that is not."""
        return [] if self.blocked else self._known

    @property
    def blocked(self) -> bool:
        """Whether it names a metric that is changed or not supported, other than to explain one that is known."""
        others = (mention for mention in self.mentions if mention.standing in ("changed", "unsupported"))
        return any(not any(_is_part(other, known) for known in self._known) for other in others)

    @property
    def _known(self) -> list[_Mention[T]]:
        return [mention for mention in self.mentions if mention.standing == "sure"]


def mentioned(page: str, names: Names[T]) -> list[T]:
    """The metrics that a page scores by, most likely first; empty if that is not sure."""
    sentences = [_read(text, is_heading, names) for text, is_heading in _sentences(page)]
    deciding = [place for place, sentence in enumerate(sentences) if sentence.decides and (sentence.sure or sentence.blocked)]
    if not deciding:
        return _only_one(sentences)
    first = sentences[deciding[0]].sure
    if not first:
        return []
    following = sentences[deciding[0] + 1].sure if deciding[0] + 1 < len(sentences) else []
    first = _specific([*first, *(each for each in following if any(_is_part(own, each) for own in first))])
    later = [each for place in deciding[1:] for each in sentences[place].sure if not any(_is_part(each, own) for own in first)]
    changed = [each.metric for place in deciding for each in sentences[place].mentions if each.standing == "changed"]
    return [metric for metric in _metrics([*first, *later]) if metric not in changed]


def _only_one(sentences: list[_Sentence[T]]) -> list[T]:
    """The metric of a page that names just one, as the subject of a sentence, without saying what for."""
    sure = _specific([mention for sentence in sentences for mention in sentence.sure])
    for other in {mention.key: mention for sentence in sentences if sentence.blocked for mention in sentence.mentions}.values():
        if not any(_is_part(other, known) for known in sure):
            return []
    metrics = _metrics(sure)
    return metrics if len(metrics) == 1 and any(mention.is_subject for mention in sure) else []


def _metrics(mentions: list[_Mention[T]]) -> list[T]:
    """Their metrics, each once."""
    metrics: list[T] = []
    for mention in mentions:
        if mention.metric is not None and mention.metric not in metrics:
            metrics.append(mention.metric)
    return metrics


def _specific(mentions: list[_Mention[T]]) -> list[_Mention[T]]:
    """The mentions but those whose words are part of another's, such as `F1` beside `mean F1`, and loose talk of accuracy."""
    mentions = list({mention.key: mention for mention in reversed(mentions)}.values())[::-1]
    kept = [each for each in mentions if not any(_is_part(each, other) for other in mentions)]
    return [each for each in kept if each.key != "accuracy"] or kept


def _is_part(mention: _Mention[T], other: _Mention[T]) -> bool:
    return {*mention.key.split()} < {*other.key.split()}


def _read(text: str, is_heading: bool, names: Names[T]) -> _Sentence[T]:
    whole = key_of(text)
    if is_heading and (metric := names.metric(whole)) is not None:
        return _Sentence(True, (_Mention("sure", metric, whole.key),))
    if _FORMULA_LINE.search(text):
        return _Sentence(False, ())
    mentions = tuple(_mentions(text, names))
    if is_heading:
        # a row of a table or a title of something else
        mentions = tuple(replace(mention, is_subject=False) for mention in mentions)
    return _Sentence(bool(_CUE.search(text)), mentions)


def _mentions(text: str, names: Names[T]) -> Iterator[_Mention[T]]:
    text = _ABBREVIATION_BEFORE_NUMBER.sub("", _QUALIFIER_APART.sub(r" \1 ", text))
    start = told = 0
    for end, next_start in [*(found.span() for found in _CLAUSE_END.finditer(text)), (len(text), len(text))]:
        words = words_of(text[start:end], keep=True)
        yield from _of_clause(words, told, text[next_start:], names)
        told += len(words)
        start = next_start


def _of_clause(words: list[str], told: int, after: str, names: Names[T]) -> Iterator[_Mention[T]]:
    """The mentions in a clause, given as words, which follow so many others of its sentence and precede the text `after`."""
    place = 0
    while place < len(words):
        end, spelling = _longest(words, place, names)
        if spelling is not None:
            before, rest = " ".join(words[:place]), " ".join(words[end:])
            if not _is_aside(before, rest):
                mention = _mention(spelling, before, f"{rest} {after}", names)
                yield replace(mention, is_subject=told + place < _FIRST_WORDS)
        place = end


def _mention(spelling: Spelled, before: str, after: str, names: Names[T]) -> _Mention[T]:
    metric, standing = names.metric(spelling), names.standing(spelling.key)
    if (
        metric is not None
        and (mean := _over_columns(spelling, before, after))
        and (mean_metric := names.metric(mean)) is not None
    ):
        # the words about columns are part of the name
        metric, spelling, before = mean_metric, mean, ""
    changed = _is_changed_before(before) or _is_changed_after(spelling.key, after)
    known: Standing = "sure" if metric is not None else standing or "vague"
    # loose words such as `precision` explain other metrics
    loose = known == "vague" and " " not in spelling.key
    return _Mention("changed" if changed and not loose else known, metric, spelling.key)


def _over_columns(spelling: Spelled, before: str, after: str) -> Spelled | None:
    """The name of the mean over columns, if the words beside a mention say that it is that."""
    if not _OVER_COLUMNS.search(f"{before} {after}") or _CHANGING_AFTER.search(before) or _ANOTHER_JOINS.match(after):
        return None
    return spelled(["columnwise", *(word for word in spelling.words if word != "columnwise")])


def _is_aside(before: str, rest: str) -> bool:
    """Whether a mention between these words says by what submissions are not scored."""
    return bool(_ASIDE.search(_NEW_THOUGHT.split(before)[-1]) or _DENIED_AFTER.search(rest))


def _is_changed_before(before: str) -> bool:
    """Whether the words before a mention may make another metric of it."""
    told = before.split()
    nearest = next((word for word in reversed(told) if word not in DROPPED), None)
    return (nearest is not None and nearest not in _NEUTRAL) or bool(_CHANGING_BEFORE.search(" ".join(told[-7:])))


def _is_changed_after(key: str, after: str) -> bool:
    """Whether the words after a mention with these words may make another metric of it."""
    words = {*key.split()}
    if _CHANGING_AFTER.search(after) or _JOINED.match(after) or ("log" not in words and _LOG_AFTER.search(after)):
        return True
    if words & {"columnwise", "macro", "multiclass", "at", "levenshtein", "jaccard"}:
        # a mean over columns, classes or single rows belongs to the name
        return False
    return bool(_WITHIN_GROUPS.search(after) or (key == "f1" and _BY_ROW.search(after)))


def _longest(words: list[str], place: int, names: Names[T]) -> tuple[int, Spelled | None]:
    """The longest name that begins at a word, and the place after it; without one, the next place."""
    name: list[str] = []
    best: tuple[int, Spelled | None] = (place + 1, None)
    for end in range(place, len(words)):
        if words[end] in DROPPED and name:
            continue
        if len(name) == _LONGEST_NAME or not (words[end] in names.vocabulary or words[end].replace(".", "").isdigit()):
            break
        name.append(words[end])
        spelling = key_of(" ".join(name))
        if names.metric(spelling) is not None or names.standing(spelling.key):
            best = (end + 1, spelling)
    return best


def _sentences(page: str) -> Iterator[tuple[str, bool]]:
    """The sentences of a page as plain text, and whether each is a heading."""
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*+#|>]|\d+[.)])\s)|(?<=\n)(?=#)", _plain(page)):
        lines = paragraph.strip().splitlines()
        if lines and (lines[0].startswith("#") or (len(lines) > 1 and re.fullmatch(r"[=-]{3,}", lines[1].strip()))):
            yield lines[0].strip("# *_"), True
            lines = [line for line in lines[1:] if not re.fullmatch(r"[=-]{3,}", line.strip())]
        text = " ".join(lines).strip(" *_-+>|`")
        if len(text) < _LONGEST_HEADING and "." not in text:
            yield text, True
        else:
            yield from ((sentence[:_LONGEST_SENTENCE], False) for sentence in _SENTENCE_END.split(text) if sentence.strip())


def _plain(page: str) -> str:
    """A page without code, displayed formulas, markup and addresses."""
    text = _CODE.sub("\n\n", html.unescape(page[:_LONGEST_PAGE]).replace("\r", ""))
    text = _LINK.sub(r"\1", _IMAGE.sub(" ", _TAG.sub(" ", _BLOCK_TAG.sub("\n\n", text))))
    # later patterns look ahead over white space, which must be short
    text = _BLANK_LINES.sub("\n\n", _BLANKS.sub(" ", text))
    text = _ABBREVIATION.sub(r"\1", _URL.sub(" ", text))
    text = _FORMULA.sub(lambda found: _short_formula(found[1] or found[2]), text)
    text = AVERAGING.sub(r" \1 ", text.replace("`", "")).replace("**", "").replace("__", "")
    numbers = {*_NUMBER_MEANT.findall(text)}
    return _LETTER_FOR_NUMBER.sub(f"@{numbers.pop()}", text) if len(numbers) == 1 else text


def _short_formula(formula: str) -> str:
    """A formula that is just a symbol, such as `F_1`, as text."""
    text = re.sub(r"\\(?:text|mathrm|mathit|operatorname|textrm)\b|[{}_^\\]", "", formula)
    return text if len(text) <= _LONGEST_SYMBOL else " "
