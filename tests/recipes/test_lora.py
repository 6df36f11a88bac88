"""A layer and its adapter in one step give what peft gives, and are used where they may be."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from huohou.recipes.lora import fuse, unfuse


class Two(nn.Module):
    """Two layers, with and without a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(24, 40, bias=False), nn.Linear(40, 16)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.second(torch.tanh(self.first(x)))
        return found


def adapted(**options: object) -> nn.Module:
    torch.manual_seed(0)
    config = LoraConfig(r=3, lora_alpha=7, target_modules=["first", "second"], **options)  # type: ignore[arg-type]
    model = get_peft_model(Two(), config)  # type: ignore[arg-type]
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(weight, std=0.3)
    return model


def passed(model: nn.Module, x: Tensor, *, autocast: bool = False) -> list[Tensor]:
    """Output and the gradients of the input and of everything trained."""
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = model(x)
    trained = [p for p in model.parameters() if p.requires_grad]
    return [out.detach(), *torch.autograd.grad(out.float().square().sum(), [x, *trained])]


@pytest.mark.parametrize("shape", [(5, 24), (2, 7, 24), (1, 1, 24)])
def test_equal_to_peft_in_double_precision(shape: tuple[int, ...]) -> None:
    model = adapted().double()
    x = torch.randn(shape, dtype=torch.float64)
    plain = passed(model, x)
    assert fuse(model) == 2
    for fused, expected in zip(passed(model, x), plain, strict=True):
        assert torch.allclose(fused, expected, rtol=1e-12, atol=1e-12)
        assert fused.shape == expected.shape


def test_under_autocast_formats_are_those_of_peft_and_values_close() -> None:
    model = adapted()
    x = torch.randn(9, 24)
    plain = passed(model, x, autocast=True)
    fuse(model)
    for fused, expected in zip(passed(model, x, autocast=True), plain, strict=True):
        assert fused.dtype == expected.dtype
        assert float((fused.float() - expected.float()).abs().max()) <= 2e-2 * float(
            expected.float().abs().max()
        )


@pytest.mark.filterwarnings("ignore:`lora_bias=True`")
@pytest.mark.parametrize(
    "options", [{"lora_dropout": 0.1}, {"use_dora": True}, {"lora_bias": True}]
)
def test_layers_that_compute_something_else_are_left_to_peft(options: dict[str, object]) -> None:
    assert fuse(adapted(**options)) == 0


def test_merged_and_switched_off_adapters_are_left_to_peft() -> None:
    model = adapted()
    model.merge_adapter()  # type: ignore[operator]
    assert fuse(model) == 0
    model.unmerge_adapter()  # type: ignore[operator]
    with model.disable_adapter():  # type: ignore[operator]
        assert fuse(model) == 0
    assert fuse(model) == 2


def test_unfuse_gives_peft_its_layers_back() -> None:
    model = adapted()
    fuse(model)
    unfuse(model)
    assert not any("forward" in layer.__dict__ for layer in model.modules())
