"""The one form in which names are compared: width, script, case, company and bank said one way.

Names and questions go through the same function, so that whatever it drops is dropped on both
sides. What is dropped is only how a thing is said, never which thing it is.
"""

import re
import unicodedata
from functools import cache
from typing import Any

from huohou.data.names import BANKS, COMPANY, ENGLISH, LEGAL, LETTERS, PROVINCES, RURAL, SAID
from huohou.errors import MissingExtraError

DENSE = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
DENSE_ONE = re.compile(f"[{DENSE}]")
_WORD = re.compile(f"[{DENSE}]|[^\\W_{DENSE}]+")
_MARKS = re.compile(r"[\W_]+")
# Most texts: one width, one case, no marks, no blanks. What is done to others changes nothing here.
_PLAIN = re.compile("[\u3400-\u4dbf\u4e00-\u9fffa-z0-9]*")
_BY_DENSE = re.compile(f"(?<=[{DENSE}]) | (?=[{DENSE}])")
INSTITUTIONS = (
    {official: short for official, _, short in BANKS}
    | {common: short for _, common, short in BANKS}
    | SAID
)
INSTITUTION = re.compile(
    "|".join(re.escape(form) for form in sorted(INSTITUTIONS, key=len, reverse=True))
)
_WORDS = "|".join(re.escape(word) for word in sorted(LETTERS, key=len, reverse=True))
_LETTERS = re.compile(rf"(?<![a-z0-9])(?:{_WORDS})(?![a-z0-9])")
_TWICE = re.compile(rf"({'|'.join(dict.fromkeys(LETTERS.values()))})\1+")  # ICBC工行
# A province in front of a rural bank's own place says nothing that the place does not.
_PROVINCE = re.compile(f"{PROVINCES.pattern}(?=[{DENSE}]{{1,8}}?(?:{RURAL.pattern}))")


@cache
def _opencc() -> tuple[Any, frozenset[str]]:
    """The converter to simplified characters, and the characters that it converts."""
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise MissingExtraError("answer.needs_serve", extra="serve", what="opencc") from error
    converter = OpenCC("t2s")
    every = [*map(chr, range(0x3400, 0x4DC0)), *map(chr, range(0x4E00, 0xA000))]
    simple = converter.convert("\n".join(every)).split("\n")
    changed = (one for one, other in zip(every, simple, strict=True) if one != other)
    return converter, frozenset(changed)


def simplified(text: str) -> str:
    """Traditional characters as simplified ones.

    >>> simplified("農業銀行")
    '农业银行'
    """
    converter, traditional = _opencc()
    return text if traditional.isdisjoint(text) else str(converter.convert(text))


def folded(text: str) -> str:
    """One width, one script, one case, no control characters; blanks and marks as they are.

    >>> folded("ＩＣＢＣ　農業銀行")
    'icbc 农业银行'
    """
    if _PLAIN.fullmatch(text):
        return text if text.isascii() else simplified(text)
    whole = text.encode("utf-8", "replace").decode("utf-8")  # no halves of surrogates
    plain = unicodedata.normalize("NFKC", whole).casefold()
    return plain if plain.isascii() else simplified(plain)


def units(text: str) -> list[str]:
    """The pieces that are compared: each Chinese character, each word of other scripts.

    >>> units("北京 ICBC no.1")
    ['北', '京', 'ICBC', 'no', '1']
    """
    return _WORD.findall(text)


def joined(text: str) -> str:
    """Its units as one text: a blank only between two words.

    >>> joined("北京 (ICBC) branch-1。")
    '北京icbc branch 1'
    """
    if _PLAIN.fullmatch(text):
        return text
    return _BY_DENSE.sub("", _MARKS.sub(" ", text.casefold())).strip()


def normal_form(text: str) -> str:
    """The name without width, script, case, marks, blanks and form of company.

    >>> normal_form("中國工商銀行　股份有限公司（北京）知春路支行")
    '中国工商银行北京知春路支行'
    >>> normal_form("Acme Widgets Co., Ltd.")
    'acme widgets'
    """
    plain = folded(text)
    if not plain.isascii():
        return joined(COMPANY.sub("", plain)) or joined(plain)
    return joined(LEGAL.sub("", plain)) or joined(plain)


def canonical(normal: str) -> str:
    """A normal form with its institution in short, whichever way it was said.

    >>> canonical(normal_form("湖北大悟农村商业银行股份有限公司兴发支行"))
    '大悟农商行兴发支行'
    >>> canonical(normal_form("Oxford University"))
    'oxford univ'
    >>> canonical("icbc知春路branch"), canonical("abc bank")
    ('工行知春路支行', 'abc bank')
    """
    if not normal.isascii() and DENSE_ONE.search(normal):
        said = joined(_LETTERS.sub(lambda found: f" {LETTERS[found.group()]} ", normal))
        normal = _TWICE.sub(r"\1", said) if said != normal else normal
    short = INSTITUTION.sub(lambda found: INSTITUTIONS[found.group()], normal)
    short = _PROVINCE.sub("", short)
    if not short.isascii():
        return short
    return " ".join(ENGLISH.get(word, word).lower() for word in short.split(" "))
