"""The cache of vectors: never another model's, never half a file, never NaN."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from huohou.errors import ModelError, StoreError
from huohou.measure.gaussian import csd
from huohou.models.encoder import Encoder, Head, load_encoder
from huohou.probe import embeddings
from huohou.probe.embeddings import Embeddings, both_sides
from huohou.probe.search import top_k
from tiny_encoder import tiny_encoder_folder

TEXTS = ["open a file", "read its lines", "sort a list in place", "open a file", "", "json dumps"]


class Counting:
    """An encoder that counts what it is asked."""

    def __init__(self, fingerprint: str = "one", value: float = 1.0) -> None:
        self.fingerprint, self.value, self.asked = fingerprint, value, 0

    def encode(self, texts: Sequence[str]) -> Any:
        self.asked += len(texts)
        return np.array([[self.value * len(text), 1.0] for text in texts])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder_folder(tmp_path_factory.mktemp("encoder") / "base")


def test_each_distinct_text_is_encoded_once_and_never_again(tmp_path: Path) -> None:
    encoder = Counting()
    found = Embeddings(encoder, tmp_path).of(TEXTS)
    assert encoder.asked == 5
    assert found[:, 0].tolist() == [len(text) for text in TEXTS]
    again = Embeddings(encoder, tmp_path)
    assert again.of([*reversed(TEXTS), "new"])[:, 0].tolist() == [
        len(t) for t in [*reversed(TEXTS), "new"]
    ]
    assert (encoder.asked, again.made, again.kept) == (6, 1, 5)
    assert Embeddings(encoder).of(TEXTS).tolist() == found.tolist()
    assert Embeddings(encoder).of([]).shape[0] == 0


def test_weights_changed_in_memory_never_get_the_old_vectors(base: Path, tmp_path: Path) -> None:
    encoder = load_encoder(str(base))
    kept = Embeddings(encoder, tmp_path)
    before = kept.of(TEXTS)
    with torch.no_grad():
        next(encoder.transformer.parameters()).mul_(2)
    after = kept.of(TEXTS)
    assert np.abs(before - after).max() > 1e-3
    assert after == pytest.approx(encoder.encode(TEXTS), abs=1e-6)
    assert kept.made == 2 * 5
    with torch.no_grad():
        next(encoder.transformer.parameters()).div_(2)
    assert kept.of(TEXTS).tolist() == before.tolist()
    assert kept.made == 2 * 5


def test_a_model_trained_for_one_step_and_saved_gets_its_own_vectors(
    base: Path, tmp_path: Path
) -> None:
    encoder = load_encoder(str(base))
    before = Embeddings(encoder, tmp_path / "cache").of(TEXTS)
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.5)
    ids, mask = encoder.pad(encoder.tokenize(TEXTS[:2]))
    encoder(ids, mask).mu[:, 0].sum().backward()
    optimizer.step()
    encoder.save(tmp_path / "model")
    trained = load_encoder(str(tmp_path / "model"))
    kept = Embeddings(trained, tmp_path / "cache")
    assert np.abs(kept.of(TEXTS) - before).max() > 1e-3
    assert kept.kept == 0


def test_other_length_other_vectors(base: Path, tmp_path: Path) -> None:
    Embeddings(load_encoder(str(base)), tmp_path).of(TEXTS)
    shorter = Embeddings(load_encoder(str(base), max_length=4), tmp_path)
    shorter.of(TEXTS)
    assert shorter.made == 5


def test_kinds_do_not_mix(tmp_path: Path) -> None:
    encoder = Counting()
    Embeddings(encoder, tmp_path, kind="a").of(TEXTS)
    other = Embeddings(encoder, tmp_path, kind="b", encode=lambda texts: np.zeros((len(texts), 2)))
    assert not other.of(TEXTS).any()


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 torn", None])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: bytes | None) -> None:
    encoder = Counting()
    whole = Embeddings(encoder, tmp_path).of(TEXTS)
    (path,) = tmp_path.rglob("*.npz")
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2] if damage is None else damage)
    assert Embeddings(encoder, tmp_path).of(TEXTS).tolist() == whole.tolist()
    assert encoder.asked == 10
    assert path.read_bytes() == raw


def test_what_was_made_before_an_interruption_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "SHARD", 2)
    encoder = Counting()

    def interrupted(texts: Sequence[str]) -> Any:
        if encoder.asked >= 4:
            raise KeyboardInterrupt
        return encoder.encode(texts)

    with pytest.raises(KeyboardInterrupt):
        Embeddings(encoder, tmp_path, encode=interrupted).of(TEXTS)
    again = Embeddings(encoder, tmp_path)
    again.of(TEXTS)
    assert (again.kept, again.made) == (4, 1)


def test_no_pickle_is_ever_loaded(tmp_path: Path) -> None:
    encoder = Counting()
    place = tmp_path / "mu-one"
    place.mkdir()
    np.savez(place / "evil.npz", keys=np.array([object()]), vectors=np.array([object()]))
    assert Embeddings(encoder, tmp_path).of(TEXTS).shape == (6, 2)


def test_nan_is_refused_by_text_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="query “read its lines”"):
        Embeddings(
            Counting(value=np.nan),
            tmp_path,
            encode=lambda texts: np.array([[np.nan if "read" in t else 1.0] for t in texts]),
        ).of(TEXTS, "query")
    assert not list(tmp_path.rglob("*.npz"))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="HUOHOU_CACHE"):
        Embeddings(Counting(), tmp_path / "file").of(TEXTS)


@pytest.mark.parametrize("variance", ["logvar", "kappa"])
def test_csd_by_search_is_csd_by_brute_force(base: Path, variance: Any) -> None:
    """65 numbers a text, of vectors that really differ in variance."""
    torch.manual_seed(0)
    encoder = load_encoder(str(base), head=Head(variance=variance))
    _shake(encoder)
    passages = [
        f"{word} {other} {n}"
        for n in range(6)
        for word in ("open", "sort", "json")
        for other in ("file", "list of bytes", "")
    ]
    sides = both_sides(encoder, score="csd")
    q, p = sides[0].of(TEXTS, "query"), sides[1].of(passages)
    assert q.shape[1] == p.shape[1] == 65
    mine, theirs = encoder.encode_views(TEXTS), encoder.encode_views(passages)
    assert theirs.logvar is not None and np.ptp(theirs.logvar.sum(1)) > 1e-3
    brute = csd(mine.mu, mine.logvar, theirs.mu, theirs.logvar)
    places, _ = top_k(q, p, len(passages))
    ordered = np.take_along_axis(brute, places, axis=1)
    assert (np.diff(ordered, axis=1) <= 1e-5).all()
    plain, _ = top_k(mine.mu, theirs.mu, len(passages))
    assert places.tolist() != plain.tolist()  # the variance does say something here


def _shake(encoder: Encoder) -> None:
    assert encoder.variance is not None
    with torch.no_grad():
        encoder.variance.linear.weight.normal_(0, 0.3)


def test_how_far_it_is_goes_over_all_shards(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "SHARD", 2)
    told: list[tuple[int, int]] = []
    encoder = load_encoder(str(base))
    _, passages = both_sides(encoder, tmp_path, progress=lambda *one: told.append(one))
    passages.of(TEXTS)
    assert told[0] == (0, 5) and told[-1] == (5, 5)
    assert told == sorted(told)
    passages.of(TEXTS)
    assert len(told) == told.index((5, 5)) + told.count((5, 5)), "nothing is left to do"


@pytest.mark.parametrize("lost", [[0], [1], [2, 4], [6], [0, 3, 6]])
def test_shards_that_are_lost_are_made_of_the_same_texts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: list[int]
) -> None:
    """So that each text is computed in the company it had, and gets the same last digits."""
    monkeypatch.setattr(embeddings, "SHARD", 3)
    texts = [f"{i} " + "x" * (i * 7 % 5) for i in range(20)]
    shards: list[list[str]] = []

    def encode(some: Sequence[str]) -> Any:
        shards.append(list(some))
        return Counting().encode(some)

    Embeddings(Counting(), tmp_path, encode=encode).of(texts)
    assert [len(one) for one in shards] == [3] * 6 + [2]
    lengths = [len(text) for one in shards for text in one]
    assert lengths == sorted(lengths, reverse=True)
    whole, files = list(shards), sorted(tmp_path.rglob("*.npz"), key=lambda path: path.name)
    by_name = {path.name: path for path in files}
    for number in lost:
        keys = b"".join(embeddings._key(text) for text in whole[number])
        by_name[f"{hashlib.sha256(keys).hexdigest()[:24]}.npz"].unlink()
    shards.clear()
    Embeddings(Counting(), tmp_path, encode=encode).of(texts)
    assert shards == [whole[number] for number in lost]
