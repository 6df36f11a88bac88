"""The parts of a name in another order: the branch first, the bank last."""

from huohou.data.names import REGION, is_chinese, parts
from huohou.data.styles import style


@style("reordered", "name")
def reordered(name: str, city: str = "") -> list[str]:
    """The branch before the bank; the last word of an English name before the others.

    >>> reordered("中国工商银行股份有限公司北京知春路支行", "北京市")[0]
    '北京知春路支行工商银行'
    >>> reordered("International Trade Center")
    ['Center, International Trade']
    """
    found = parts(name, city)
    if not is_chinese(name):
        words = found.bank.split()
        return [f"{words[-1]}, {' '.join(words[:-1])}"] if len(words) > 1 else []
    if not found.branch:
        return []
    place = REGION.sub("", found.place)
    place = "" if found.bank.startswith(place) else place
    return [
        place + found.branch + found.bank,
        f"{found.branch} {place}{found.bank}",
        f"{found.branch}({place}{found.short})",
        place + found.branch + found.short,
    ]
