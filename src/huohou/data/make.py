"""Question-answer rows from a table of facts, the same for the same seed.

Every fact is asked for by its full name, its everyday name, its abbreviation and, the other way
round, by its value; in other styles too where they are chosen (``huohou.data.styles``). Wordings
are set aside first: those of eval and test never occur in train, for any fact. Names that are not
in the table are asked for too; the answer to them is that it is unknown. Answers are the bare value
or name, which a small model learns soonest and a score can compare letter by letter; where a text
may mean several facts, the answer asks which.
"""

from dataclasses import dataclass

from huohou.data.asking import Asker
from huohou.data.dataset import Row
from huohou.data.facts import FactTable
from huohou.data.invent import Inventor
from huohou.data.names import is_chinese
from huohou.data.namesakes import Namesakes
from huohou.data.rows_of_facts import RowWriter
from huohou.data.styles import DEFAULT, Style, style_names, styles
from huohou.data.teachable import missing_forms, taught_facts, unambiguous
from huohou.errors import UsageError
from huohou.text import say

STYLES = DEFAULT


@dataclass(frozen=True, slots=True)
class MakeOptions:
    """What to make.

    facts: how many of the table are taught, spread over its institutions, all when None;
    wordings, eval_wordings, test_wordings: questions a fact in train, eval and test;
    unknown: part of the rows that ask for names not in the table, 0 <= unknown < 0.9;
    language: en or zh, by the names when None; noun: what the value is called in questions;
    styles: names of ``huohou.data.styles``.
    """

    facts: int | None = None
    wordings: int = 4
    eval_wordings: int = 1
    test_wordings: int = 2
    unknown: float = 0.2
    seed: int = 42
    system: str | None = None
    language: str | None = None
    noun: str | None = None
    styles: tuple[str, ...] = STYLES


@dataclass(frozen=True, slots=True)
class Made:
    """Rows by part, the names taught, the language chosen, and what the user should know."""

    train: tuple[Row, ...]
    eval: tuple[Row, ...]
    test: tuple[Row, ...]
    taught: tuple[str, ...]
    language: str
    notes: tuple[str, ...]


def make(
    table: FactTable, options: MakeOptions | None = None, names: Namesakes | None = None
) -> Made:
    """Rows for training, for eval and for test from a table of facts.

    Each row's meta: ``kind`` ("facts"), ``style`` (a style's name, or "unknown"), ``fact`` (its
    name, None for an unknown one), ``expect`` (the right answer, None for unknown), ``wording`` (id
    of the template), and for unknown names ``asked``. In other styles than the default ones also
    ``form`` (the text that stands for the name), ``base`` (what a slip was made of), ``also``
    (other names that the text means as well as ``fact``) and ``near`` (the fact that an unknown
    name resembles). names: of this table, if they are there already (they take a while to find
    in a large one). Raises UsageError for options out of range.
    """
    chosen = options or MakeOptions()
    _check(chosen, table)
    language = chosen.language or _language(table)
    facts, notes = unambiguous(table)
    wanted, lacking = _usable(chosen.styles)
    names = names or Namesakes(table)
    taught = taught_facts(facts, chosen.facts, wanted, names, chosen.seed)
    notes += lacking + missing_forms(taught, wanted)
    asker = Asker(names, wanted, chosen.seed)
    inventor = Inventor(table, names, chosen.seed)
    writer = RowWriter(
        table=table,
        options=chosen,
        language=language,
        taught=taught,
        wanted=wanted,
        asker=asker,
        inventor=inventor,
    )
    train, watched, test = (writer.part(name) for name in ("train", "eval", "test"))
    taught_names = tuple(one.fact.key for one in taught)
    notes = [*table.notes, *notes, *writer.notes]
    return Made(train, watched, test, taught_names, language, tuple(notes))


def _usable(chosen: tuple[str, ...]) -> tuple[list[Style], list[str]]:
    """The styles chosen, and a sentence for each whose library is not installed."""
    found = [styles.get(name) for name in dict.fromkeys(chosen)]
    lacking = [one for one in found if one.missing]
    notes = [say("data.style_needs", style=one.name, library=one.missing) for one in lacking]
    return [one for one in found if not one.missing], notes


def _check(options: MakeOptions, table: FactTable) -> None:
    if not 0 <= options.unknown < 0.9:
        raise UsageError("data.unknown_share", value=options.unknown)
    if options.wordings < 1 or min(options.eval_wordings, options.test_wordings) < 0:
        raise UsageError("data.wordings_count", value=options.wordings)
    if options.facts is not None and not 1 <= options.facts <= len(table):
        raise UsageError("data.facts_count", value=options.facts, rows=len(table))
    known = style_names()
    unknown = [style for style in options.styles if style not in known]
    if unknown or not options.styles:
        raise UsageError("data.unknown_style", style=", ".join(unknown), known=", ".join(known))


def _language(table: FactTable) -> str:
    chinese = sum(is_chinese(fact.key) for fact in table.facts)
    return "zh" if chinese * 2 > len(table) else "en"
