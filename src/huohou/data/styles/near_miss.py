"""Names and values that are nearly right, and in no row: the right answer is "unknown"."""

from collections.abc import Iterator

from huohou.data.facts import check_digit, verifies
from huohou.data.names import REGION, branch_kind, is_chinese, parts, split_name
from huohou.data.styles import style

LEAST = 4  # digits of a value that can be nearly right


@style("near_miss", "near")
def near_miss(name: str, city: str, other: str, other_city: str) -> list[str]:
    """The name with the branch, the place or the bank of another; with half of its branch.

    >>> near_miss("中国工商银行股份有限公司北京知春路支行", "北京市",
    ...           "中国农业银行股份有限公司上海学院路分理处", "上海市")[:3]
    ['中国工商银行股份有限公司北京学院路分理处', '中国工商银行股份有限公司北京学院路支行', \
'中国农业银行股份有限公司北京知春路支行']
    """
    found = _chinese(name, city, other, other_city) if is_chinese(name) else _words(name, other)
    return [text for text in dict.fromkeys(found) if text not in (name, other)]


def _chinese(name: str, city: str, other: str, other_city: str) -> Iterator[str]:
    own, others = parts(name, city), parts(other, other_city)
    if not own.branch or not others.branch:
        yield from _halves(name, other) if not own.branch else ()
        return
    (head, tail), (other_head, other_tail) = split_name(name, city), split_name(other, other_city)
    kind, other_kind = branch_kind(tail), branch_kind(other_tail)
    road, other_road = tail.removesuffix(kind), other_tail.removesuffix(other_kind)
    yield head + other_tail
    if road and other_road:
        yield head + other_road + kind
    yield others.official + (head.removeprefix(own.official) or REGION.sub("", city)) + tail
    if REGION.sub("", other_city) in other_head:
        yield other_head + tail
    if len(road) > 2 and len(other_road) > 2:
        yield head + road[: len(road) // 2] + other_road[len(other_road) // 2 :] + kind


def _words(name: str, other: str) -> Iterator[str]:
    words, others = name.split(), other.split()
    if len(words) > 1 and len(others) > 1:
        yield " ".join((*words[:-1], others[-1]))
        yield " ".join((others[0], *words[1:]))
    elif len(words) == len(others) == 1:
        yield from _halves(name, other)


def _halves(name: str, other: str) -> Iterator[str]:
    """The first half of one and the second of the other: no parts are known to cross."""
    if min(len(name), len(other)) > 2:
        yield name[: (len(name) + 1) // 2] + other[len(other) // 2 :]


@style("reverse_wrong", "wrong")
def reverse_wrong(value: str) -> list[str]:
    """A value with one digit changed, left out or doubled, and with two swapped.

    One with a check digit also with a digit changed and the check digit put right.

    >>> reverse_wrong("12345678")[:2], len(reverse_wrong("12345678"))
    (['02345678', '22345678'], 95)
    >>> reverse_wrong("102100020794")[-1]
    '102100020786'
    >>> reverse_wrong("Lima")
    []
    """
    if not (value.isascii() and value.isdigit()) or len(value) < LEAST:
        return []
    spots = range(len(value))
    changed = [value[:i] + d + value[i + 1 :] for i in spots for d in "0123456789"]
    left_out = [value[:i] + value[i + 1 :] for i in spots]
    doubled = [value[:i] + value[i] + value[i:] for i in spots]
    swapped = [value[:i] + value[i + 1] + value[i] + value[i + 2 :] for i in spots[:-1]]
    found = dict.fromkeys([*changed, *left_out, *doubled, *swapped])
    if verifies(value):
        found |= dict.fromkeys(one[:-1] + str(check_digit(one[:-1])) for one in changed)
    return [text for text in found if text != value]
