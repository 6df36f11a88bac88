"""Whether what a model wrote stands in the passages: each sentence is held against one of them.

A sentence passes when its words stand close together in the passage, when every number and name in
it does, and when it denies what the passage denies. Counting words cannot prove a sentence true; it
finds numbers, names and denials that no passage has, which is what a model invents.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from huohou.answer.passages.search import Shelf
from huohou.answer.passages.sentences import sentences
from huohou.answer.passages.terms import covered, terms
from huohou.answer.passages.types import Passage
from huohou.answer.types import Check
from huohou.text import say

ENOUGH = 0.8  # of the weight of a sentence's words, within three neighbouring sentences
_CITED = re.compile(r"\s*[\[【［](\d{1,3})[\]】］]")
_NUMBERS = re.compile(r"\d+(?:[.,:/-]\d+)*%?")
_COUNTS = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty"
    r"|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|half|twice|dozen)\b"
    r"|(?!一(?![零〇一二两三四五六七八九十百千万亿]))[零〇一二两三四五六七八九十百千万亿]+",
    re.IGNORECASE,
)
_NAMES = re.compile(r"(?<=[\w,] )[A-Z][\w'’-]+|\b[A-Z]{2,}\b")
_DENIALS = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|cannot|without|unlike)\b|n['’]t\b"
    r"|(?<![分特差区区级類类])[不没沒未无無非](?![同断斷少仅僅过過])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence of a model's, without its citations. source: the passage it was held against,
    None where none is near; check: whether it passed, and why not."""

    text: str
    source: Passage | None
    check: Check


def judge(shelf: Shelf, written: str, given: Sequence[Passage]) -> list[Judged]:
    """Each sentence of an answer held against the passages the model was given. given: in the
    order of their numbers; a sentence that cites a number is held against that passage alone."""
    # a citation after the full stop belongs to the sentence before it
    text = re.sub(rf"([.。!！?？])((?:{_CITED.pattern})+)", r"\2\1", written)
    return [_judged(shelf, one, i, given) for i, one in enumerate(sentences(text), 1)]


def _judged(shelf: Shelf, sentence: str, number: int, given: Sequence[Passage]) -> Judged:
    cited = [int(found) for found in _CITED.findall(sentence)]
    plain = _CITED.sub("", sentence).strip()
    wrong = next((n for n in cited if not 0 < n <= len(given)), None)
    sources = [given[n - 1] for n in cited if 0 < n <= len(given)] or list(given)
    name = f"sentence-{number}"
    if wrong is not None:
        return Judged(plain, None, Check(name, False, say("passages.check.cites", number=wrong)))
    tried = [(source, _fault(shelf, plain, source)) for source in sources]
    source, fault = next(((s, f) for s, f in tried if f is None), tried[0])
    told = fault or say("passages.check.stands", place=source.place)
    return Judged(plain, source, Check(name, fault is None, told))


def _fault(shelf: Shelf, sentence: str, source: Passage) -> str | None:
    """What is in a sentence that its passage does not have, in words; None where it stands."""
    own = terms(sentence)
    if not own:
        return say("passages.check.empty")
    whole = _plain(f"{source.title} {source.text}")
    strange = _strange(_plain(sentence), whole)
    if strange is not None:
        return strange
    weights = shelf.weights.of(own)
    near, held = max(
        ((text, covered(weights, terms(around))) for text, around in _windows(shelf, source)),
        key=lambda pair: pair[1],
    )
    if held < ENOUGH:
        lacking = next(word for word in own if word not in terms(near))
        return say("passages.check.words", share=f"{held:.0%}", word=lacking)
    if bool(_DENIALS.search(sentence)) != bool(_DENIALS.search(near)):
        return say("passages.check.denial")
    return None


def _strange(sentence: str, whole: str) -> str | None:
    """The first number or name of a sentence that a passage does not have, in words."""
    for found in _NUMBERS.findall(sentence):
        # between letters too, as Chinese writes it
        if not re.search(rf"(?<![\d.,]){re.escape(found)}(?!\d|[.,]\d)", whole):
            return say("passages.check.number", found=found)
    for found in _COUNTS.findall(sentence):
        if found.lower() not in _COUNTS.findall(whole.lower()):
            return say("passages.check.number", found=found)
    for found in _NAMES.findall(sentence):
        if not re.search(rf"(?<!\w){re.escape(found)}(?!\w)", whole):
            return say("passages.check.name", found=found)
    return None


def _windows(shelf: Shelf, source: Passage) -> list[tuple[str, str]]:
    """Each sentence of a passage, alone and with those beside it and the title."""
    parts = [one.text for one in shelf.sentences(source)]
    return [
        (part, " ".join([source.title, *parts[max(0, i - 1) : i + 2]]))
        for i, part in enumerate(parts)
    ]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
