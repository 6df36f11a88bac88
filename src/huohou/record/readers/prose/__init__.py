"""Reports in plain words, English or Chinese, with numbers in them: text and Markdown.

A report is read as lines, each with the mood of its section and of its own words: measured, of an
earlier run, expected, advised, a criterion. Only what is measured becomes a point or a figure;
what is predicted, supposed or set as a threshold never does. New ways to say something are added
in one place: words in ``words``, moods in ``moods``, curves in ``curves``, scores in ``figures``,
settings in ``facts``, sentences in ``told`` and ``statements``.
"""

import re
from typing import Any

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._source import Source
from huohou.record.readers.prose.curves import Listing, listings, runs
from huohou.record.readers.prose.facts import facts_of
from huohou.record.readers.prose.figures import figures_of, told_losses
from huohou.record.readers.prose.lines import Line, lines_of
from huohou.record.readers.prose.statements import statements_of
from huohou.record.readers.prose.tables import tables
from huohou.record.readers.prose.told import told
from huohou.record.record import Figure, Record

LARGEST = 250_000  # bytes; no report is longer
_SUFFIXES = (".txt", ".md", ".markdown", ".rst", ".text")


def read_prose(source: Source) -> Record:
    """A report as a Record. Raises DataError when it holds no number of a run and no criterion."""
    if len(source.data) > LARGEST:
        raise DataError("reader.prose_too_long", path=source.path, most=LARGEST)
    lines = lines_of(source.text.lstrip("\ufeff"))
    found = list(tables(lines))
    main, others = runs(listings(lines, found))
    figures = figures_of(lines, found)
    figures += tuple(_losses(lines)) if main is None else ()
    facts, places = _facts(lines, found, figures)
    statements = statements_of(lines)
    criteria = any(statement.kind == "criterion" and statement.metric for statement in statements)
    if main is None and not others and not figures and not criteria and "restart" not in facts:
        raise DataError("reader.prose_no_numbers", path=source.path)
    about = {"path": str(source.path), "reader": "prose"}
    if main is not None and main.arrows:
        facts["rows_counted"] = True
    return Record(
        about | {"lines": places},
        main.series() if main else {},
        facts,
        figures=figures,
        statements=statements,
        others=tuple(_other(listing, about) for listing in others),
    )


def _losses(lines: list[Line]) -> list[Figure]:
    """Losses told in words, each value once; the last is where the run stands."""
    return list({figure.value: figure for figure in told_losses(lines)}.values())


def _facts(
    lines: list[Line], found: list[Any], figures: tuple[Figure, ...]
) -> tuple[dict[str, Any], dict[str, int]]:
    """Facts by name, and the line of each."""
    known = facts_of(lines, found)
    for line, name, value in told(lines):
        if name == "hard_cases" and name in known:
            known[name] = ({**value, **known[name][0]}, known[name][1])
        if name == "restart" and name in known and len(value) > len(known[name][0]):
            known[name] = (value, line.number)
        known.setdefault(name, (value, line.number))
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
    told = {"earlier": listing.earlier, "line": listing.rows[0][1][0].line}
    return Record(about | told, listing.series(), facts)


_SIGNS = re.compile(r"loss|损失|epoch|accuracy|准确率|bleu|训练|training", re.I)


def _recognises(source: Source) -> bool:
    """Words about a training in a file that is no JSON, table or program."""
    if not source.is_text or len(source.data) > LARGEST or source.text.lstrip()[:1] in "{[<":
        return False
    suffix = source.path.suffix.lower()
    return (suffix in _SUFFIXES or not suffix) and _SIGNS.search(source.text) is not None


readers.register("prose")(Reader(_recognises, read_prose, rank=1000))
