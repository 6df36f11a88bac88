"""What a report tells in words: sizes of a ranking, a restart, what is evaluated on what."""

import re
from collections.abc import Iterator
from typing import Any

from huohou.record.readers.prose.lines import Line
from huohou.record.readers.prose.moods import clauses, unsure
from huohou.record.readers.prose.words import COUNT, NUMBER, count_of, value_of

_RIGHT = r"(?:ground[ -]?truth|gt\b|正样本|正例|正确|positive|gold|right|correct|relevant|相关)"
_WRONG = r"(?:负样本|负例|negative|distractor|wrong|other|random|干扰|错误|irrelevant|hard neg)"
_CANDIDATES = re.compile(
    rf"(?<![A-Za-z0-9.])(?P<right>{COUNT}|its)\s*个?\s*{_RIGHT}[^,;。]{{0,40}}?(?:\+|和|与|加|"
    rf"and|plus|with)\s*"
    rf"(?P<wrong>{COUNT})\s*个?\s*{_WRONG}",
    re.I,
)
_OUT_OF = re.compile(
    rf"(?:among|out of|from|of|在)\s*(?P<n>{COUNT})\s*个?\s*(?:candidates?|passages|contexts|候选)",
    re.I,
)
_POSITIVES = re.compile(
    r"(?:验证集?|评估集?|val(?:idation)?|eval(?:uation)?|dev)[^。;.]{0,40}"
    r"(?:只有|仅有?|只含|只包含|全是|全部是|都是|only|all|nothing but|just)[^。;.]{0,20}"
    r"(?:正样本|正例|positive|label\s*=\s*1)",
    re.I,
)
_AGAIN = re.compile(
    r"每一?次|每回|总是|都(?:会)?从|又从|重新从|\bevery\b|\beach (?:time|run|training|start)|"
    r"\balways\b|"
    r"\bagain\b|\bback (?:at|to)\b",
    re.I,
)
_AT = re.compile(
    rf"(?:从|自|回到|\bfrom|\bat|\bto|\bwith)\s*(?:a |the )?(?:loss )?(?:of )?(?P<n>{NUMBER})", re.I
)
_NOT_AT = re.compile(
    rf"(?:而不是|而非|不是|instead of|rather than|\bnot\b|"
    rf"not from)[^\d。;]{{0,40}}?(?P<n>{NUMBER})",
    re.I,
)
_LOSS = re.compile(r"loss|损失", re.I)
_HARD = re.compile(
    rf"(?P<n>{COUNT})(?:\s*(?:of|out of)\s*(?:the\s*)?(?P<of>{COUNT}))?[^\d。;]{{0,40}}?"
    r"(?:hard(?:est)? (?:case|question|example|sample|negative)s?|难例|困难样本)",
    re.I,
)
_TRAINED = re.compile(
    r"(?:train(?:ed|ing|s)?|tun(?:ed|ing)) (?:further )?(?:only )?(?:on|with)|are trained|"
    r"were trained|"
    r"用于(?:第?二?阶段)?训练|参与训练|拿来训练|训练(?:使用|用的?)",
    re.I,
)


_SIGNS = re.compile(
    r"正样本|正例|负样本|负例|positive|negative|wrong|distractor|candidate|passages|contexts|"
    r"候选|干扰|错误|"
    r"label|loss|损失|hard|难例|困难样本|other|random",
    re.I,
)


class Sentences:
    """Facts that stand in sentences, taken up line by line: name to value and line."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[Any, int]] = {}

    def take(self, line: Line) -> None:
        """What a line tells."""
        if line.kind == "code" or not _SIGNS.search(line.text):
            return
        for name, value in _sentence(line):
            known, at = self.found.get(name, (None, 0))
            if name == "hard_cases" and known:
                self.found[name] = ({**value, **known}, at)
            elif known is None or (name == "restart" and len(value) > len(known)):
                self.found[name] = (value, line.number)


def _sentence(line: Line) -> Iterator[tuple[str, Any]]:
    text = line.text
    if _POSITIVES.search(text) and not unsure(text.partition("(")[0]):
        yield "eval_positives_only", True
    if not line.measured:
        return
    if found := _CANDIDATES.search(text):
        right, wrong = count_of(found["right"]) or 1, count_of(found["wrong"])
        if wrong and not unsure(text[: found.end()]):
            yield "candidates", right + wrong
            yield "negatives", wrong
    elif (found := _OUT_OF.search(text)) and not unsure(text[: found.end()]):
        yield "candidates", count_of(found["n"])
    if _AGAIN.search(text) and _LOSS.search(text) and (restart := _restart(text)):
        yield "restart", restart
    yield from _hard_cases(text)


def _restart(text: str) -> dict[str, float] | None:
    """ "Each training starts at 3.6947 instead of going on at 0.5"."""
    start = _AT.search(text)
    if start is None or unsure(text[: start.end()]):
        return None
    known = {"at": value_of(start["n"])}
    if reached := _NOT_AT.search(text, start.end()):
        known["reached"] = value_of(reached["n"])
    return known if known.get("reached") != known["at"] else None


def _hard_cases(text: str) -> Iterator[tuple[str, Any]]:
    found = _HARD.search(text)
    if not found or unsure(next((c for c in clauses(text) if found[0] in c), text)):
        return
    known: dict[str, Any] = {"count": count_of(found["n"])}
    if found["of"]:
        known["of"] = count_of(found["of"])
    if _TRAINED.search(text):
        known["trained"] = True
    if known["count"] and ("of" in known or "trained" in known):
        yield "hard_cases", known
