"""How fast training really is here: a few steps of a small model, timed.

A matrix product alone flatters number formats: what surrounds it (norms, attention, casts between
formats) counts too. So a whole step is timed: two layers of a small language model with an
adapter, forward and backward, in the way they are trained.
"""

import time
from functools import cache
from typing import Any

from huohou.models.adapter import with_lora

ROWS, LENGTH, RANK = 8, 48, 16
SHAPE = {  # SmolLM2-135M's layers, two of them, with next to no vocabulary
    "vocab_size": 64,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 2,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
}
REPEATS, AT_MOST = 4, 3.0  # steps, and seconds after which no further one is begun


@cache
def measure_step(device: str, dtype: str, threads: int | None = None) -> float:
    """Useful floating-point operations a second of a training step, measured once a process.

    Counted as in ``recipes/cost.py``: 4 for each frozen weight and position, 6 for each adapter
    weight. threads: on a CPU, the number of them; all when None.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        return _measure(device, dtype)
    finally:
        torch.set_num_threads(before)


def _measure(device: str, dtype: str) -> float:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng(devices=[]):
        base = LlamaForCausalLM(LlamaConfig(**SHAPE)).to(device, getattr(torch, dtype))  # type: ignore[arg-type]
        model = with_lora(base, RANK)
        ids = torch.randint(0, SHAPE["vocab_size"], (ROWS, LENGTH)).to(device)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    frozen = sum(p.numel() for p in model.parameters()) - trained
    seconds = _quickest(model, ids, device, dtype)
    return float((4 * frozen + 6 * trained) * ids.numel() / seconds)


def _quickest(model: Any, ids: Any, device: str, dtype: str) -> float:
    """Seconds of the quickest step: others' work on the machine only ever adds to it."""
    import torch

    kind = device.split(":", maxsplit=1)[0]
    accelerator: Any = torch.get_device_module(kind)
    times: list[float] = []
    end = time.perf_counter() + AT_MOST
    while len(times) < 2 or (len(times) < REPEATS + 1 and time.perf_counter() < end):
        began = time.perf_counter()
        with torch.autocast(kind, torch.bfloat16, enabled=dtype == "bfloat16"):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        accelerator.synchronize()
        times.append(time.perf_counter() - began)
    return min(times[1:])  # the first warms up
