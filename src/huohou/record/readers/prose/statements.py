"""What a report says of its run in sentences, and what it sets as to be met."""

import re
from collections.abc import Iterator

from huohou.record.readers.prose.lines import Line
from huohou.record.readers.prose.moods import Mood
from huohou.record.readers.prose.words import NUMBER, half, value_of
from huohou.record.record import Statement

MOST = 2000  # statements of a report
# Words without which a sentence says nothing of a training.
_ABOUT = re.compile(
    r"loss|损失|过拟合|拟合|收敛|gap|差距|bleu|rouge|准确率|accuracy|top-?\d|验证|评估|训练|"
    r"难例|epoch|轮|模型|"
    r"加载|准备|logit|mse|recall|召回|指标|overfit|converge|validat|evaluat|train|model|metric|"
    r"hard|"
    r"prepar|loading|retriev|score",
    re.I,
)
_SENTENCE = re.compile(r"(?<=[。!?;！？；])\s*|(?<=\.) (?=[A-Z])")
_ITEM = re.compile(r"^(?:[-*+•·]\s*|\d{1,2}[.)、]\s*|#{1,6} )")
_BOX = re.compile(r"^\[[ xX]?\]\s*")
_GRADE = re.compile(
    r"^\W*(?:优秀|良好|一般|不足|正常|过拟合|欠拟合|excellent|good|fair|poor|bad|normal|"
    r"overfit|underfit)\w*\s*:",
    re.I,
)
_SUCCESS = re.compile(r"成功|达标|合格|通过|success|accept|\bpass", re.I)

_MORE = (
    r">=|≥|>|不低于|高于|大于|超过|至少|达到|at least|above|over|more than|greater than|exceeds?"
)
_LESS = (
    r"<=|≤|<|不超过|不高于|低于|小于|少于|至多|at most|below|under|less than|no more than|within|in"
)
_OP = rf"(?P<op>{_MORE}|{_LESS}|降到|降至|falls? to|reach(?:es)?|=|:)"
_UNIT = r"(?P<unit>%|percent|ms\b|毫秒|秒|s\b|sec(?:onds?)?|分钟|min(?:utes?)?)?"
_BOUND = (
    rf"\s*(?:(?:is|are|be|should be|must be|stays?|comes?) |在)?\s*(?:in )?{_OP}\s*"
    rf"(?P<n>{NUMBER})(?:\s*[-~]\s*(?P<to>{NUMBER}))?\s*{_UNIT}"
)

# What a criterion is about, in the words of reports, and the metric that measures it.
_METRICS: tuple[tuple[str, str], ...] = (
    ("loss.gap", r"差距|gap|difference"),
    ("loss.eval", r"(?:val(?:idation)?|eval(?:uation)?|验证|评估)[ _]?(?:loss|损失)"),
    ("loss.train", r"(?:train(?:ing)?[ _]|训练)?(?:loss|损失)"),
    ("mean_token_accuracy", r"(?:mean[ _])?token[ _]?(?:accuracy|准确率)"),
    ("accuracy@{k}", r"top-?(?P<k>\d{1,3})\s*(?:准确率|命中率|accuracy)?|accuracy@(?P<k2>\d{1,3})"),
    ("facts.accuracy", r"准确率|正确率|accuracy|correct(?: answers)?|answers right"),
    ("answers.confidence", r"置信度|confidence(?: (?:of|in|for) [a-z ]{1,30}?)?"),
    (
        "speed.seconds_per_answer",
        r"单次查询|查询(?:时间|耗时)?|响应(?:速度|时间)?|延迟|latency|response(?: time)?|"
        r"(?:each |a |per |single )?(?:query|answer)(?: time)?|answers?",
    ),
    ("bleu-4", r"bleu(?:-4)?"),
    ("rouge-l", r"rouge-?l"),
)
_TIME = re.compile(r"ms|毫秒|秒|s|sec(?:onds?)?|分钟|min(?:utes?)?", re.I)
_BOUNDS = [
    (metric, re.compile(rf"(?<![A-Za-z_])(?:{words})(?![A-Za-z]){_BOUND}", re.I))
    for metric, words in _METRICS
]
_INVENTED = re.compile(
    r"(?:不|无|没有|避免|禁止)[^,;。]{0,16}(?:编造|杜撰|捏造|幻觉|不存在|虚构)|"
    r"(?:\bno\b|\bnever\b|\bnot?\b|n't|without|zero|\b0\b)[^,;.]{0,40}(?:invent|hallucinat|"
    r"made[- ]up|fabricat|"
    r"not in the|do(?:es)? not exist|non-?existent)",
    re.I,
)
_WITHIN = re.compile(
    rf"(?:within|相差不超过)\s*(?P<n>{NUMBER})\s*(?P<unit>%)\s*(?:of (?:the )?train|训练)", re.I
)
_STATUS = re.compile(r"""(?:status|状态)\s*(?:=|为|is)+\s*["']?(?:completed|finished|完成)""", re.I)


