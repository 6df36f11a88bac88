"""The one form in which names are compared: width, script, case, company and bank said one way.

Names and questions go through the same function, so that whatever it drops is dropped on both
sides. What is dropped is only how a thing is said, never which thing it is.
"""

import re
import unicodedata
from functools import cache
from typing import Any

from huohou.data.names import BANKS, COMPANY, ENGLISH, LEGAL, PROVINCES, RURAL, SAID
from huohou.errors import MissingExtraError

DENSE = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
DENSE_ONE = re.compile(f"[{DENSE}]")
_WORD = re.compile(f"[{DENSE}]|[^\\W_{DENSE}]+")
_INSTITUTIONS = (
    {official: short for official, _, short in BANKS}
    | {common: short for _, common, short in BANKS}
    | SAID
)
_INSTITUTION = re.compile(
    "|".join(re.escape(form) for form in sorted(_INSTITUTIONS, key=len, reverse=True))
)
# A province in front of a rural bank's own place says nothing that the place does not.
_PROVINCE = re.compile(f"{PROVINCES.pattern}(?=[{DENSE}]{{1,8}}?(?:{RURAL.pattern}))")


@cache
def _opencc() -> Any:
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise MissingExtraError("answer.needs_serve", extra="serve", what="opencc") from error
    return OpenCC("t2s")


def folded(text: str) -> str:
    """One width, one script, one case, no control characters; blanks and marks as they are.

    >>> folded("ＩＣＢＣ　農業銀行")
    'icbc 农业银行'
    """
    whole = text.encode("utf-8", "replace").decode("utf-8")  # no halves of surrogates
    folded_text = unicodedata.normalize("NFKC", whole).casefold()
    if DENSE_ONE.search(folded_text):
        folded_text = str(_opencc().convert(folded_text))
    return folded_text


def units(text: str) -> list[str]:
    """The pieces that are compared: each Chinese character, each word of other scripts.

    >>> units("北京 ICBC no.1")
    ['北', '京', 'ICBC', 'no', '1']
    """
    return _WORD.findall(text)


def joined(pieces: list[str]) -> str:
    """Units as one string: a blank only between two words.

    >>> joined(["北", "京", "icbc", "branch", "1"])
    '北京icbc branch 1'
    """
    parts: list[str] = []
    for piece in pieces:
        if parts and not DENSE_ONE.match(piece) and not DENSE_ONE.match(parts[-1]):
            parts.append(" ")
        parts.append(piece)
    return "".join(parts)


def normal_form(text: str) -> str:
    """The name without width, script, case, marks, blanks and form of company.

    >>> normal_form("中國工商銀行　股份有限公司（北京）知春路支行")
    '中国工商银行北京知春路支行'
    >>> normal_form("Acme Widgets Co., Ltd.")
    'acme widgets'
    """
    plain = folded(text)
    return joined(units(COMPANY.sub("", LEGAL.sub("", plain)))) or joined(units(plain))


def canonical(normal: str) -> str:
    """A normal form with its institution in short, whichever way it was said.

    >>> canonical(normal_form("湖北大悟农村商业银行股份有限公司兴发支行"))
    '大悟农商行兴发支行'
    >>> canonical(normal_form("Oxford University"))
    'oxford univ'
    """
    short = _INSTITUTION.sub(lambda found: _INSTITUTIONS[found.group()], normal)
    short = _PROVINCE.sub("", short)
    if not short.isascii():
        return short
    return " ".join(ENGLISH.get(word, word).lower() for word in short.split(" "))
