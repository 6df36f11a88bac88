"""Reports in plain words, English or Chinese, with numbers in them: text and Markdown.

A report is read as lines, each with the mood of its section and of its own words: measured, of an
earlier run, expected, advised, a criterion. Only what is measured becomes a point or a figure;
what is predicted, supposed or set as a threshold never does. New ways to say something are added
in one place: words in ``words``, moods in ``moods``, curves in ``curves``, scores in ``figures``,
settings in ``facts``, sentences in ``told`` and ``statements``. It is read once, line by line, and
no line is kept: a report takes less than ten times its size in memory.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._source import Source
from huohou.record.readers.prose.curves import Curves
from huohou.record.readers.prose.facts import Facts, Told
from huohou.record.readers.prose.figures import Figures, Losses
from huohou.record.readers.prose.lines import Line, lines_of
from huohou.record.readers.prose.listing import Listing, runs
from huohou.record.readers.prose.statements import Statements
from huohou.record.readers.prose.tables import Tables
from huohou.record.readers.prose.told import Sentences
from huohou.record.record import Figure, Record
from huohou.text import say

LARGEST = 250_000  # bytes; no report is longer
_SUFFIXES = (".txt", ".md", ".markdown", ".rst", ".text")


@dataclass(slots=True)
class _Found:
    """What a report tells, taken up line by line: its lines are not kept."""

    tables: Tables = field(default_factory=Tables)
    curves: Curves = field(default_factory=Curves)
    figures: Figures = field(default_factory=Figures)
    losses: Losses = field(default_factory=Losses)
    facts: Facts = field(default_factory=Facts)
    sentences: Sentences = field(default_factory=Sentences)
    statements: Statements = field(default_factory=Statements)

    def take(self, line: Line) -> None:
        """What a line tells."""
        row = self.tables.row(line)
        for part in (self.curves, self.figures, self.facts):
            part.take(line, row)
        for one in (self.losses, self.sentences, self.statements):
            one.take(line)


def read_prose(source: Source) -> Record:
    """A report as a Record. Raises DataError when it holds no number of a run and no criterion."""
    if len(source.data) > LARGEST:
        raise DataError("reader.prose_too_long", path=source.path, most=LARGEST)
    found = _Found()
    for line in lines_of(source):
        found.take(line)
    main, others, more = runs(found.curves.listings())
    figures = found.figures.all() + (found.losses.all() if main is None else ())
    facts, places = _facts(found, figures)
    statements = found.statements.all()
    criteria = any(statement.kind == "criterion" and statement.metric for statement in statements)
    if main is None and not others and not figures and not criteria and "restart" not in facts:
        raise DataError("reader.prose_no_numbers", path=source.path)
    more = more or found.curves.more or found.figures.more or (main is None and found.losses.more)
    about = {"path": str(source.path), "reader": "prose"}
    if main is not None and main.arrows:
        facts["rows_counted"] = True
    return Record(
        about | {"lines": places},
        main.series() if main else {},
        facts,
        (say("reader.prose_more"),) if more else (),
        figures,
        statements,
        tuple(_other(listing, about) for listing in others),
    )


def _facts(found: _Found, figures: tuple[Figure, ...]) -> tuple[dict[str, Any], dict[str, int]]:
    """Facts by name, and the line of each."""
    known: dict[str, Told] = found.facts.all()
    for name, (value, line) in found.sentences.found.items():
        if name == "hard_cases" and name in known:
            known[name] = ({**value, **known[name][0]}, known[name][1])
        known.setdefault(name, (value, line))
    facts = {name: value for name, (value, _) in known.items()}
    results = {f.name: f.value for f in figures if f.name.startswith(("predict_", "eval_"))}
    if results:
        facts["after_training"] = results
    if hard := facts.get("hard_cases"):
        share = next((f for f in figures if f.of and f.name.startswith("accuracy@")), None)
        if share is not None:
            hard.setdefault("of", share.of)
        if hard.get("trained") and hard.get("of"):
            facts |= {"rows": hard["count"], "eval_rows": hard["of"]}
            known["rows"] = known["eval_rows"] = known["hard_cases"]
    if facts.get("negatives") and "candidates" not in facts and hard:
        facts["candidates"] = 1 + facts["negatives"]
    return facts, {name: line for name, (_, line) in known.items()}


def _other(listing: Listing, about: dict[str, str]) -> Record:
    facts = {"rows_counted": True} if listing.arrows else {}
    told = {"earlier": listing.earlier, "line": listing.line}
    return Record(about | told, listing.series(), facts)


_SIGNS = re.compile(r"loss|损失|epoch|accuracy|准确率|bleu|训练|training", re.I)


def _recognises(source: Source) -> bool:
    """Words about a training in a file that is no JSON, table or program."""
    if not source.is_text or len(source.data) > LARGEST or source.head.lstrip()[:1] in "{[<":
        return False
    suffix = source.path.suffix.lower()
    return (suffix in _SUFFIXES or not suffix) and _SIGNS.search(source.head) is not None


readers.register("prose")(Reader(_recognises, read_prose, rank=1000))