class Statements:
    """Sentences that say something of the training, and criteria, in the order of the text."""

    def __init__(self) -> None:
        self._found: list[Statement] = []
        self._seen: set[tuple[object, ...]] = set()

    def take(self, line: Line) -> None:
        """What a line says."""
        for statement in _statements(line) if len(self._found) < MOST else ():
            key = (statement.kind, statement.metric or statement.text, statement.min, statement.max)
            if key not in self._seen and len(self._found) < MOST:
                self._seen.add(key)
                self._found.append(statement)

    def all(self) -> tuple[Statement, ...]:
        """They."""
        return tuple(self._found)


def _statements(line: Line) -> Iterator[Statement]:
    said = _ITEM.sub("", line.said)
    box = _BOX.match(said)
    said = _BOX.sub("", said)
    if not box and line.kind == "table":
        return
    text = half(said)
    graded = _GRADE.match(text)
    section = line.mood is Mood.CRITERION and line.kind == "item" and not graded
    found = list(_criteria(text, said, line.number)) if section or _named(line, text) else []
    yield from found
    if section and not found and not box and len(text) > 3 and not text.endswith(":"):
        yield Statement(said, line.number, "criterion")
    for sentence in _SENTENCE.split(said):
        if _ABOUT.search(sentence) or (found and not section):
            yield Statement(sentence.strip(), line.number)


def _named(line: Line, text: str) -> bool:
    """A sentence that says itself that it is a criterion: "a success if accuracy > 80 %"."""
    said = (
        line.kind != "code"
        and _SUCCESS.search(text)
        and re.search(r"如果|若|\bif\b|when|[<>≥≤]", text)
    )
    return bool(said) and line.mood is not Mood.ADVISED


def _criteria(text: str, said: str, number: int) -> Iterator[Statement]:
    taken: list[tuple[int, int]] = []
    if _INVENTED.search(text):
        yield Statement(said, number, "criterion", "facts.invented", max=0.0)
        return
    if _STATUS.search(text):
        yield Statement(said, number, "criterion", "status")
        return
    if within := _WITHIN.search(text):
        bound = value_of(within["n"]) / 100
        yield Statement(said, number, "criterion", "loss.gap", max=bound)
        taken.append(within.span())
    for metric, pattern in _BOUNDS:
        for found in pattern.finditer(text):
            if any(a < found.end() and found.start() < b for a, b in taken):
                continue
            if metric.startswith("speed.") and not _TIME.fullmatch(found["unit"] or ""):
                continue
            taken.append(found.span())
            low, high = _bounds(found)
            k = found.groupdict().get("k") or found.groupdict().get("k2") or ""
            name = metric.format(k=k)
            yield Statement(said, number, "criterion", name, min=low, max=high)


def _bounds(found: re.Match[str]) -> tuple[float | None, float | None]:
    """Lowest and highest value allowed, as parts of one and in seconds."""
    bound = value_of(found["to"] or found["n"])
    unit = (found["unit"] or "").lower()
    if unit in ("%", "percent"):
        bound /= 100
    elif unit in ("ms", "毫秒"):
        bound /= 1000
    elif unit.startswith(("min", "分")):
        bound *= 60
    if found["to"]:
        return (None, bound)
    more = re.fullmatch(_MORE, found["op"], re.I)
    falls = "loss" in found[0].lower() or "损失" in found[0]
    if re.fullmatch(r"=|:|reach(?:es)?|达到", found["op"], re.I):
        more = None if falls else found
    return (bound, None) if more else (None, bound)
