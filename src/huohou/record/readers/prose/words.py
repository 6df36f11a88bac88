"""Words of reports in English and Chinese: lines without markup, numbers, labels of series.

A new way to say something is added here, in one pattern.
"""

import html
import math
import re

from huohou.record.readers._rows import canonical

NUMBER = (
    r"[-+]?(?:\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,20}|(?=\.\d))(?:\.\d{1,30})?(?:[eE][-+]?\d{1,4})?"
)
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
COUNT = (
    r"(?:(?<![\d,.])\d[\d,]{0,14}|"
    r"one|two|three|four|five|six|seven|eight|nine|ten|[一二两三四五六七八九十])"
)

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
    return half(plain(raw))


def half(said: str) -> str:
    """Half-width punctuation and digits and one kind of arrow in a line without markup."""
    return _ARROWS.sub(ARROW, " ".join(said.translate(_HALF).split())).strip()


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
    return abs(value_of(shown) - value) <= 0.5000001 * 10.0 ** -decimals_of(shown)


def decimals_of(shown: str) -> int:
    """Decimals a number is shown with; twelve for one with an exponent.

    >>> decimals_of("0.2720"), decimals_of("1e-5")
    (4, 12)
    """
    return len(shown.partition(".")[2]) if "e" not in shown.lower() else 12


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
