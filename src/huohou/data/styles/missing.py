"""A character left out."""

from huohou.data.styles import style

LEAST = 3  # characters that must be left


@style("missing", "slip")
def missing(form: str) -> list[str]:
    """The form without one of its characters, blanks apart.

    >>> missing("工行北京")
    ['行北京', '工北京', '工行京', '工行北']
    """
    if len(form) <= LEAST:
        return []
    return [form[:i] + form[i + 1 :] for i, one in enumerate(form) if one.isalnum()]
