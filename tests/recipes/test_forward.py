"""The fast pass is the plain pass: same loss, same gradients, on ragged and odd cases."""

from itertools import cycle

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import Qwen2Config, Qwen2ForCausalLM

from huohou.data.labels import LabelledRow
from huohou.recipes.batches import Budget, group
from huohou.recipes.forward import Agreement, apart, collate, compare, logits, loss_sum, rounding
from tiny import tiny_llama


def llama() -> nn.Module:
    return tiny_llama(spread=0.1)


def qwen() -> nn.Module:
    config = Qwen2Config(
        vocab_size=300,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=1,
        initializer_range=0.1,
    )
    torch.manual_seed(3)
    return Qwen2ForCausalLM(config)


def adapted(model: nn.Module) -> nn.Module:
    """With LoRA whose both factors are non-zero, so that every gradient is."""
    torch.manual_seed(1)
    tuned = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(weight, std=0.1)
    return tuned


def made(lengths: list[tuple[int, int, int]], beginnings: int = 1) -> list[LabelledRow]:
    """Rows of (shared, own, trained) lengths; the beginnings are dealt out in turn."""
    torch.manual_seed(0)
    starts = cycle([torch.randint(3, 290, (400,)).tolist() for _ in range(beginnings)])
    found = []
    for shared, own, trained in lengths:
        ids = (*next(starts)[:shared], *torch.randint(3, 290, (own,)).tolist())
        found.append(
            LabelledRow(tuple(ids), tuple(k >= len(ids) - trained for k in range(len(ids))))
        )
    return found


def plain(model: nn.Module, rows: list[LabelledRow]) -> tuple[float, list[Tensor]]:
    """An update's loss and gradients, a row at a time with transformers' own loss."""
    model.zero_grad()
    total, tokens = 0.0, sum(row.trained for row in rows)
    for row in rows:
        if not any(row.labels):
            continue
        ids = torch.tensor([row.ids])
        labels = torch.where(torch.tensor([row.labels]), ids, -100)
        count = int((labels[:, 1:] != -100).sum())
        loss = model(input_ids=ids, labels=labels).loss * count / tokens
        loss.backward()
        total += float(loss.detach())
    return total, [p.grad.clone() for p in model.parameters() if p.grad is not None]


def fast(
    model: nn.Module, rows: list[LabelledRow], budget: Budget
) -> tuple[float, list[Tensor], int]:
    model.zero_grad()
    total, shared, tokens = 0.0, 0, sum(row.trained for row in rows)
    for micro in group(rows, budget):
        batch = collate(rows, micro)
        loss = loss_sum(logits(model, batch), batch.target) / tokens
        loss.backward()
        total += float(loss.detach())
        shared += micro.prefix
    return total, [p.grad.clone() for p in model.parameters() if p.grad is not None], shared


CASES = {
    "one beginning, ragged": ([(90, 20 + 3 * i, 5 + i % 4) for i in range(16)], 1, True),
    "several beginnings": ([(60, 9 + i, 4) for i in range(12)], 3, True),
    "nothing in common": ([(0, 12 + 5 * (i % 3), 6) for i in range(9)], 1, False),
    "one row": ([(30, 8, 3)], 1, False),
    "an answer of one token": ([(40, 3, 1) for _ in range(6)], 1, True),
    "the answer is nearly all": ([(40, 12, 11) for _ in range(6)], 1, True),
    "a row without trained tokens": ([(40, 8, 4), (40, 8, 0), (40, 9, 4), (40, 7, 2)], 1, True),
    "the same row twice": ([(50, 6, 3)] * 4, 1, True),
}


@pytest.mark.parametrize("build", [llama, qwen])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("max_tokens", [8192, 150])
def test_loss_and_gradients_equal_the_plain_pass(
    build: type, case: tuple[list[tuple[int, int, int]], int, bool], max_tokens: int
) -> None:
    lengths, beginnings, shares = case
    model = adapted(build())
    rows = made(lengths, beginnings)
    loss, gradients = plain(model, rows)
    found, quick, shared = fast(model, rows, Budget(max_tokens))
    assert found == pytest.approx(loss, rel=1e-5)
    assert len(quick) == len(gradients)
    assert max(float(g.abs().max()) for g in gradients) > 1e-2, "there is something to compare"
    for a, b in zip(quick, gradients, strict=True):
        assert float((a - b).abs().max()) <= 1e-6
    if max_tokens == 8192:
        assert bool(shared) == shares, "the case is meant to share, or not to"


def test_compare_sees_a_model_that_scales_its_logits_after_the_head() -> None:
    class Scaled(type(tiny_llama())):  # type: ignore[misc]
        def forward(self, *args: object, **kwargs: object) -> object:
            out = super().forward(*args, **kwargs)
            out.logits = out.logits * 0.5
            return out

    model = tiny_llama(spread=0.2)
    rows = made([(20, 6, 3)] * 4)
    batch = collate(rows, group(rows, Budget(8192))[0])
    assert compare(model, batch).within(1e-4)
    model.__class__ = Scaled
    assert not compare(model, batch).within(1e-4)


def test_compare_leaves_no_gradient_and_the_mode_as_it_was() -> None:
    model = adapted(llama()).train()
    rows = made([(20, 6, 3)] * 4)
    compare(model, collate(rows, group(rows, Budget(8192))[0]))
    assert model.training
    assert all(p.grad is None for p in model.parameters())


def test_rounding_is_what_the_plain_pass_differs_from_itself() -> None:
    model = adapted(llama())
    rows = made([(20, 6 + i, 3) for i in range(4)])
    batch = collate(rows, group(rows, Budget(8192))[0])
    alone = [collate(rows, one) for one in group(rows, Budget(1, share=False))]
    assert len(alone) == 4
    usual = rounding(model, batch, alone)
    assert usual.within(1e-5) and usual.gradient > 0, "little, and not nothing"
    other = made([(20, 6 + i, 3) for i in range(4)], beginnings=2)
    wrong = [collate(other, one) for one in group(other, Budget(1, share=False))]
    assert not rounding(model, batch, wrong).within(1e-2), "other rows are another gradient"


def test_within_allows_twice_what_rounding_does_and_no_nan() -> None:
    usual = Agreement(1e-3, 4e-2)
    assert Agreement(1e-3, 7e-2).within(3e-2, usual)
    assert not Agreement(1e-3, 9e-2).within(3e-2, usual)
    assert not Agreement(float("nan"), 0.0).within(3e-2, usual)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_gradient_that_is_no_number_is_never_taken_for_equal(place: int) -> None:
    """Wherever it stands among the others, and where the loss is fine."""
    good = [torch.ones(2), torch.zeros(0), torch.full((3,), 2.0)]  # of one this worker has no part
    assert apart((1.0, good), (1.0, good)) == Agreement(0.0, 0.0)
    wrong = [torch.tensor([1.0, torch.nan]) if i == place else one for i, one in enumerate(good)]
    good[place] = torch.ones(2)
    assert not apart((1.0, wrong), (1.0, good)).within(1e-4)
    assert not apart((1.0, good), (1.0, wrong)).within(1e-4)
