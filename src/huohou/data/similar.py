"""Texts that are nearly the same: MinHash finds candidates, their exact Jaccard index decides.

Similarity is the Jaccard index of character n-grams (5, or 3 where most characters are Chinese)
of the normal form. N-grams that more than a tenth of many texts have are left out: they are the
template all rows share, not what makes two of them alike.
"""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

THRESHOLD = 0.8  # Lee et al. 2022, "Deduplicating Training Data", section 4.2
BANDS, BAND_ROWS = 25, 5  # finds 99.99 % of the pairs at 0.8 and 99 % at 0.7
COMMON_SHARE, COMMON_TEXTS = 0.1, 50
DENSE = re.compile("[\u3040-\u9fff\uac00-\ud7af]")  # scripts in which a character is a syllable

Alike = Callable[[int, int], bool]  # what else must hold of two texts, by their indices


def shingles(text: str) -> frozenset[str]:
    """Character n-grams of a text in normal form; a shorter text is one itself.

    >>> sorted(shingles("abcdef"))
    ['abcde', 'bcdef']
    """
    n = 3 if len(DENSE.findall(text)) * 2 > len(text) else 5
    if len(text) <= n:
        return frozenset([text]) if text else frozenset()
    return frozenset(text[i : i + n] for i in range(len(text) - n + 1))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared part of two sets, 0..1."""
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0


def close(one: str, other: str) -> bool:
    """Whether two texts in normal form are equal or nearly equal.

    >>> close("where is the branch in beijing", "where is the branch in beijing then")
    True
    """
    return one == other or jaccard(shingles(one), shingles(other)) >= THRESHOLD


def near_groups(texts: Sequence[str], threshold: float = THRESHOLD) -> list[int]:
    """Group number of each text: equal and nearly equal texts, chains of them included, share one.

    The number is the index of the group's first text. An empty text is alone.
    """
    return merge(range(len(texts)), near_pairs(texts, threshold))


def near_pairs(
    texts: Sequence[str], threshold: float = THRESHOLD, alike: Alike | None = None
) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later) of equal or nearly equal texts, enough to join every group.

    alike: pairs of unequal texts for which it says no are left out.
    """
    first = {text: i for i, text in reversed(list(enumerate(texts)))}
    yield from ((first[text], i) for i, text in enumerate(texts) if text and first[text] != i)
    unique = sorted(i for text, i in first.items() if text)
    also = None if alike is None else lambda i, j: alike(unique[i], unique[j])
    for later, earlier in _matches([texts[i] for i in unique], [], threshold, also):
        yield unique[earlier], unique[later]


def nearest(
    texts: Sequence[str],
    among: Sequence[str],
    threshold: float = THRESHOLD,
    alike: Alike | None = None,
) -> dict[int, int]:
    """For each text that has one: the index of a nearly equal (or equal) text among others.

    alike(text, other): pairs of unequal texts for which it says no are left out.
    """
    position = {text: i for i, text in reversed(list(enumerate(among))) if text}
    found = {i: position[text] for i, text in enumerate(texts) if text in position}
    rest = [i for i, text in enumerate(texts) if text and i not in found]
    places = list(position.values())
    also = None if alike is None else lambda i, j: alike(rest[i], places[j])
    indexed, queries = [among[i] for i in places], [texts[i] for i in rest]
    for query, match in _matches(indexed, queries, threshold, also):
        found.setdefault(rest[query], places[match])
    return found


def merge(items: Sequence[int], pairs: Iterator[tuple[int, int]]) -> list[int]:
    """Union-find: the smallest member of each item's group."""
    parent = list(items)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return [root(i) for i in items]


def _matches(
    indexed: Sequence[str], queries: Sequence[str], threshold: float, alike: Alike | None = None
) -> Iterator[tuple[int, int]]:
    """(query, indexed) pairs above the threshold; without queries each text asks the earlier ones.

    A text's matches that are already known to be alike are not compared again.
    """
    from datasketch import MinHashLSH

    own = not queries
    sets = _without_common([shingles(text) for text in (*indexed, *queries)])
    hashes = _hashes(sets)
    index = MinHashLSH(num_perm=BANDS * BAND_ROWS, params=(BANDS, BAND_ROWS))
    group = list(range(len(sets)))  # of texts found alike so far, for ``own``
    start = 0 if own else len(indexed)
    for i in range(0 if own else len(indexed)):
        index.insert(i, hashes[i])
    for i in range(start, len(sets)):
        seen: set[int] = set()
        for candidate in sorted(index.query(hashes[i])):
            if group[candidate] in seen or jaccard(sets[i], sets[candidate]) < threshold:
                continue
            if alike is not None and not alike(i - start, candidate):
                continue
            seen.add(group[candidate])
            group[i] = group[candidate]
            yield i - start, candidate
        if own:
            index.insert(i, hashes[i])


def _without_common(sets: list[frozenset[str]]) -> list[frozenset[str]]:
    """Leaves out what every row's template has in common; a text that is all template keeps it."""
    if len(sets) < COMMON_TEXTS:
        return sets
    counts = Counter(shingle for one in sets for shingle in one)
    common = {s for s, count in counts.items() if count > COMMON_SHARE * len(sets)}
    return [one - common or one for one in sets]


def _hashes(sets: Sequence[frozenset[str]]) -> list[Any]:
    from datasketch import MinHash

    raw = [[shingle.encode() for shingle in one] for one in sets]
    return list(MinHash.generator(raw, num_perm=BANDS * BAND_ROWS, hashfunc=zlib.crc32))
