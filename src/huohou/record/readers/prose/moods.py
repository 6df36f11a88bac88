"""How a report means its numbers: measured, expected, advised, a criterion, supposed.

Headings and lines that lead in to others set the mood of what follows; a clause can have its own.
"""

import re
from enum import Enum
from functools import lru_cache


class Mood(Enum):
    """How a text means its numbers. Only MEASURED and EARLIER are measured."""

    MEASURED = "measured"
    EARLIER = "earlier"  # measured, of a run before the one the report is about
    EXPECTED = "expected"
    ADVISED = "advised"
    CRITERION = "criterion"


# Moods of headings and of lines that lead in to what follows. The first that matches holds.
_HEADINGS: tuple[tuple[Mood, re.Pattern[str]], ...] = (
    (
        Mood.CRITERION,
        re.compile(
            r"成功标[准志]|达标|验收|标准(?!差|配置|化)|如何判断|清单|阈值|必须达到|期望达到|"
            r"参考[值线]|"
            r"经验值|合格|门槛|criteri|acceptance|how to (?:judge|tell|know|read)|checklist|"
            r"threshold|"
            r"\bsuccess\b|\bmust (?:reach|have|hold)|requirement|rules? of thumb|pass mark|"
            r"good enough",
            re.I,
        ),
    ),
    (
        Mood.EXPECTED,
        re.compile(
            r"预期|预计|预估|期望|理想|目标|时间线|计划|估计|展望|假设|假想|举例|示意|\bexpect|"
            r"forecast|"
            r"project(?:ed|ion)|anticipat|estimat|\bshould\b|\btargets?\b|\bgoals?\b|hypothe|"
            r"\bwould\b|\bplan(?:ned|s)?\b|timeline|\bideal|hoped|suppos|\bassum|what to look for|"
            r"\bto come\b|\bprojected|predict(?:ed)? (?:loss|curve|values)|outlook",
            re.I,
        ),
    ),
    (
        Mood.ADVISED,
        re.compile(
            r"建议|推荐|下一步|改进|调优|解决|正确做法|后续|注意事项|待办|如果|选项|步骤|尝试|提醒|"
            r"recommend|suggest|next step|advice|advis|how to (?:fix|improve|proceed)|solution|"
            r"to-?do\b|"
            r"what to (?:do|try)|troubleshoot|future work|improvement|\boptions?\b|^if\b|\btips?\b|"
            r"\bstep \d|\btry\b|remed",
            re.I,
        ),
    ),
    (
        Mood.EARLIER,
        re.compile(
            r"之前的|以前|旧的?(?:曲线|训练|损失|结果|loss)|原来的|此前|上一?次|修复前|"
            r"previous|\bbefore\b|"
            r"\bearlier\b|\bold (?:run|curve|loss|result|log)|prior to|used to|\bformer",
            re.I,
        ),
    ),
    (
        Mood.MEASURED,
        re.compile(
            r"当前|现在|目前|实际|本次|实测|修复后|\bcurrent|\bactual|\bobserved|\bmeasured|"
            r"\bnow\b|"
            r"\bthis run|\bso far\b|after the (?:fix|repair)",
            re.I,
        ),
    ),
)
_COMPARED = re.compile(r"对比|比较|compar|\bvs\b|versus", re.I)
_TRAINING = re.compile(r"训练前|before (?:the )?(?:training|fine)|微调前", re.I)
_JOINED = re.compile(r"\s*(?:与|和|及|、|/|&|\band\b|,)\s*")


def heading_mood(text: str) -> Mood | None:
    """The mood that a heading sets, None where it sets none.

    >>> heading_mood("预期Loss变化"), heading_mood("分析和解决方案"), heading_mood("与之前对比")
    (<Mood.EXPECTED: 'expected'>, None, None)
    """
    first = _JOINED.split(text.strip(" #*:0123456789."), maxsplit=1)[0]
    found = _marked(first)
    if found is None and first and _marked(text) is not Mood.EARLIER:
        whole = text if len(first) < 2 else first
        return _marked(whole)
    return found


def lead_mood(text: str) -> Mood | None:
    """The mood that a line sets which leads in to what follows it."""
    return _marked(text)


