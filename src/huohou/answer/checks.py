"""What is checked of a row before its value is given. One check a function, by name.

A check is asked about a column; it answers None where it has nothing to say of that column. Other
packages add theirs through the entry-point group ``huohou.answer_checks``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from huohou.answer.types import Check, Entry
from huohou.data.facts import verifies
from huohou.registry import Registry
from huohou.text import say


@dataclass(frozen=True, slots=True)
class Case:
    """A row that is about to be given, and what the index says of it now.

    entry: the row; column: the one whose cell is given; stored: the row of that number in the
    index; same_value: all rows with its value; digits, check_digits: of the table's codes.
    """

    entry: Entry
    column: str
    stored: Entry | None
    same_value: Sequence[Entry]
    value_column: str
    digits: int | None
    check_digits: bool


CheckRule = Callable[[Case], Check | None]
checks: Registry[CheckRule] = Registry("answer_checks")


def run_checks(case: Case) -> tuple[Check, ...]:
    """All checks that have something to say, by name."""
    return tuple(found for _, rule in checks if (found := rule(case)) is not None)


@checks.register("row")
def _row(case: Case) -> Check:
    """The cell stands in the row of the table that is shown, word for word."""
    passed = case.stored == case.entry and case.column in case.entry.columns
    return Check("row", passed, say("answer.check.row", line=case.entry.line))


@checks.register("name-belongs")
def _name_belongs(case: Case) -> Check | None:
    """Looked up the other way round, the value leads back to the name."""
    if case.column != case.value_column:
        return None
    passed = any(one.key == case.entry.key for one in case.same_value)
    return Check("name-belongs", passed, say("answer.check.name_belongs"))


@checks.register("digits")
def _digits(case: Case) -> Check | None:
    """A code has as many digits as the table's codes."""
    if case.column != case.value_column or not case.digits:
        return None
    value = case.entry.value
    passed = value.isascii() and value.isdigit() and len(value) == case.digits
    return Check("digits", passed, say("answer.check.digits", digits=case.digits))


@checks.register("check-digit")
def _check_digit(case: Case) -> Check | None:
    """The last digit is the check digit of the others, in tables whose codes have one."""
    if case.column != case.value_column or not case.check_digits:
        return None
    return Check("check-digit", verifies(case.entry.value), say("answer.check.check_digit"))


@checks.register("unique")
def _unique(case: Case) -> Check | None:
    """A code belongs to one name only."""
    if case.column != case.value_column or not case.digits:
        return None
    names = {one.key for one in case.same_value}
    return Check("unique", len(names) <= 1, say("answer.check.unique", count=len(names)))
