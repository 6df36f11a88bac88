"""From a question to what is asked for: the intent, the name, the code, the column.

No model and no table's content is needed, only the names of its columns and what its codes look
like. What it takes for a name is handed to the look-up, which decides what that means; so it may
leave a word too many, and never has to guess.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from huohou.answer import phrases
from huohou.answer.several import ANY, Held, Told, told

Intent = Literal["value", "name", "list", "column", "lacking", "empty"]

LONGEST = 400  # characters of a question that are read closely; codes are looked for in all of it
CODES = 5  # codes in one question that are answered
LEAST_LISTED = 3  # characters of an institution or place from which an ending may come off
PARTS = 3  # pieces of a question that are looked up one by one
_SPLIT = re.compile(r"[,，。.?？!！;；:：、\n]+(?=\s|$|[^\s\d])|\s{2,}|--+")
_RUN = re.compile(r"(?<![A-Za-z0-9_])\d(?:[ \-–—_·./]{0,2}\d)*(?![A-Za-z_])")
_TOKEN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9](?:[A-Za-z0-9\-_./]*[A-Za-z0-9])?(?![A-Za-z0-9])")
_EDGE = " \t\n,，。.?？!！;；:：、\"'“”‘’<>《》()（）[]【】*`|=…~"
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """What the engine knows of a table's columns.

    key, value: the columns asked about; others: the rest; digits: length of its codes, None where
    its values are no codes.
    """

    key: str
    value: str
    others: tuple[str, ...] = ()
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, understood.

    intent: value (of a name), name (of a value), list, column (another column of a name or value),
    lacking (what no column holds), empty (nothing is asked); names: texts that may be the name,
    best first; codes: what looks like a value, without spaces and dashes; column: the one asked
    for, where another than the value is; values: whether a list asks for values and not for names;
    holds: parts of the name that are told; parts: what the rows of a list hold, or of a vague name,
    in several readings, with ANY for what was forgotten; vague: that the rest is forgotten; spot:
    whether names are looked for inside the text where none of ``names`` is found.
    """

    intent: Intent
    text: str
    names: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    column: str = ""
    values: bool = False
    holds: tuple[Held, ...] = ()
    parts: tuple[str, ...] = ()
    vague: bool = False
    spot: bool = False


def understand(question: str, columns: Columns) -> Asked:
    """What a question asks for.

    >>> understand("请问大悟农商行兴发支行的联行号是多少？", Columns("name", "code")).names[0]
    '大悟农商行兴发支行'
    >>> understand("联行号４０２５ ３５５１ ０９３８是哪个银行", Columns("n", "code", (), 12)).codes
    ('402535510938',)
    """
    whole = plain(question)
    text = _short(whole)
    codes = find_codes(whole, columns.digits)
    rest = _without_codes(text, columns.digits) if codes else text
    if not _words(rest) and not codes:
        return Asked("empty", text)
    column, rest = _column(rest, columns, bool(codes))
    said = Told(rest) if codes else told(rest)
    many, texts = _many(said.rest, columns, bool(said.holds) or said.vague)
    if not codes and (many or (said.holds and not said.vague)):
        values = _has((*_nouns(columns), *phrases.LIST_NOUNS), text)
        return Asked("list", text, texts, (), column, values, said.holds, texts)
    if said.vague:
        names = name_texts(rest if ANY in said.rest else said.rest, columns) or (text,)
        return Asked("value", text, names, (), "", False, said.holds, texts, True)
    names = name_texts(rest, columns)
    if column:
        return Asked("column", text, names, codes, column)
    if lacks(text, columns):
        return Asked("lacking", text)
    return Asked("name" if codes else "value", text, names or (() if codes else (text,)), codes)


def plain(question: str) -> str:
    """NFKC, without control and invisible characters, runs of blanks as one.

    >>> plain("４０２５\\u3000\\x00ａ\\u200b")
    '4025 a'
    """
    folded = unicodedata.normalize("NFKC", question)
    kept = (" " if c.isspace() else c for c in folded if not _hidden(c))
    return " ".join("".join(kept).split(" ")).strip()


