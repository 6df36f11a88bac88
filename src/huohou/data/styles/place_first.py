"""The place in front of the bank: what people do who look for a branch where they are."""

from huohou.data.names import REGION, is_chinese, parts
from huohou.data.styles import style


@style("place_first", "name")
def place_first(name: str, city: str = "") -> list[str]:
    """Place, bank, branch.

    >>> place_first("中国工商银行股份有限公司北京知春路支行", "北京市")[0]
    '北京市工商银行知春路支行'
    >>> place_first("Acme Widgets Co., Ltd.", "Leeds")
    ['Leeds Acme Widgets']
    """
    found = parts(name, city)
    if not found.place or (is_chinese(name) and not found.branch):
        return []
    if not is_chinese(name):
        return [f"{found.place} {found.bank}"]
    fronts, kinds = [found.place, REGION.sub("", found.place)], (found.bank, found.short)
    if found.bank.startswith(fronts[1]):
        fronts.pop()  # 长沙市长沙银行, but not 长沙长沙银行
    return [front + kind + found.branch for front in fronts for kind in kinds]
