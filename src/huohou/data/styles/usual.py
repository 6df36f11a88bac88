"""The names that people use: in full, as they say it, in short. And the value."""

from huohou.data.names import abbreviations, everyday
from huohou.data.styles import style

style("everyday", "name")(everyday)
style("abbreviation", "name")(abbreviations)


@style("full", "name")
def full(name: str, _city: str = "") -> list[str]:
    """The name as the table has it."""
    return [name]


@style("reverse", "value")
def reverse(value: str) -> list[str]:
    """The value as the table has it."""
    return [value]
