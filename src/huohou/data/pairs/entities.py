"""Entities of texts, found without a model: identifiers, capitalised names, a dictionary.

Where a text has annotations they are kept and nothing is searched for.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from huohou.data.pairs.pairset import PairSet, Passage, Query, Span

# A name with a dot, an underscore, an inner capital or a call behind it; words in ``code``.
IDENTIFIER = re.compile(
    r"(?<![\w.])(?:"
    r"[^\W\d]\w*(?:\.[^\W\d]\w*)+(?=\W|$)(?!\.)"  # a.b
    r"|\w*[^\W_]_\w*\w"  # a_b
    r"|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*"  # aB, AbC
    r"|[^\W\d]\w*(?=\(\))"  # a()
    r")",
    re.ASCII,
)
CODE = re.compile(r"`{1,2}([^`\n]{1,60})`{1,2}")
TITLE = re.compile(r"[《「『“]([^》」』”\n]{1,40})[》」』”]")
WORD = r"[A-Z][\w'’\-]*"
NAME = re.compile(rf"(?<![\w.]){WORD}(?:[ ](?:(?:of|the|de|von|van|and|&)[ ])?{WORD}|[ ]\d+\b)*")
SENTENCE = re.compile(r"(?:^|[.!?:;\n]|[。！？；：])[\s\"'(\[]*$")
ABBREVIATIONS = frozenset(("e.g", "i.e", "a.m", "p.m"))
COMMON = frozenset(  # capitalised only by their place at the beginning of a sentence
    re.findall(
        r"\w+",
        """
        A An The This That These Those It Its If In On At As And Or But For From To With
        Without By Is Are Was Were Be Do Does Did Can Could May Might Must Shall Should
        Will Would Not No Yes Return Returns Raise Raises Note Notes See Set Get Use
        Used When Where What Which Who Whom Whose Why How I You He She We They One Two
        After Before Otherwise Only Also All Any Each Both Then There Here During While
        Since Because Although However None True False
        """,
    )
)
LEADING = re.compile(rf"(?:(?:{'|'.join(sorted(COMMON))}) )+(?:[a-z]+ )?")


def find_entities(text: str, names: Iterable[str] = ()) -> tuple[Span, ...]:
    """Entities of a text in their order, none overlapping another; of two the longer is kept.

    names: a dictionary of further names, matched as whole words (as they stand in Chinese).

    >>> [s.name for s in find_entities("The os.path module, by Guido van Rossum, has no getSize.")]
    ['os.path', 'Guido van Rossum', 'getSize']
    """
    found = [*_matches(IDENTIFIER, text), *_inner(CODE, text), *_inner(TITLE, text)]
    return _apart([*found, *_capitalised(text), *_listed(text, names)])


def with_entities(pairs: PairSet, names: Iterable[str] = ()) -> PairSet:
    """The pairs with entities found in every text that has no annotated ones.

    names: a dictionary for all of them, as in ``find_entities``.
    """
    known = frozenset(names)
    return replace(
        pairs,
        passages=tuple(
            p if p.entities else replace(p, entities=find_entities(p.text, known))
            for p in pairs.passages
        ),
        queries=tuple(
            q if q.entities else replace(q, entities=find_entities(q.text, known))
            for q in pairs.queries
        ),
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often scoring by entities has entities to score by, and how often it must fall back.

    queries, passages: all; *_with: those with an entity; pairs: a query with one of its positives;
    pairs_with: both sides have an entity; pairs_shared: both name the same one.
    """

    queries: int
    queries_with: int
    passages: int
    passages_with: int
    pairs: int
    pairs_with: int
    pairs_shared: int

    @property
    def share(self) -> float:
        """Part of the pairs that can be scored by entities, 0..1; 0.0 where there is no pair."""
        return self.pairs_with / self.pairs if self.pairs else 0.0


def coverage(pairs: PairSet) -> Coverage:
    """Counts over the entities that the pairs have (see ``with_entities``)."""
    both = [(q, pairs.passage(id)) for q in pairs.queries for id in q.positives]
    return Coverage(
        len(pairs.queries),
        sum(bool(q.entities) for q in pairs.queries),
        len(pairs.passages),
        sum(bool(p.entities) for p in pairs.passages),
        len(both),
        sum(bool(q.entities and p.entities) for q, p in both),
        sum(bool(_named(q) & _named(p)) for q, p in both),
    )


def _named(one: Passage | Query) -> set[str]:
    return {(s.name or one.text[s.start : s.end]).casefold() for s in one.entities}


def _matches(pattern: re.Pattern[str], text: str) -> list[Span]:
    return [
        Span(m.start(), m.end(), m[0])
        for m in pattern.finditer(text)
        if m[0].casefold() not in ABBREVIATIONS
    ]


def _inner(pattern: re.Pattern[str], text: str) -> list[Span]:
    """What stands between marks, without them."""
    return [Span(m.start(1), m.end(1), m[1]) for m in pattern.finditer(text) if m[1].strip()]


def _capitalised(text: str) -> Iterator[Span]:
    """Names; a single word that begins a sentence is one only when it is an acronym."""
    for match in NAME.finditer(text):
        begins = SENTENCE.search(text[max(0, match.start() - 8) : match.start()]) is not None
        skipped = LEADING.match(match[0])
        start = match.start() + (skipped.end() if skipped else 0)
        name = text[start : match.end()]
        alone = begins and not skipped and " " not in name and not name[:2].isupper()
        if len(name) > 1 and name[0].isupper() and not alone and name not in COMMON:
            yield Span(start, match.end(), name)


def _listed(text: str, names: Iterable[str]) -> Iterator[Span]:
    """Names of the dictionary where they stand as whole words."""
    for name in sorted({name for name in names if len(name) > 1}):
        start = text.find(name)
        while start >= 0:
            end = start + len(name)
            if not (_joined(text[start - 1 : start], name[0]) or _joined(name[-1], text[end:][:1])):
                yield Span(start, end, name)
            start = text.find(name, start + 1)


def _joined(left: str, right: str) -> bool:
    """Whether two neighbouring characters are inside of one word of Latin letters or digits."""
    return all(one.isascii() and (one.isalnum() or one == "_") for one in (left, right))


def _apart(found: list[Span]) -> tuple[Span, ...]:
    kept: list[Span] = []
    for span in sorted(found, key=lambda s: (s.start - s.end, s.start)):
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return tuple(sorted(kept, key=lambda s: s.start))
