"""A character typed twice."""

from huohou.data.styles import style


@style("doubled", "slip")
def doubled(form: str) -> list[str]:
    """The form with one of its characters twice.

    >>> doubled("工行")
    ['工工行', '工行行']
    """
    return [form[:i] + one + form[i:] for i, one in enumerate(form) if one.isalnum()]