def find_codes(text: str, digits: int | None) -> tuple[str, ...]:
    """Digits that are a code, or nearly one: as long as the table's codes, or two more or less.

    Blanks, dashes and dots between digits do not count. Without a length nothing is a code here:
    the table is asked for each word instead (``tokens``).
    """
    if digits is None:
        return ()
    found: list[str] = []
    for run in _RUN.finditer(text):
        whole = re.sub(r"\D", "", run.group())
        pieces = [p for p in re.findall(r"\d+", run.group()) if len(p) == digits]
        near = [whole] if abs(len(whole) - digits) <= 2 else []
        found += pieces or near
    return tuple(dict.fromkeys(found))[:CODES]


def tokens(text: str) -> tuple[str, ...]:
    """Words of letters and digits that hold a digit: what could be a value of any table."""
    words = (found.group() for found in _TOKEN.finditer(text))
    return tuple(dict.fromkeys(w for w in words if any(c.isdigit() for c in w)))[:CODES]


def asks_who(text: str) -> bool:
    """Whether the words ask for a name by its value."""
    return _has(phrases.WHO, text)


def asks_value(text: str, columns: Columns) -> bool:
    """Whether the words ask for the value by what it is called."""
    return _has(_nouns(columns), text)


def name_texts(text: str, columns: Columns) -> tuple[str, ...]:
    """What may be the name in a text, best first: without the words around it, then its parts."""
    nouns = _nouns(columns)
    parts = [_stripped(part, nouns) for part in _SPLIT.split(text)]
    parts = [part for part in dict.fromkeys(parts) if _words(part)]
    whole = " ".join(parts)
    longest = sorted(parts, key=len, reverse=True)[:PARTS]
    return tuple(dict.fromkeys([*([whole] if whole else []), *longest]))


def lacks(text: str, columns: Columns) -> bool:
    """Whether the words ask for something that no column of the table holds.

    >>> lacks("大悟农商行兴发支行的电话", Columns("name", "code"))
    True
    >>> lacks("工行电话局支行", Columns("name", "code")), lacks("电话", Columns("name", "电话"))
    (False, False)
    """
    held = {*_words_for(columns.key), *_nouns(columns)}
    held |= {word for column in columns.others for word in _words_for(column)}
    alone = () if asks_value(text, columns) else phrases.LACKING_ALONE
    words = tuple(word for word in (*phrases.LACKING, *alone) if word not in held)
    return _compiled(rf"(?:{_either(words)}){phrases.NO_NAME}").search(text) is not None


def _hidden(character: str) -> bool:
    if character in "\n\r\t\v\f":
        return False
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn")


def _short(text: str) -> str:
    """The first characters, of a text that is far too long for a question."""
    return text if len(text) <= LONGEST else text[:LONGEST]


def _without_codes(text: str, digits: int | None) -> str:
    def cut(run: re.Match[str]) -> str:
        return " " if find_codes(run.group(), digits) else run.group()

    return _RUN.sub(cut, text)


def _words(text: str) -> bool:
    return bool(_NO_WORD.sub("", text))


@cache
def _nouns(columns: Columns) -> tuple[str, ...]:
    """What a question may call the value, and how it asks for "which" name."""
    keys = [f"{word} {key}" for word in ("which", "what") for key in _words_for(columns.key)]
    return (*_words_for(columns.value), *phrases.CODE_NOUNS, *keys)


@cache
def _words_for(column: str) -> tuple[str, ...]:
    """What people call a column: its name, and the words of its group."""
    name = column.casefold().replace("_", " ").strip()
    bare = name.replace(" ", "")
    groups = (g for g in phrases.COLUMN_WORDS if bare in {w.replace(" ", "") for w in g})
    return tuple(dict.fromkeys([name, *(word for group in groups for word in group)]))


