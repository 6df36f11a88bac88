"""A model whose weights are split among the workers of a team (FSDP2 of torch).

Every worker holds a part of each weight. A block's weights are gathered from all just before it
computes, and let go of behind it (Zhao et al., arXiv 2304.11277). So the workers have to go through
a model in step: as many passes on each, which ``in_step`` sees to.
"""

import ctypes
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import MethodType
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

from huohou.plan import Plan
from huohou.plan.workers import FSDP
from huohou.recipes.team import Team, here

T = TypeVar("T")

M_MMAP_THRESHOLD = -3  # malloc.h: pieces of so many bytes are the system's own
LARGE = 1 << 17  # glibc's own value, which it raises by itself until it is told once


def wanted(plan: Plan) -> bool:
    """Whether this process is one of several that split a plan's model."""
    told = plan.facts.get("workers", {})
    return here().size > 1 and told.get("sharding") == FSDP


def is_split(model: Any) -> bool:
    """Whether the workers hold a model together."""
    return isinstance(model, FSDPModule)


def built(empty: Callable[[], nn.Module], real: Callable[[], nn.Module], device: str) -> nn.Module:
    """A model split among the workers, its trained weights whole on each.

    empty: makes it without memory for its weights, on every worker; real: with them, on the first
    one alone, which sends them to the others one by one.
    """
    team = here()
    source = _weights(real()) if team.leads else {}
    model = empty()
    _untie(model, team.told(list(source)))
    split(model, device, whole=(p for p in model.parameters() if p.requires_grad))
    _fill(model, source, torch.device(device))
    state = torch.get_rng_state()  # only the first worker drew the weights of an adapter
    torch.set_rng_state(team.told(state))
    return model


def split(model: nn.Module, device: str, whole: Iterable[nn.Parameter] = ()) -> None:
    """Let every worker hold its part of each weight; whole: those that each holds all of.

    A gradient of what is split is the sum over the workers, as ``Team.add_gradients`` makes it of
    what is not.
    """
    if torch.device(device).type == "cpu":
        _free_at_once()
    mesh = init_device_mesh(torch.device(device).type, (here().size,))
    kept = set(whole)
    for block in blocks(model):
        fully_shard(block, mesh=mesh, ignored_params=kept)
    model.run_through = MethodType(_run, model)  # type: ignore[assignment]
    fully_shard(model, mesh=mesh, ignored_params=kept)
    register_fsdp_forward_method(model, "run_through")
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # gloo knows sums alone


def _free_at_once() -> None:
    """Let what is freed go back to the system. glibc keeps ever larger pieces for later, and a
    layer's gathered weights would stay in memory: more than splitting the model saves."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


def blocks(model: nn.Module) -> list[nn.Module]:
    """The layers of a transformer, which are gathered one at a time."""
    config: Any = model.config
    depth = config.get_text_config().num_hidden_layers
    lists = (m for m in model.modules() if isinstance(m, nn.ModuleList) and len(m) == depth)
    return [block for one in lists for block in one if any(True for _ in block.parameters())]


def through(model: Any, function: Callable[..., T], *arguments: Any) -> T:
    """What a function of a model and more gives; it counts as a pass of the model, so that the
    weights are there where they are split."""
    if is_split(model):
        found: T = model.run_through(function, *arguments)
        return found
    return function(model, *arguments)


def in_step(team: Team, own: Sequence[T], spare: Callable[[], T]) -> Iterator[tuple[T, bool]]:
    """A worker's pieces of work with True, and as many spare ones with False as it takes to do
    what the busiest worker does. What comes of a spare one must count for nothing."""
    most = max(team.all(len(own)))  # asked first: the others do it before their first pass
    for one in own:
        yield one, True
    for _ in range(most - len(own)):
        yield spare(), False


def let_go(model: nn.Module) -> None:
    """Give back what a pass without a gradient leaves gathered: a model's parameters are the parts
    again. All workers do it before they, or some of them, look at these: those with more gathered
    than the others would leave them waiting."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def gradients(model: nn.Module, loss: Tensor) -> list[Tensor]:
    """This worker's part of the gradients of what is trained, of one loss that all have."""
    loss.backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    here().add_gradients(trained)
    found = [torch.zeros(()) if p.grad is None else _own(p.grad) for p in trained]
    model.zero_grad(set_to_none=True)
    return found


