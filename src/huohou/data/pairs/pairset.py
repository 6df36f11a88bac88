"""Plain data of retrieval: passages, queries, and which passages answer which query."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from huohou.data.dataset import place
from huohou.text import say

PARTS = ("train", "eval", "test")


@dataclass(frozen=True, slots=True)
class Span:
    """An entity in a text: characters start (counted from 0) to end (not included)."""

    start: int
    end: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that can be found.

    document: what a split keeps together, its own id where nothing is known; part: the side whose
    queries it answers, one of PARTS, or "" where it is free for all.
    """

    id: str
    text: str
    document: str
    part: str = ""
    entities: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """A question with the ids of the passages that answer it.

    negatives: ids of passages that are known not to answer it; gains: how well each positive
    answers it, parallel to positives, all 1 where empty; line: where it stands in its file;
    answers: words that answer it, where the source has them: passages with them are no negatives.
    """

    id: str
    text: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...] = ()
    gains: tuple[float, ...] = ()
    entities: tuple[Span, ...] = ()
    line: int = 0
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PairSet:
    """Queries over passages.

    source: where they came from, as the user named it; format: pairs, beir, squad or python;
    notes: what to know of the reading, in words; repeated: pairs that the source said again;
    index: passage id to its place in ``passages``.
    """

    source: str
    format: str
    passages: tuple[Passage, ...]
    queries: tuple[Query, ...]
    notes: tuple[str, ...] = ()
    repeated: int = 0
    index: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        places = {passage.id: i for i, passage in enumerate(self.passages)}
        object.__setattr__(self, "index", places)

    def __len__(self) -> int:
        return len(self.queries)

    def passage(self, id: str) -> Passage:
        """The passage of that id. Raises KeyError."""
        return self.passages[self.index[id]]

    def documents_of(self, query: Query) -> tuple[str, ...]:
        """Documents of a query's positives, each once."""
        return tuple(dict.fromkeys(self.passage(id).document for id in query.positives))

    def place(self, query: Query) -> str:
        """Where a query stands, as a person looks it up."""
        if self.format == "pairs":
            return place(self.source, query.line)
        return say("data.pairs.place_query", source=self.source, id=query.id)
