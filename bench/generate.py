"""Generation by llama.cpp from a GGUF file against transformers, in turn, on the same CPU.

Run as: python bench/generate.py [--quick]

Both have SmolLM2-135M's own weights and write the likeliest tokens after the same prompts, the
same number of them, with the same number of threads. transformers gets its best settings: float32,
which is what this kind of machine is fast at, a static model in evaluation mode, keys and values
kept, no gradients; llama.cpp a file in f16 and one in q8_0, as `huohou export --to gguf` writes
them. A prompt is read before the clock of the generation starts, and has a clock of its own.

One turn is transformers, f16, q8_0; figures are the medians over turns.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from _common import arguments, report
from huohou.data.dataset import Message
from huohou.export.ggufs.write import write_gguf
from huohou.export.merging import weights_of
from huohou.machine import cores
from huohou.models import load_model, load_tokenizer
from huohou.models.tokenizer import ChatTokenizer

MODEL = "smollm2-135m"
FORMS = ("f16", "q8_0")
DTYPES = ("float32", "bfloat16")
SYSTEM = "You answer briefly."
QUESTIONS = (
    "Tell me how bread is baked.",
    "Why does the sea have tides?",
    "Describe a small town by the coast in winter.",
    "What should I look for when I buy a used bicycle?",
)


def prompts(tokenizer: ChatTokenizer) -> list[list[int]]:
    """Token ids of the questions in the model's chat template."""
    return [
        tokenizer.encode_chat(
            [Message("system", SYSTEM), Message("user", question)], add_generation_prompt=True
        )
        for question in QUESTIONS
    ]


def by_transformers(model: Any, ids: list[int], tokens: int) -> float:
    """Seconds of so many tokens after the first: what reading the prompt takes is not counted."""

    def took(count: int) -> float:
        began = time.perf_counter()
        with torch.inference_mode():
            out = model.generate(
                torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                do_sample=False,
                use_cache=True,
                min_new_tokens=count,
                max_new_tokens=count,
                pad_token_id=0,
            )
        assert out.shape[1] == len(ids) + count
        return time.perf_counter() - began

    first = took(1)
    return took(tokens + 1) - first


def by_llama(server: Any, ids: list[int], tokens: int) -> float:
    """Seconds of so many tokens after the first, by llama.cpp's own server."""

    def took(count: int) -> float:
        began = time.perf_counter()
        found = server.handle_completions(
            {
                "prompt": ids,
                "max_tokens": count,
                "temperature": 0.0,
                "samplers": ["temperature"],
                "ignore_eos": True,
                "cache_prompt": False,
            }
        )
        assert found["usage"]["completion_tokens"] == count, found["usage"]
        return time.perf_counter() - began

    first = took(1)
    return took(tokens + 1) - first


def server_of(path: Path, context: int) -> Any:
    """A GGUF file, opened with all cores."""
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.verbosity = context, 1, -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = cores()
    return Server(params)


def main() -> None:
    quick = arguments(__doc__ or "").quick
    logging.set_verbosity_error()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    torch.set_num_threads(cores())
    tokens, turns = (32, 2) if quick else (96, 5)
    tokenizer = load_tokenizer(MODEL)
    models = {dtype: load_model(MODEL, dtype, "cpu").eval() for dtype in DTYPES}
    model = models["float32"]
    asked = prompts(tokenizer)[: 2 if quick else len(QUESTIONS)]
    sides: dict[str, Callable[[list[int]], float]] = {
        dtype: lambda ids, model=model: by_transformers(model, ids, tokens)
        for dtype, model in models.items()
    }
    with tempfile.TemporaryDirectory() as place:
        for form in FORMS:
            path = Path(place) / f"{form}.gguf"
            write_gguf(path, model.config, weights_of(model), tokenizer, form=form, name=MODEL)
            server = server_of(path, 512)
            sides[form] = lambda ids, server=server: by_llama(server, ids, tokens)
        for side in sides.values():  # warm
            side(asked[0])
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(turns):
            for ids in asked:
                for name, side in sides.items():
                    seconds[name].append(side(ids))
    rate = {name: tokens / statistics.median(taken) for name, taken in seconds.items()}
    best = max(rate[dtype] for dtype in DTYPES)
    figures = {f"{form}_ratio": rate[form] / best for form in FORMS}
    names = {dtype: f"transformers_{dtype}" for dtype in DTYPES} | {f: f"gguf_{f}" for f in FORMS}
    figures |= {f"{names[name]}_tokens_per_s": value for name, value in rate.items()}
    figures["threads"] = float(cores())
    rounded = {name: float(f"{value:.4g}") for name, value in figures.items()}
    report("generate", rounded, {f"{form}_ratio": {"min": 2.0} for form in FORMS})


if __name__ == "__main__":
    main()
