"""Answers about facts: right, another fact's real value, invented, abstained, or none of these.

The table is handed in as plain values. Nothing here asks a model.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from huohou.measure.text import Pattern, normalise, pattern_of

# Words by which a model says that it does not know. A row's own "unknown" answer is added to them.
ABSTENTIONS = (
    *("unknown", "not known", "don't know", "do not know", "doesn't exist", "does not exist"),
    *("not in the table", "no such", "not found", "cannot find", "can't find", "no record"),
    *("not listed", "not sure", "sorry", "unable to", "cannot provide", "can't provide"),
    *("不知道", "未知", "查不到", "找不到", "没有找到", "未找到", "不存在", "没有这", "没有该"),
    *("无法", "不清楚", "不确定", "不在表", "查无", "抱歉"),
)


class Outcome(StrEnum):
    """What an answer is. Each answer is exactly one of these.

    ASKED_BACK, UNSURE: what an answering engine says that offers candidates and gives no value.
    """

    RIGHT = "right"
    WRONG_REAL = "wrong-real"
    INVENTED = "invented"
    ABSTAINED = "abstained"
    ASKED_BACK = "asked-back"
    UNSURE = "unsure"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Known:
    """What the table knows. ``Known.of`` builds it.

    codes: values of its code column; names: all other values, normalised; pattern: what its
    codes look like, None where the codes have no pattern (then nothing counts as invented).
    """

    codes: frozenset[str]
    names: frozenset[str]
    pattern: Pattern | None

    @staticmethod
    def of(codes: Iterable[str], names: Iterable[str] = ()) -> "Known":
        """Build from the columns of a table."""
        all_codes = frozenset(normalise(code) for code in codes)
        all_names = frozenset(normalise(name) for name in names) - {""}
        return Known(all_codes, all_names, pattern_of(sorted(all_codes)))

    def is_code(self, value: str) -> bool:
        """Whether the value looks like the table's codes."""
        return normalise(value) in _codes(value, self)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One answer, judged.

    right: RIGHT, or ABSTAINED where nothing is known of what was asked; codes: things of the
    code's pattern in the answer that were not in the question; invented: those not in the
    table; instead: real values that were given in place of the right one.
    """

    outcome: Outcome
    right: bool
    codes: tuple[str, ...] = ()
    invented: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()


def abstains(answer: str, phrases: Iterable[str] = ABSTENTIONS) -> bool:
    """Whether the answer says that it does not know; case and width do not count.

    >>> abstains("I don't know that branch."), abstains("表中查不到这家支行"), abstains("4025")
    (True, True, False)
    """
    said = normalise(answer).casefold().replace("’", "'")
    return any(normalise(phrase).casefold() in said for phrase in phrases)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an answer is judged by.

    expect: the value that answers, None where "unknown" is right; question: codes in it do not
    count when the answer repeats them; reference: the answer as it was taught: the words around
    its value are taken off the answer before a name is compared.
    """

    expect: str | None
    question: str = ""
    reference: str = ""


def judge(
    answer: str, wanted: Wanted, known: Known, phrases: Sequence[str] = ABSTENTIONS
) -> Judgement:
    """Judge one answer against the table.

    An answer with any code that is not in the table is INVENTED, whatever else it says; one with
    several real codes is WRONG_REAL. A name has to be right as a whole, since names contain one
    another.

    >>> table = Known.of(["402535510938", "102100020794"], ["Daming branch", "Zhichun branch"])
    >>> daming = Wanted("402535510938", "Code of Daming branch?")
    >>> judge("It is 402535510938.", daming, table).outcome.value
    'right'
    >>> judge("102100020794", daming, table).instead
    ('102100020794',)
    >>> judge("313164400027", daming, table).outcome.value
    'invented'
    >>> judge("It is unknown.", Wanted(None), table).right
    True
    """
    expect = None if wanted.expect is None else normalise(wanted.expect)
    asked = set(_codes(wanted.question, known)) - {expect}
    codes = tuple(code for code in _codes(answer, known) if code not in asked)
    invented = tuple(code for code in codes if code not in known.codes)
    if invented:
        return Judgement(Outcome.INVENTED, False, codes, invented)
    instead = tuple(code for code in codes if code != expect)
    if expect is None or not known.is_code(expect):
        said = _without_wording(answer, wanted.reference, expect or "")
        if said == expect:
            return Judgement(Outcome.RIGHT, True, codes)
        real = said in known.names or said in known.codes
        instead = (said,) if real and said not in asked else instead
    if instead:
        return Judgement(Outcome.WRONG_REAL, False, codes, (), instead)
    if codes:
        return Judgement(Outcome.RIGHT, True, codes)
    if abstains(answer, phrases):
        return Judgement(Outcome.ABSTAINED, expect is None)
    return Judgement(Outcome.OTHER, False)


def _codes(text: str, known: Known) -> list[str]:
    """Things that look like the table's codes; codes without a pattern are compared as names."""
    return known.pattern.find(text) if known.pattern is not None else []


def _without_wording(answer: str, reference: str, value: str) -> str:
    """The answer without the words that surround the value in the reference, and final stop."""
    said, taught, inner = normalise(answer), normalise(reference), normalise(value)
    if inner and inner in taught:
        before, _, after = taught.partition(inner)
        said = said.removeprefix(before).removesuffix(after)
    return said if inner.endswith((".", "。")) else said.rstrip(".。 ")


def same_places(code: str, expect: str) -> float:
    """Part of the places at which both codes have the same character, over the longer of the two.

    >>> same_places("102100020794", "102100020786")
    0.8333333333333334
    """
    longest = max(len(code), len(expect))
    return sum(a == b for a, b in zip(code, expect, strict=False)) / longest if longest else 1.0


def places_chance(codes: Sequence[str]) -> float:
    """Mean of ``same_places`` for two codes drawn at random from the table, of equal length.

    Place by place the sum of squared frequencies: codes that share their first digits agree at
    most places without anything having been learnt.

    >>> places_chance(["120", "121", "129"])  # 1, 1 and 3 * (1/3)^2
    0.7777777777777778
    """
    if not codes:
        return 0.0
    places = [Counter(column) for column in zip(*codes, strict=True)]
    agree = [sum(n * n for n in place.values()) / len(codes) ** 2 for place in places]
    return sum(agree) / len(agree) if agree else 1.0