def put_together(named: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Whole copies in this machine's memory of tensors by name, one gathered after the other; they
    are kept by the first worker alone."""
    found = {}
    for name, value in named:
        whole = value.detach()
        whole = whole.full_tensor() if isinstance(whole, DTensor) else whole
        if here().leads:
            found[name] = whole.cpu().clone()
    return found


@torch.no_grad()
def put(into: Tensor, value: Tensor) -> None:
    """Copy a whole tensor into one that may be split."""
    value = value.to(into.device, into.dtype)
    into.copy_(part(value, into) if isinstance(into, DTensor) else value)


class WholeState:
    """An optimizer of weights that are split: what it saves and loads is that of one process."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self._gathered: dict[int, dict[str, Any]] | None = None
        optimizer.register_state_dict_post_hook(self._saved)
        optimizer.register_load_state_dict_pre_hook(self._loaded)

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """All workers begin this; inside the first one may save."""
        state = self.optimizer.state_dict()["state"]
        self._gathered = {i: put_together(values.items()) for i, values in state.items()}
        try:
            yield
        finally:
            self._gathered = None

    def _saved(self, _: Any, state: dict[str, Any]) -> dict[str, Any]:
        return state if self._gathered is None else state | {"state": self._gathered}

    def _loaded(self, _: Any, state: dict[str, Any]) -> dict[str, Any]:
        weights = [p for group in self.optimizer.param_groups for p in group["params"]]
        places = [i for group in state["param_groups"] for i in group["params"]]
        like = dict(zip(places, weights, strict=True))
        return state | {
            "state": {
                i: {name: _like(value, like[i]) for name, value in values.items()}
                for i, values in state["state"].items()
            }
        }


def _like(value: Tensor, weight: Tensor) -> Tensor:
    """A whole moment of a weight, split as the weight is; a count of updates as it is."""
    if not isinstance(weight, DTensor) or value.shape != weight.shape:
        return value
    return part(value.to(weight.device), weight)


def _own(value: Tensor) -> Tensor:
    return value.to_local().clone() if isinstance(value, DTensor) else value.clone()


def _run(model: nn.Module, function: Callable[..., T], *arguments: Any) -> T:
    return function(model, *arguments)


def _weights(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, without the model."""
    return {name: value.detach() for name, value in _named(model)}


def _named(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _untie(model: nn.Module, names: Iterable[str]) -> None:
    """Give places of an empty model weights of their own where the real one has them: files may
    hold two that its settings call one, and then there are two."""
    for name in {*names} - {name for name, _ in _named(model)}:
        place, _, own = name.rpartition(".")
        module = model.get_submodule(place)
        shared = module.get_parameter(own)
        fresh = nn.Parameter(torch.empty_like(shared), requires_grad=shared.requires_grad)
        module.register_parameter(own, fresh)


def _fill(model: nn.Module, source: dict[str, Tensor], device: torch.device) -> None:
    """The first worker's weights into a model that is split and has none, one after the other."""
    places = _places(model)
    leads = here().leads
    for name, value in list(_named(model)):
        if leads:
            sent = source.pop(name).to(device, value.dtype).contiguous()
        else:
            sent = torch.empty(value.shape, dtype=value.dtype, device=device)
        distributed.broadcast(sent, src=0)
        found = part(sent, value) if isinstance(value, DTensor) else sent
        trained = value.requires_grad
        for module, own in places[id(value)]:
            if isinstance(value, nn.Parameter):
                module.register_parameter(own, nn.Parameter(found, requires_grad=trained))
            else:
                module._buffers[own] = found


def part(whole: Tensor, like: DTensor) -> DTensor:
    """This worker's part of a tensor that is split as another is, in memory of its own."""
    placed = distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None)
    return DTensor.from_local(
        placed.to_local().clone(),
        like.device_mesh,
        like.placements,
        run_check=False,
        shape=whole.shape,
        stride=whole.stride(),
    )


def _places(model: nn.Module) -> dict[int, list[tuple[nn.Module, str]]]:
    """Where each tensor stands: tied weights stand in several places."""
    found: dict[int, list[tuple[nn.Module, str]]] = defaultdict(list)
    for module in model.modules():
        for own in (module._parameters, module._buffers):
            for name, value in own.items():
                if value is not None:
                    found[id(value)].append((module, name))
    return found