def _column(text: str, columns: Columns, coded: bool) -> tuple[str, str]:
    """The other column that is asked for, and the text without its words. coded: by a value.

    Only in the words of a question (``which city``, ``的城市``, ``在哪个城市``): a name may hold
    the same word.
    """
    if not coded and _asks_for(_nouns(columns), text) is not None:
        return "", text
    for column in columns.others:
        rest = _asks_for(_words_for(column), text, bare=coded)
        if rest is not None:
            return column, rest
    return "", text


def _asks_for(words: Iterable[str], text: str, bare: bool = False) -> str | None:
    """The text without the question for one of these words; None where it asks for none.

    bare: whether that question may be all there is."""
    one = _either(words)  # words in letters only whole: BankId is no id
    asking = (
        rf"(?:在|属于|位于|是)?(?:哪个|哪一个|哪座|什么|所在的?|的)\s*(?:{one})"
        rf"|(?:在|位于|属于)(?:{one})|(?:{one})(?=\s*(?:是|为|叫)?(?:什么|多少|哪|啥|几))"
        rf"|\b(?:which|what|whose)\s+(?:is\s+)?(?:the\s+)?(?:{one})\b"
        rf"|\b(?:{one})\s+(?:of|for|does|do)\b|\b(?:{one})\s*(?=\?|$)"
    )
    found = _compiled(asking).search(text)
    left = "" if found is None else f"{text[: found.start()]} {text[found.end() :]}"
    return left if found is not None and (bare or _words(left)) else None


def _many(text: str, columns: Columns, partly: bool) -> tuple[bool, tuple[str, ...]]:
    """Whether several rows are asked for, and the text without the words that say so; and again
    without the words that may stand between its parts. partly: whether only a part of a name is
    told: then the text is wanted in any case."""
    many = _has(phrases.MANY, text)
    if not many and not partly:
        return False, ()
    units = (*phrases.UNITS, *_nouns(columns))
    bare = _compiled(rf"(?:{_either((*units, *phrases.BARE_UNITS, *_words_for(columns.key)))}|\s)*")
    left = _any_of(phrases.MANY).sub("\n", text)
    parts = [_stripped(part, units, both=units) for part in re.split(r"[\n,?!;:]", left)]
    whole = " ".join(part for part in parts if _words(part) and not bare.fullmatch(part))
    bare_end = whole.rstrip("".join(phrases.SOFT_LAST))
    less = bare_end if len(bare_end) >= LEAST_LISTED else whole  # 成都 is a place
    soft = " ".join(_any_of(phrases.SOFT).sub(" ", less).split())
    texts = dict.fromkeys(filter(_words, (whole, less, soft)))
    return many, tuple(texts)


def _stripped(text: str, nouns: Sequence[str], both: Sequence[str] = ()) -> str:
    """Without what people say before and after a name, until nothing more comes off."""
    front = _at_start((*phrases.OPENERS, *phrases.EMPTY, *nouns, *both, "的", "是", "为"))
    back = _at_end((*phrases.TAILS, *phrases.WHO, *phrases.EMPTY, *nouns, *both))
    before = None
    while before != text:
        before = text
        text = front.sub("", text.strip(_EDGE)).strip(_EDGE)
        text = back.sub("", text).strip(_EDGE)
    return text


def _has(words: Iterable[str], text: str) -> bool:
    return _any_of(tuple(words)).search(text) is not None


@cache
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    return _compiled(_either(words))


@cache
def _at_start(words: tuple[str, ...]) -> re.Pattern[str]:
    return _compiled(rf"\A(?:{_either(words)})")


@cache
def _at_end(words: tuple[str, ...]) -> re.Pattern[str]:
    return _compiled(rf"(?:{_either(words)})\Z")


def _either(words: Iterable[str]) -> str:
    """Any of the words, the longest first; those in letters only as whole words."""
    ordered = sorted(set(filter(None, words)), key=len, reverse=True)
    return "|".join(
        rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])" if word[0].isascii() else re.escape(word)
        for word in ordered
    )


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
