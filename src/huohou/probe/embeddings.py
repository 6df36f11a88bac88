"""Vectors of texts, made once. The key is the model's own weights, so that no model is ever given
the vectors of another.

A cache keyed by a model's name gives a retrained model the vectors it had before; mining with it
finds the old model's mistakes. Here the folder is named by the encoder's fingerprint, which is
computed from weights, tokenizer, pooling, prompts and length at every call.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zipfile import BadZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

from huohou.errors import StoreError
from huohou.probe.search import Vectors, finite

if TYPE_CHECKING:
    from huohou.measure.gaussian import Side
    from huohou.models.encoder import Encoder as TextEncoder

SHARD = 1024  # texts a file: what an interrupted run loses at most, and what one task encodes
SHOWN = 60  # characters of a text in a message

Encode = Callable[[Sequence[str]], NDArray[np.floating]]
Progress = Callable[[int, int], None]
Made = Iterable[tuple[int, NDArray[np.floating]]]
Shards = Callable[[Sequence[Sequence[str]]], Made]
"""Texts of shards -> number and vectors [n, d] of each shard, as they are done."""


class Encoder(Protocol):
    """What makes vectors: its fingerprint changes when anything changes that decides a vector."""

    @property
    def fingerprint(self) -> str:
        """Hex digits."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.floating]:
        """texts [n] -> vectors [n, d]."""
        ...


class Count:
    """How many of the texts that are to be encoded are done."""

    def __init__(self, tell: Progress | None = None) -> None:
        self._tell = tell
        self._done = self._all = 0

    def begin(self, texts: int) -> None:
        """So many are to be done."""
        self._done, self._all = 0, texts
        self.inside(0)

    def inside(self, texts: int, _: int = 0) -> None:
        """So many of the shard in hand are done."""
        if self._tell is not None and self._all:
            self._tell(min(self._done + texts, self._all), self._all)

    def done(self, texts: int) -> None:
        """A whole shard is."""
        self._done += texts
        self.inside(0)


class Embeddings:
    """Vectors of an encoder's, kept in a folder between runs.

    folder: where vectors are kept, None to keep none (the folder can be deleted at any time);
    kind: what is made of a text, where an encoder makes several things (``encode`` makes it):
    vectors of different kinds never mix; shards: who encodes them, where this process does not;
    count: is told how far it is. Shards are cut alike whoever encodes them, so that the same texts
    are computed together.
    """

    def __init__(
        self,
        encoder: Encoder,
        folder: Path | None = None,
        *,
        kind: str = "mu",
        encode: Encode | None = None,
        shards: Shards | None = None,
        count: Count | None = None,
    ) -> None:
        self._encoder = encoder
        self._shards = shards or _here(encode or encoder.encode)
        self._count = count or Count()
        self._folder = folder
        self._kind = kind
        self.made = 0  # texts that were encoded, over all calls
        self.kept = 0  # texts whose vectors were there

    @property
    def fingerprint(self) -> str:
        """The encoder's, as it is now."""
        return self._encoder.fingerprint

    def of(self, texts: Sequence[str], what: str = "passage") -> Vectors:
        """Vectors [n, d] of texts, float32, each distinct text encoded once.

        what: query or passage, for messages. Raises ModelError for vectors with NaN or infinity,
        StoreError when the folder cannot be written.
        """
        keys = [_key(text) for text in texts]
        first = {key: i for i, key in reversed(list(enumerate(keys)))}
        place = self._place()
        known = _read(place, first.keys()) if place else {}
        new = (i for key, i in first.items() if key not in known)
        # Like lengths together need less padding, the longest first; what is cut from this order
        # is the same again when some of the shards are kept.
        todo = sorted(new, key=lambda i: (-len(texts[i]), i))
        self.kept += len(known)
        self._count.begin(len(todo))
        cut = [todo[begin : begin + SHARD] for begin in range(0, len(todo), SHARD)]
        for number, made in self._made([[texts[i] for i in part] for part in cut], what):
            mine = [keys[i] for i in cut[number]]
            known.update(zip(mine, made, strict=True))
            if place:
                _write(place, mine, made)
        return np.stack([known[key] for key in keys]) if keys else np.zeros((0, 0), np.float32)

    def _made(self, shards: Sequence[Sequence[str]], what: str) -> Iterable[tuple[int, Vectors]]:
        """Number and vectors of each shard as it is done; none is asked for where there is none."""
        for number, found in self._shards(shards) if shards else ():
            vectors, texts = np.asarray(found, dtype=np.float32), shards[number]
            finite(vectors, what, [f"“{' '.join(text.split())[:SHOWN]}”" for text in texts])
            self.made += len(texts)
            self._count.done(len(texts))
            yield number, vectors

    def _place(self) -> Path | None:
        """The folder of the weights as they are now: training changes them between two calls."""
        return self._folder / f"{self._kind}-{self._encoder.fingerprint}" if self._folder else None


