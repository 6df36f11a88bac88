"""Full-width and half-width characters, and blanks where a name has none: pasted from a form."""

import re

from huohou.data.names import is_chinese
from huohou.data.styles import style

WIDE = {ord(" "): "\u3000"} | {code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
BLANKS = (" ", "\u3000", "\u00a0")
AFTER = re.compile(r"(?<=银行)|(?<=公司)|(?<=[工农中建交招商合]行)|(?<=信用社)|(?<=[省市县区])")
BEFORE = re.compile(r"(?<!^)(?=(?:支行|分行|分理处|营业部|储蓄所|营业所))")


@style("mixed_width", "look")
def mixed_width(form: str) -> list[str]:
    """Letters and signs in full width, blanks between the parts of a Chinese name.

    >>> mixed_width("ABC行")[0]
    'ＡＢＣ行'
    >>> [text.replace("\u3000", "_") for text in mixed_width("工行知春路支行")[:3]]
    ['工行 知春路支行', '工行_知春路支行', '工行\xa0知春路支行']
    """
    found = [form.translate(WIDE)]
    if is_chinese(form):
        places = {one.end() for one in (*AFTER.finditer(form), *BEFORE.finditer(form))}
        inside = sorted(places - {0, len(form)})
        found += [form[:i] + blank + form[i:] for i in inside for blank in BLANKS]
    else:
        found += [form.replace(" ", blank) for blank in ("  ", "\u3000", "\u00a0")]
    return [text for text in dict.fromkeys(found) if text != form]


@style("reverse_mixed", "value")
def reverse_mixed(value: str) -> list[str]:
    """A value of digits in full width, in groups, with dashes; a word in full width.

    >>> reverse_mixed("402535510938")[1:]
    ['4025 3551 0938', '402-535-510938', '402 5355 1093 8']
    """
    if not (value.isascii() and value.isdigit()) or len(value) < 8:
        wide = value.translate(WIDE)
        return [wide] if wide != value else []
    fours = " ".join(value[i : i + 4] for i in range(0, len(value), 4))
    parts = " ".join(filter(None, (value[:3], value[3:7], value[7:11], value[11:])))
    return [value.translate(WIDE), fours, f"{value[:3]}-{value[3:6]}-{value[6:]}", parts]
