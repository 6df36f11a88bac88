"""The fast pass of an update is the plain one: same loss, same gradients, whatever the texts."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from huohou.models.encoder import Encoder, Head, load_encoder
from huohou.recipes.embedding.chance import Chance, QuickDropout, dropped, quicken, scale
from huohou.recipes.embedding.gradient import Cut, Learner
from huohou.recipes.embedding.line import blocks_of
from huohou.recipes.embedding.passes import chunks
from huohou.recipes.embedding.proof import compare, plain_loss
from huohou.recipes.embedding.rows import Row, groups_of, update_of
from huohou.recipes.embedding.table import UsedRows, trim, whole
from huohou.recipes.losses import losses
from tiny_encoder import tiny_encoder_folder

LENGTHS = [3, 9, 4, 30, 5, 17, 30, 6, 8, 3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder")
    tiny_encoder_folder(path)
    return path


def texts(lengths: Sequence[int], seed: int = 0) -> list[tuple[int, ...]]:
    """Texts of random tokens; no two alike."""
    torch.manual_seed(seed)
    return [tuple(torch.randint(5, 190, (n,)).tolist()) for n in lengths]


def row(query: tuple[int, ...], *docs: tuple[int, ...], negatives: int = 0) -> Row:
    """A query with its passages, of which the last ones are negatives."""
    own = docs[: len(docs) - negatives]
    return Row(query, own, frozenset(own), docs[len(own) :])


def ragged() -> list[Row]:
    a, b, c, d, e, f, g, h, i, j = texts(LENGTHS)
    return [row(a, b), row(c, d), row(e, f), row(g, h), row(i, j)]


def shared() -> list[Row]:
    """Queries of one passage, a query that comes twice, one whose words are a passage."""
    a, b, c, d, e, *_ = texts(LENGTHS)
    return [row(a, b), row(c, b), row(c, d), row(d, e)]


def hard() -> list[Row]:
    a, b, c, d, e, f, g, *_ = texts(LENGTHS)
    return [row(a, b, c, d, negatives=2), row(e, f, g, c, negatives=1)]


CASES = {
    "ragged": ragged(),
    "shared": shared(),
    "negatives": hard(),
    "one query": ragged()[:1],
    "one token": [row((7,), (8, 9, 10)), row((11,), (12,))],
}


def learner(
    folder: Path, name: str = "info-nce", head: Head | None = None, **options: object
) -> Learner:
    """An encoder in float64, so that what differs is a mistake and not rounding."""
    torch.manual_seed(1)
    encoder = load_encoder(str(folder), head=head)
    return Learner(encoder, losses.get(name)(**options), Chance()).double()


def gradients(found: Learner, loss: Tensor) -> dict[str, Tensor]:
    found.zero_grad()
    loss.backward()
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for name, p in found.named_parameters()
    }


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("most", [8, 40, 1000])
@pytest.mark.parametrize("line", [True, False])
def test_loss_and_gradients_are_those_of_the_plain_pass(
    folder: Path, case: str, most: int, line: bool
) -> None:
    found = learner(folder)
    found.eval()
    update = update_of(CASES[case])
    fast = found.judge(update, found.encode(update.texts, Cut(most, line=line), 0))
    plain = plain_loss(found, CASES[case])
    torch.testing.assert_close(fast, plain, rtol=0, atol=1e-6)
    one, other = gradients(found, fast), gradients(found, plain_loss(found, CASES[case]))
    for name, gradient in other.items():
        torch.testing.assert_close(one[name], gradient, rtol=0, atol=1e-6, msg=name)
    assert any(float(g.abs().max()) > 1e-4 for g in other.values()) or case == "one query"


@pytest.mark.parametrize("name", ["sigmoid", "csd"])
def test_a_gaussian_head_and_other_losses_agree_too(folder: Path, name: str) -> None:
    score = {} if name == "csd" else {"score": "csd"}
    found = learner(folder, name, Head(dim=8, hidden=16), neg_ratio=None, **score)
    agreement = compare(found, ragged(), Cut(24))
    assert agreement.loss < 1e-6
    assert agreement.gradient < 1e-6


def test_the_proof_finds_a_pass_that_is_not_the_plain_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = learner(folder)
    assert compare(found, ragged(), Cut(1000)).within(1e-6)
    from huohou.recipes.embedding import passes

    real = passes.line_of
    monkeypatch.setattr(passes, "line_of", lambda rows, first: real(rows, first + 1))
    assert not compare(found, ragged(), Cut(1000)).within(1e-4)


def test_each_distinct_text_is_encoded_once(folder: Path) -> None:
    update = update_of(shared())
    assert len(update.texts) == len(set(update.texts)) == 5
    _, b, _, d, e, *_ = texts(LENGTHS)
    assert [update.texts[i] for i in update.docs] == [b, d, e]
    assert update.target.tolist() == [
        [True, False, False],
        [True, False, False],
        [False, True, False],
        [False, False, True],
    ]
    assert update.ignore[3].tolist() == [False, True, False]  # the query's very words


def test_negatives_that_another_query_answers_to_stay_positives() -> None:
    update = update_of(hard())
    _, b, c, d, _, f, g, *_ = texts(LENGTHS)
    assert [update.texts[i] for i in update.docs] == [b, f, g, c, d]
    assert update.target[1].tolist() == [False, True, True, False, False]


def test_recomputing_gives_the_same_gradient_with_dropout(folder: Path) -> None:
    found = learner(folder)
    quicken(found.encoder.transformer, found.chance)
    found.train()
    update, cut = update_of(ragged()), Cut(30)
    torch.manual_seed(5)
    held = gradients(found, found(update, cut)[0])
    torch.manual_seed(5)
    found.zero_grad()
    for part, _ in found.cached(update, cut):
        part.backward()
    for name, p in found.named_parameters():
        if p.grad is not None:
            torch.testing.assert_close(p.grad, held[name], rtol=0, atol=1e-9, msg=name)
    torch.manual_seed(6)
    other = gradients(found, found(update, cut)[0])
    assert any(float((other[name] - held[name]).abs().max()) > 1e-3 for name in held)


def test_dropout_of_the_line_has_the_mean_of_torchs_own(folder: Path) -> None:
    """Views with dropout scatter around the same mean, as widely, by either way of drawing."""
    rows = ragged()[:2]
    update = update_of(rows)
    drawn: dict[bool, Tensor] = {}
    for line in (True, False):
        found = learner(folder).float()
        if line:
            quicken(found.encoder.transformer, found.chance)
        found.train()
        torch.manual_seed(0)
        with torch.no_grad():
            drawn[line] = torch.stack(
                [found.encode(update.texts, Cut(64, line=line), 1000 * k).mu for k in range(300)]
            )
    apart = (drawn[True].mean(0) - drawn[False].mean(0)).abs()
    noise = (drawn[False].var(0) * 2 / 300).sqrt()
    assert float((apart / noise).max()) < 5
    ratio = drawn[True].var(0).mean() / drawn[False].var(0).mean()
    assert float(ratio) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_quick_dropout_drops_as_often_as_it_says_and_keeps_the_mean(p: float) -> None:
    module = QuickDropout(p, Chance(3)).train()
    states = torch.ones(301, 1001, requires_grad=True)
    out = module(states)
    share = float((out == 0).float().mean())
    assert share == pytest.approx(dropped(p) / 65536, abs=5 * math.sqrt(p / states.numel()))
    assert out.unique().tolist() == [0.0, pytest.approx(scale(p))]
    out.sum().backward()
    torch.testing.assert_close(states.grad, out)
    module.chance.restart(3)
    assert torch.equal(module(states), out)
    assert torch.equal(module.eval()(states), states)


def test_blocks_hold_every_token_once_and_never_cost_more_than_one_each() -> None:
    lengths = sorted([3, 3, 3, 40, 41, 55, 200, 300, 8, 9, 8])
    blocks = blocks_of(lengths)
    assert [block.start for block in blocks[1:]] == [block.end for block in blocks[:-1]]
    assert (blocks[0].start, blocks[-1].end) == (0, sum(lengths))
    assert sum(block.texts for block in blocks) == len(lengths)
    for block in blocks:
        assert (block.places is None) == (block.end - block.start == block.texts * block.longest)


def test_chunks_hold_every_text_once_within_their_budget() -> None:
    lengths = [5, 90, 7, 7, 30, 12, 64, 3]
    for padded in (True, False):
        found = chunks(lengths, 100, padded=padded)
        assert sorted(i for chunk in found for i in chunk) == list(range(8))
    for chunk in chunks(lengths, 100, padded=True):
        assert len(chunk) == 1 or len(chunk) * max(lengths[i] for i in chunk) <= 100


def test_rows_of_a_passage_are_dealt_together() -> None:
    rows = shared()
    assert [len(group) for group in groups_of(rows, by_passage=False)] == [1, 1, 1, 1]
    together = groups_of(rows, by_passage=True)
    assert sorted(len(group) for group in together) == [1, 1, 2]
    assert all(len({one.trained[0] for one in group}) == 1 for group in together)


# The word table


def train(encoder: Encoder, steps: int = 4) -> None:
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-2, weight_decay=0.0)
    update = update_of(ragged())
    found = Learner(encoder, losses.get("info-nce")(), Chance()).eval()
    for _ in range(steps):
        optimizer.zero_grad()
        found.judge(update, found.encode(update.texts, Cut(50), 0)).backward()
        nn.utils.clip_grad_norm_(encoder.parameters(), 0.5)
        optimizer.step()


def test_training_used_rows_of_the_table_is_training_all_of_it(folder: Path) -> None:
    every, some = load_encoder(str(folder)), load_encoder(str(folder))
    trim(some, {token for one in ragged() for text in (one.query, *one.trained) for token in text})
    assert isinstance(some.transformer.get_input_embeddings(), UsedRows)
    assert sum(p.numel() for p in some.parameters()) < sum(p.numel() for p in every.parameters())
    train(every)
    train(some)
    with whole(some):
        one, other = every.state_dict(), some.state_dict()
        assert one.keys() == other.keys()
        for name, weight in one.items():
            torch.testing.assert_close(other[name], weight, rtol=0, atol=1e-6, msg=name)
    before = load_encoder(str(folder)).state_dict()
    assert not torch.equal(before[next(iter(before))], one[next(iter(one))])


def test_words_outside_the_training_texts_are_read_from_the_table(folder: Path) -> None:
    encoder = load_encoder(str(folder))
    wanted = encoder.encode(["the quick brown fox", "json"])
    trim(encoder, [2, 3, 7])
    assert (encoder.encode(["the quick brown fox", "json"]) == wanted).all()