def both_sides(
    encoder: "TextEncoder",
    folder: Path | None = None,
    *,
    score: str = "cosine",
    progress: Progress | None = None,
    elsewhere: "Callable[[str, Side], Shards] | None" = None,
) -> tuple[Embeddings, Embeddings]:
    """Queries and passages of one encoder: inner products of their vectors rank as the score does.

    score: cosine, csd or w2. Each side has the model's own prompt, where it has prompts. elsewhere:
    who encodes the shards of a score and a side, as ``side_encode`` does, where not this process.
    """

    def made(side: "Side") -> Embeddings:
        count = Count(progress)
        encode = side_encode(encoder, score, side, count.inside)
        shards = None if elsewhere is None else elsewhere(score, side)
        kind = f"{score}-{side}"
        return Embeddings(encoder, folder, kind=kind, encode=encode, shards=shards, count=count)

    return made("query"), made("passage")


def side_encode(
    encoder: "TextEncoder", score: str, side: "Side", progress: Progress | None = None
) -> Encode:
    """What makes the vectors of queries or of passages; see ``both_sides``."""
    from huohou.measure.gaussian import search_vectors

    prompt = {"query": "query", "passage": "document"}[side]

    def encode(texts: Sequence[str]) -> NDArray[np.floating]:
        views = encoder.encode_views(texts, prompt=prompt, progress=progress)
        return search_vectors(score, views.mu, views.logvar, side)

    return encode


def _here(encode: Encode) -> Shards:
    """Shards one after the other, in this process."""
    return lambda shards: ((k, encode(texts)) for k, texts in enumerate(shards))


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _read(place: Path, wanted: Collection[bytes]) -> dict[bytes, Vectors]:
    """Vectors that are there, by key. A file that is torn or damaged counts as not there."""
    found: dict[bytes, Vectors] = {}
    for path in sorted(place.glob("*.npz")):
        try:
            found |= _shard(path, wanted)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            continue
    return found


def _shard(path: Path, wanted: Collection[bytes]) -> dict[bytes, Vectors]:
    """Raises what reading a damaged file raises."""
    with path.open("rb") as file:
        if not is_zipfile(file):
            return {}
        file.seek(0)
        with np.load(file, allow_pickle=False) as shard:
            keys = [row.tobytes() for row in shard["keys"]]
            if not any(key in wanted for key in keys):
                return {}
            vectors = shard["vectors"]
    if vectors.dtype != np.float32 or vectors.ndim != 2:
        return {}
    return {k: v for k, v in zip(keys, vectors, strict=True) if k in wanted}


def _write(place: Path, keys: Sequence[bytes], vectors: Vectors) -> None:
    """One file, whole or not there; its name is of its texts, so that two runs write the same."""
    name = hashlib.sha256(b"".join(keys)).hexdigest()[:24]
    part = place / f".{name}.{os.getpid()}.part"
    rows = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), 32)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez(file, keys=rows, vectors=vectors)
        part.replace(place / f"{name}.npz")
    except OSError as error:
        if part.is_file():
            part.unlink()
        raise StoreError("embeddings.cannot_write", folder=place, problem=error.strerror) from error
