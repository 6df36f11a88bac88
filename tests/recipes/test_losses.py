"""Losses of embeddings: value and gradient against slow arithmetic in float64."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from huohou.errors import UsageError
from huohou.measure.contrast import ordered_floor
from huohou.measure.gaussian import SCORES
from huohou.models.encoder import Views, load_encoder
from huohou.recipes.losses import losses
from huohou.recipes.losses.base import Scale, scores
from huohou.recipes.losses.sheet import page
from huohou.recipes.losses.sigmoid import draw
from tiny_encoder import tiny_encoder_folder

DIM = 5
SLOW = {
    "cosine": lambda a, v, b, w: sum(x * y for x, y in zip(a, b, strict=True)),
    "csd": lambda a, v, b, w: (
        -sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) - sum(v) - sum(w)
    ),
}


def views(count: int, seed: int, logvar: bool = True) -> Views:
    generator = torch.Generator().manual_seed(seed)
    mu = torch.randn(count, DIM, generator=generator, dtype=torch.float64)
    spread = torch.randn(count, DIM, generator=generator, dtype=torch.float64) - 2
    mu = torch.nn.functional.normalize(mu, dim=1)
    return Views(mu.requires_grad_(), spread.requires_grad_() if logvar else None)


def leaves(*of: Views) -> list[Tensor]:
    return [part for view in of for part in view if part is not None]


def slow_scores(name: str, query: Views, docs: Views) -> list[list[Tensor]]:
    """[Q][D] single numbers, with their way back."""
    kind = SLOW[name]
    var_q, var_d = (v.logvar.exp() if v.logvar is not None else v.mu * 0 for v in (query, docs))
    return [
        [kind(query.mu[i], var_q[i], docs.mu[j], var_d[j]) for j in range(len(docs.mu))]
        for i in range(len(query.mu))
    ]


def same(loss: Tensor, expected: Tensor, over: list[Tensor], atol: float = 1e-10) -> None:
    torch.testing.assert_close(loss, expected, atol=atol, rtol=0)
    found = torch.autograd.grad(loss, over, retain_graph=True, allow_unused=True)
    wanted = torch.autograd.grad(expected, over, retain_graph=True, allow_unused=True)
    for one, other in zip(found, wanted, strict=True):
        if one is None or other is None:
            assert (one is None or not one.any()) and (other is None or not other.any())
        else:
            torch.testing.assert_close(one, other, atol=atol, rtol=0)


def softplus(x: Tensor) -> Tensor:
    return (1 + x.exp()).log()


def mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean()


@pytest.mark.parametrize("name", sorted(SCORES))
@pytest.mark.parametrize("width", [1, DIM])
def test_scores_of_tensors_are_those_of_arrays(name: str, width: int) -> None:
    query, docs = views(3, 0), views(4, 1)
    assert query.logvar is not None and docs.logvar is not None
    query = Views(query.mu, query.logvar[:, :width])
    plain = [part.detach().numpy() for part in leaves(query, docs)]
    expected = torch.from_numpy(SCORES[name](*plain))
    torch.testing.assert_close(scores(query, docs, name), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("score", ["cosine", "csd"])
def test_info_nce_of_one_positive_is_its_formula(score: str) -> None:
    query, docs, target = views(4, 0), views(7, 1), torch.tensor([2, 0, 6, 2])
    loss = losses.get("info-nce")(scale=7.0, score=score).double()
    s = slow_scores(score, query, docs)
    scale = loss.scale.log.exp()
    expected = mean(
        [
            torch.stack([scale * x for x in row]).exp().sum().log() - scale * row[p]
            for row, p in zip(s, target.tolist(), strict=True)
        ]
    )
    same(loss(query, docs, target), expected, [*leaves(query, docs), loss.scale.log])
    assert loss.facts()["scale"] == pytest.approx(7.0) and loss.kind == "in-batch"


def test_info_nce_of_several_positives_is_its_formula() -> None:
    query, docs = views(3, 0, logvar=False), views(6, 1, logvar=False)
    target = torch.tensor(
        [[1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]], dtype=torch.bool
    )
    ignore = torch.zeros_like(target)
    ignore[0, 5] = ignore[1, 0] = True
    loss = losses.get("info-nce")(scale=3.0).double()
    scale = loss.scale.log.exp()
    s = [[scale * x for x in row] for row in slow_scores("cosine", query, docs)]
    first = [(1 + sum((s[0][n] - s[0][p]).exp() for n in (2, 3, 4))).log() for p in (0, 1)]
    second = (1 + sum((s[1][n] - s[1][2]).exp() for n in (1, 3, 4, 5))).log()
    expected = mean([mean(first), second])  # the third has no positive and does not count
    same(loss(query, docs, target, ignore=ignore), expected, leaves(query, docs))


def test_the_same_passage_is_no_negative() -> None:
    query, docs = views(2, 0, logvar=False), views(4, 1, logvar=False)
    twice = Views(torch.cat([docs.mu, docs.mu[:1]]), None)  # passage 10 comes again
    loss = losses.get("info-nce")().double()
    target = torch.tensor([0, 1])
    passages = torch.tensor([10, 11, 12, 13, 10])
    found = loss(query, twice, target, passages=passages)
    expected = loss(Views(query.mu[:1], None), docs, target[:1]) / 2
    expected = expected + loss(Views(query.mu[1:], None), twice, target[1:]) / 2
    same(found, expected, leaves(query, docs))


def test_info_nce_without_negatives_is_zero_and_has_no_nan() -> None:
    query, docs = views(1, 0, logvar=False), views(1, 1, logvar=False)
    found = losses.get("info-nce")().double()(query, docs, torch.tensor([0]))
    found.backward()
    assert found.item() == 0 and query.mu.grad is not None and not query.mu.grad.any()


def test_info_nce_is_that_of_sentence_transformers(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    encoder = load_encoder(str(tiny_encoder_folder(tmp_path / "base")))
    encoder.save(tmp_path / "saved")
    theirs = SentenceTransformer(str(tmp_path / "saved"), device="cpu").eval()
    columns = [
        ["open a file", "the fox", "json string", "sort a list in place"],
        ["read its lines one after another", "jumps over the dog", "parse bytes", "list value"],
        ["a lock", "quick", "the absolute value of a number", "process queue"],
    ]
    features = [theirs.preprocess(texts) for texts in columns]
    expected = MultipleNegativesRankingLoss(theirs, scale=20.0)(features, torch.tensor([]))
    expected.backward()
    query = encoder(*encoder.pad(encoder.tokenize(columns[0])))
    docs = encoder(*encoder.pad(encoder.tokenize([*columns[1], *columns[2]])))
    found = losses.get("info-nce")(scale=20.0)(query, docs, torch.arange(4))
    found.backward()
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    wanted = dict(theirs[0].auto_model.named_parameters())
    compared = 0
    for key, weight in encoder.transformer.named_parameters():
        if weight.requires_grad:
            torch.testing.assert_close(weight.grad, wanted[key].grad, atol=1e-6, rtol=1e-5)
            compared += 1
    assert compared > 30


@pytest.mark.parametrize("score", ["cosine", "csd"])
def test_sigmoid_over_all_pairs_is_its_formula(score: str) -> None:
    query, docs, target = views(3, 0), views(5, 1), torch.tensor([4, 0, 1])
    loss = losses.get("sigmoid")(scale=4.0, bias=-3.0, neg_ratio=None, score=score).double()
    scale = loss.scale.log.exp()
    expected = mean(
        [
            softplus((-1 if j == target[i] else 1) * (scale * x + loss.bias))
            for i, row in enumerate(slow_scores(score, query, docs))
            for j, x in enumerate(row)
        ]
    )
    over = [*leaves(query, docs), loss.scale.log, loss.bias]
    same(loss(query, docs, target), expected, over)
    assert loss.facts() == pytest.approx({"scale": 4.0, "bias": -3.0})
    assert all(weight.requires_grad for weight in loss.parameters())


def test_sigmoid_draws_the_negatives_it_is_told_to() -> None:
    negative = torch.ones(200, 9, dtype=torch.bool)
    negative[:, 3] = False
    negative[0, 2:] = False
    chosen = draw(negative, torch.full((200,), 4), torch.Generator().manual_seed(5))
    assert chosen.sum(1).tolist() == [2, *[4] * 199] and not (chosen & ~negative).any()
    often = chosen[1:].double().mean(0)
    assert often[3] == 0 and all(abs(often[j] - 0.5) < 0.13 for j in range(9) if j != 3)
    again = draw(negative, torch.full((200,), 4), torch.Generator().manual_seed(5))
    assert torch.equal(chosen, again)


def test_sigmoid_says_what_documents_say() -> None:
    """All positives alike at scale 1 without bias: softplus(-1), the stuck loss of document 000."""
    one = Views(torch.ones(4, 1, dtype=torch.float64), None)
    loss = losses.get("sigmoid")(scale=1.0, bias=0.0, neg_ratio=0).double()
    assert loss(one, one, torch.arange(4)).item() == pytest.approx(math.log1p(math.exp(-1)))
    bias = losses.get("sigmoid")(scale=1.0, bias=-1 - math.log(5), neg_ratio=5).double()
    six = Views(torch.ones(6, 1, dtype=torch.float64), None)
    assert bias(six, six, torch.arange(6)).item() == pytest.approx(0.4506, abs=1e-4)


@pytest.mark.parametrize("vib", [0.0, 0.01])
def test_soft_contrast_is_its_formula(vib: float) -> None:
    query, docs, target = views(3, 0), views(4, 1), torch.tensor([3, 0, 0])
    loss = losses.get("csd")(vib=vib).double()
    scale = loss.scale.log.exp()
    expected = mean(
        [
            softplus((-1 if j == target[i] else 1) * (scale * x + loss.bias))
            for i, row in enumerate(slow_scores("csd", query, docs))
            for j, x in enumerate(row)
        ]
    )
    texts = [(m, v) for of in (query, docs) for m, v in zip(of.mu, of.logvar, strict=True)]
    kl = [sum(0.5 * (b.exp() + a * a - 1 - b) for a, b in zip(m, v, strict=True)) for m, v in texts]
    over = [*leaves(query, docs), loss.scale.log, loss.bias]
    same(loss(query, docs, target), expected + vib * mean(kl), over)
    with pytest.raises(ValueError, match="variance"):
        loss(views(3, 0, logvar=False), docs, target)


def pairs(mode: str, places: int) -> list[tuple[int, int]]:
    every = [(i, j) for i in range(places) for j in range(i + 1, places)]
    return [pair for pair in every if mode == "all-pairs" or pair[0] == 0]


@pytest.mark.parametrize("mode", ["gt", "all-pairs"])
def test_pairwise_margin_is_its_formula(mode: str) -> None:
    query, docs = views(3, 0, logvar=False), views(8, 1, logvar=False)
    target = torch.tensor([[0, 1, 2, 3], [7, 3, -1, -1], [5, 0, 6, -1]])
    loss = losses.get("pairwise-margin")(margin=0.4, mode=mode).double()
    s = slow_scores("cosine", query, docs)
    expected = []
    for row, places in zip(s, target.tolist(), strict=True):
        own = [row[j] for j in places if j >= 0]
        expected.append(
            mean([(0.4 - (own[i] - own[j])).clamp(min=0) for i, j in pairs(mode, len(own))])
        )
    same(loss(query, docs, target), mean(expected), leaves(query, docs))
    full = target[:1]
    alone = Views(query.mu[:1], None)
    same(loss(alone, docs, full), expected[0], leaves(query, docs))
    torch.testing.assert_close(
        loss.of_scores(torch.tensor([[x.item() for x in s[0][:4]]], dtype=torch.float64)),
        expected[0].detach(),
    )


def test_all_pairs_of_a_perfect_ground_truth_stays_at_the_floor() -> None:
    found = torch.tensor([[1.0, *[0.0] * 5]]).repeat(7, 1)
    loss = losses.get("pairwise-margin")(margin=0.1, mode="all-pairs")
    assert float(loss.of_scores(found)) == pytest.approx(0.0667, abs=5e-5)
    assert float(loss.of_scores(found)) == pytest.approx(ordered_floor(0.1, 6))
    assert float(losses.get("pairwise-margin")(margin=0.1).of_scores(found)) == 0
    flat = torch.zeros(7, 6)
    assert float(loss.of_scores(flat)) == pytest.approx(0.1)


def test_listwise_is_its_formula() -> None:
    query, docs = views(3, 0, logvar=False), views(8, 1, logvar=False)
    target = torch.tensor([[0, 1, 2, 3], [7, 3, -1, -1], [-1, -1, -1, -1]])
    loss = losses.get("listwise")(scale=6.0, learn_scale=True).double()
    scale = loss.scale.log.exp()
    expected = []
    for row, places in zip(slow_scores("cosine", query, docs), target.tolist(), strict=True):
        own = [scale * row[j] for j in places if j >= 0]
        if own:
            expected.append(sum(x.exp() for x in own).log() - own[0])
    same(loss(query, docs, target), mean(expected), [*leaves(query, docs), loss.scale.log])


def test_a_scale_is_held_between_0_and_100() -> None:
    scale = Scale(50.0, learn=True)
    optimizer = torch.optim.SGD(scale.parameters(), lr=1.0)
    (-scale()).backward()
    optimizer.step()
    assert scale.value == pytest.approx(100.0)
    (scale() - scale()).backward()  # called twice in one graph
    assert not Scale(1.0, learn=False).log.requires_grad
    for bad in (0.0, 101.0):
        with pytest.raises(ValueError, match="scale"):
            Scale(bad, learn=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: losses.get("pairwise-margin")(mode="some"),
        lambda: scores(views(1, 0), views(1, 0), "nonsense"),
    ],
)
def test_wrong_options_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="no "):
        make()


def test_losses_are_known_by_name() -> None:
    assert [name for name, _ in losses] == sorted(
        ["info-nce", "sigmoid", "csd", "pairwise-margin", "listwise"]
    )
    with pytest.raises(UsageError):
        losses.get("info-nse")


def test_the_page_in_the_docs_is_that_of_the_losses() -> None:
    path = Path(__file__).parents[2] / "docs" / "losses.md"
    written = path.read_text(encoding="utf-8")
    assert written == page(), "write it: python -m huohou.recipes.losses.sheet docs/losses.md"
    assert all(f"\n{part}: " in written for part in ("Formula", "Shapes", "Reads", "Source"))
