"""Words of reports in English and Chinese: numbers, labels, and what is no measurement.

A new way to say something is added here, in one pattern.
"""

import html
import math
import re
from enum import Enum

from huohou.record.readers._rows import canonical


class Mood(Enum):
    """How a text means its numbers. Only MEASURED and EARLIER are measured."""

    MEASURED = "measured"
    EARLIER = "earlier"  # measured, of a run before the one the report is about
    EXPECTED = "expected"
    ADVISED = "advised"
    CRITERION = "criterion"


NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+|(?=\.\d))(?:\.\d+)?(?:[eE][-+]?\d+)?"
VALUE = rf"(?:{NUMBER}|(?i:nan|[-+]?inf(?:inity)?)(?![A-Za-z]))"
ALONE = r"(?!\d|\.\d|,\d{3}|[eE][-+]?\d|\s*(?:->|-|~|/|至|到)\s*\.?\d)"  # no range behind it
_WORDED = (
    {
        name: n
        for n, name in enumerate(
            ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1
        )
    }
    | {name: n for n, name in enumerate("一二三四五六七八九十", 1)}
    | {"两": 2, "a": 1, "an": 1}
)
COUNT = r"(?:\d[\d,]*|one|two|three|four|five|six|seven|eight|nine|ten|[一二两三四五六七八九十])"

_TAGS = re.compile(
    r"</?(?:b|i|u|em|strong|br|p|span|code|sub|sup|font|div|kbd|small)\b[^<>]{0,200}>"
)
_MARKUP = re.compile("\\*\\*|__|`|[\u200b-\u200f\ufe0e\ufe0f\u2060]")
_ARROWS = re.compile(r" ?(?:-{1,3}>|={1,3}>|→|⟶|➜|➔|⇒) ?")
ARROW = " -> "


_HALF = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}
_HALF |= {ord("−"): "-", ord("–"): "-", ord("…"): "...", ord("﹪"): "%"}


def plain(raw: str) -> str:
    """A line as it reads, without markup: no emphasis, no tags, no entities.

    >>> plain("- **准确率**：&gt;80％ <br>")
    '- 准确率：>80％'
    """
    return " ".join(_MARKUP.sub("", _TAGS.sub(" ", html.unescape(raw))).split())


def clean(raw: str) -> str:
    """The same for patterns: half-width punctuation and digits, one kind of arrow.

    >>> clean("- **准确率**：＞80％　（15/50） → 下降")
    '- 准确率:>80% (15/50) -> 下降'
    """
    return _ARROWS.sub(ARROW, " ".join(plain(raw).translate(_HALF).split())).strip()


def value_of(text: str) -> float:
    """A number as written: "135,830", "1e-5", "NaN".

    >>> value_of("135,830"), value_of("-1.5e-3")
    (135830.0, -0.0015)
    """
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return math.nan


def count_of(text: str) -> int | None:
    """A count in digits or as a word up to ten.

    >>> count_of("1,231"), count_of("five"), count_of("五")
    (1231, 5, 5)
    """
    word = text.strip().lower()
    digits = word.replace(",", "")
    if digits.isascii() and digits.isdigit() and len(digits) < 16:
        return int(digits)
    return _WORDED.get(word)


def rounds_to(shown: str, value: float) -> bool:
    """Whether a number as shown is another one rounded (or the same).

    >>> rounds_to("0.27", 0.2720), rounds_to("0.09", 0.0875), rounds_to("0.3", 0.2720)
    (True, True, True)
    >>> rounds_to("0.28", 0.2720)
    False
    """
    decimals = len(shown.partition(".")[2]) if "e" not in shown.lower() else 12
    return abs(value_of(shown) - value) <= 0.5000001 * 10.0**-decimals


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


def unsure(text: str) -> bool:
    """Whether words or signs of a clause say that its numbers are not measured.

    >>> unsure("loss < 0.3"), unsure("如果logit_scale≈10"), unsure("Train Loss: 0.2720")
    (True, True, False)
    """
    return _UNSURE.search(text) is not None


def here(text: str) -> bool:
    """Whether a clause says that it tells of this very run: "your case: loss=0.5"."""
    return _HERE.search(text) is not None


_CLAUSE = re.compile(r"(?<!\d),|,(?!\d)|[;。!?]|\. (?=[A-Z])|(?<=[^\x00-\x7f]),")


def clauses(text: str) -> list[str]:
    """Clauses of a line; a comma between digits does not part them.

    >>> clauses("135,830 rows, 5 epochs; done")
    ['135,830 rows', '5 epochs', 'done']
    """
    return [part for piece in _CLAUSE.split(text) if (part := piece.strip())]


# Labels of series.
_SPLIT = (
    r"train(?:ing)?|val(?:id(?:ation)?)?|eval(?:uation)?|dev|test|训练集?|验证集?|评估集?|测试集?"
)
_WHAT = (
    r"loss(?:es)?|损失值?|acc(?:uracy)?|准确率|精度|lr|learning[ _]rate|学习率|"
    r"grad(?:ient)?[ _]norm|梯度范数|ppl|perplexity|困惑度|f1|mrr|ndcg|recall|auc"
)
LABEL = rf"(?:(?:{_SPLIT})[\s_/-]*的?(?:{_WHAT})?|(?:{_WHAT}))(?:@\d+)?"
_PLAIN = (
    (re.compile(r"训练集?"), "train "),
    (re.compile(r"验证集?|评估集?|测试集?"), "val "),
    (re.compile(r"损失值?|losses"), " loss"),
    (re.compile(r"准确率|精度|\bacc\b"), " accuracy"),
    (re.compile(r"学习率|\blr\b"), " learning rate"),
    (re.compile(r"梯度范数|gradient[ _]norm"), " grad norm"),
    (re.compile(r"困惑度|\bppl\b"), " perplexity"),
    (re.compile(r"\b(?:training|trn)\b"), "train"),
    (re.compile(r"\b(?:validation|valid|evaluation|eval|dev|test)(?=\b|_)"), "val"),
    (re.compile(r"的"), " "),
)
_SERIES = re.compile(
    r"(?:eval_|train_)?(?:loss|accuracy|learning_rate|grad_norm|perplexity|f1|mrr|ndcg|recall|auc)"
    r"(?:@\d+)?"
)


def series_name(label: str, context: str = "") -> str | None:
    """Name of the series a label means; "Train" or "Val" alone are losses unless context differs.

    >>> series_name("Val Loss"), series_name("训练损失"), series_name("Train"), series_name("幅度")
    ('eval_loss', 'loss', 'loss', None)
    >>> series_name("Val", "准确率变化")
    'eval_accuracy'
    """
    plain = label.strip().lower()
    for pattern, word in _PLAIN:
        plain = pattern.sub(word, plain)
    plain = re.sub(r"[\s_/-]+", " ", plain).strip()
    if plain in ("train", "val"):
        other = re.search(r"acc(?:uracy)?\b|准确率|精度", context, re.I)
        plain += " accuracy" if other and not re.search(r"loss|损失", context, re.I) else " loss"
    found = canonical(plain)
    return found if _SERIES.fullmatch(found) else None