def _marked(text: str) -> Mood | None:
    for mood, pattern in _HEADINGS:
        if pattern.search(text):
            before = mood is Mood.EARLIER and (_COMPARED.search(text) or _TRAINING.search(text))
            return None if before else mood
    return None


# What makes the numbers of a clause no measurement.
_UNSURE = re.compile(
    r"预期|预计|预估|期望|理想|目标|应(?:该|当|为|在|达|降|能)|需要|需(?=[达降要])|希望|建议|"
    r"推荐|尝试|试试|如果|若是?|假[如设]|例如|"
    r"比如|可能(?:会|在|是|达|降)|大概|估计|将(?:会|在|达|降)|会[降达到]|才[能可]|至少|至多|"
    r"不[超低高]于?过?|低于|"
    r"高于|小于|大于|大约|约|左右|接近|以[上下内]|考虑|\bexpect|\bshould\b|\bwould\b|\bcould\b|"
    r"\bmight\b|"
    r"\bmay (?:be|reach|fall)|\bideal|\btarget|\bgoal|\baim|\bhop(?:e|ing)|suggest|recommend|"
    r"\btry\b|"
    r"\bif\b|\bsuppos|\bassum|\be\.g\.|\bfor (?:example|instance)|hypothe|\blikely\b|probabl|"
    r"estimat|\bpredicted\b|forecast|\bproject(?:ed|ion)|\bwill\b|at (?:least|most)|\bbelow\b|"
    r"\babove\b|\bunder\b|\bless than|\bmore than|\baround (?=[\d.])|\babout (?=[\d.])|roughly|"
    r"approx|thresh|"
    r"criteri|\bmust\b|\bneeds?\b|\bought\b|\bconsider|\bimagin|\bwhen it|\buntil\b|直到|"
    r"[<≤≥≈~]|(?<!-)>",
    re.I,
)
_HERE = re.compile(
    r"你的情况|您的情况|你的|当前|目前|实际|现在|\byour (?:case|run|loss)|\bactual|\bmeasured|"
    r"\bobserved|"
    r"\bcurrently|\bwe (?:got|saw|measured|have)|\bgot\b",
    re.I,
)


@lru_cache(64)  # a line is asked about several times in a row
def unsure_from(text: str) -> int:
    """Where the first word or sign ends that makes the numbers behind it no measurement."""
    found = _UNSURE.search(text)
    return found.end() if found else len(text) + 1


def unsure(text: str) -> bool:
    """Whether words or signs of a clause say that its numbers are not measured.

    >>> unsure("loss < 0.3"), unsure("如果logit_scale≈10"), unsure("Train Loss: 0.2720")
    (True, True, False)
    """
    return _UNSURE.search(text) is not None


def here(text: str) -> bool:
    """Whether a clause says that it tells of this very run: "your case: loss=0.5"."""
    return _HERE.search(text) is not None


_CLAUSE = re.compile(r"(?<!\d),|,(?!\d)|;")


_SENTENCE = re.compile(r"[。!?]|\. (?=[A-Z])")
_SUPPOSED = re.compile(
    r"如果|若是|若\b|假[如设]|预[期计]|期望|希望|计划|打算|目标|建议|推荐|\bif\b|\bsuppos|"
    r"\bassum|\bexpect|"
    r"\bhop(?:e|ing)\b|\bplan(?:s|ned)?\b|\btarget|\bgoal|\bshould\b|\bwould\b|\bwill\b|recommend|"
    r"suggest",
    re.I,
)
_EARLIER = re.compile(
    r"\W*(?:previous|earlier|before (?:that|this)|formerly|last (?:time|week|month|run)|"
    r"in the (?:last|previous)|之前|以前|上一?次|此前|原来)",
    re.I,
)


def clauses(text: str) -> list[str]:
    """Clauses of a line; a comma between digits does not part them. Of a sentence that supposes,
    expects or advises something only what stands before that; none of one on earlier times.

    >>> clauses("135,830 rows, 5 epochs; done. If the scale is 10, MSE = 49")
    ['135,830 rows', '5 epochs', 'done']
    """
    found = []
    for sentence in _SENTENCE.split(text):
        if _EARLIER.match(sentence):
            continue
        supposed = _SUPPOSED.search(sentence)
        told = sentence[: supposed.start()] if supposed else sentence
        found += [part for piece in _CLAUSE.split(told) if (part := piece.strip())]
    return found
