"""Without the word for what it is: 工行知春路, as nobody says 支行 who means the one there is."""

from huohou.data.names import abbreviations, branch_kind, everyday, is_chinese, parts
from huohou.data.styles import style

LEAST = 2  # characters of the branch that must be left


@style("bare", "name")
def bare(name: str, city: str = "") -> list[str]:
    """The shorter forms of a name without 支行, 分理处 and the like at the end.

    >>> bare("中国工商银行股份有限公司北京知春路支行", "北京市")[:2]
    ['工行知春路', '工行北京知春路']
    >>> bare("湖北大悟农村商业银行股份有限公司", "大悟县")
    []
    """
    kind = branch_kind(name)
    if not is_chinese(name) or len(parts(name, city).branch) < len(kind) + LEAST or not kind:
        return []
    forms = (*abbreviations(name, city), *everyday(name, city))
    return [form.removesuffix(kind) for form in forms if form.endswith(kind)]
