"""Vectors of texts, made once. The key is the model's own weights, so that no model is ever given
the vectors of another.

A cache keyed by a model's name gives a retrained model the vectors it had before; mining with it
finds the old model's mistakes. Here the folder is named by the encoder's fingerprint, which is
computed from weights, tokenizer, pooling, prompts and length at every call.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Sequence
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

SHARD = 8192  # texts a file: what an interrupted run loses at most
SHOWN = 60  # characters of a text in a message

Encode = Callable[[Sequence[str]], NDArray[np.floating]]


class Encoder(Protocol):
    """What makes vectors: its fingerprint changes when anything changes that decides a vector."""

    @property
    def fingerprint(self) -> str:
        """Hex digits."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.floating]:
        """texts [n] -> vectors [n, d]."""
        ...


class Embeddings:
    """Vectors of an encoder's, kept in a folder between runs.

    folder: where vectors are kept, None to keep none (the folder can be deleted at any time);
    kind: what is made of a text, where an encoder makes several things (``encode`` makes it):
    vectors of different kinds never mix.
    """

    def __init__(
        self,
        encoder: Encoder,
        folder: Path | None = None,
        *,
        kind: str = "mu",
        encode: Encode | None = None,
    ) -> None:
        self._encoder = encoder
        self._encode: Encode = encode or encoder.encode
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
        todo = sorted(i for key, i in first.items() if key not in known)
        self.kept += len(known)
        for begin in range(0, len(todo), SHARD):
            part = todo[begin : begin + SHARD]
            vectors = self._vectors([texts[i] for i in part], what)
            mine = [keys[i] for i in part]
            known.update(zip(mine, vectors, strict=True))
            if place:
                _write(place, mine, vectors)
        return np.stack([known[key] for key in keys]) if keys else np.zeros((0, 0), np.float32)

    def _vectors(self, texts: Sequence[str], what: str) -> Vectors:
        vectors = np.asarray(self._encode(texts), dtype=np.float32)
        finite(vectors, what, [f"“{' '.join(text.split())[:SHOWN]}”" for text in texts])
        self.made += len(texts)
        return vectors

    def _place(self) -> Path | None:
        """The folder of the weights as they are now: training changes them between two calls."""
        return self._folder / f"{self._kind}-{self._encoder.fingerprint}" if self._folder else None


def both_sides(
    encoder: "TextEncoder",
    folder: Path | None = None,
    *,
    score: str = "cosine",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Embeddings, Embeddings]:
    """Queries and passages of one encoder: inner products of their vectors rank as the score does.

    score: cosine, csd or w2. Each side has the model's own prompt, where it has prompts.
    """

    def made(prompt: str, side: "Side") -> Encode:
        def encode(texts: Sequence[str]) -> NDArray[np.floating]:
            views = encoder.encode_views(texts, prompt=prompt, progress=progress)
            return search_vectors(score, views.mu, views.logvar, side)

        return encode

    from huohou.measure.gaussian import search_vectors

    return (
        Embeddings(encoder, folder, kind=f"{score}-query", encode=made("query", "query")),
        Embeddings(encoder, folder, kind=f"{score}-passage", encode=made("document", "passage")),
    )


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
