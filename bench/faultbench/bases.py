"""Tokenizers and base models: made from the world's text in some seconds, kept in a cache folder.

The cache is ``$FAULTBENCH_CACHE`` or a folder in the system's temporary one; deleting it costs
only the time to make it again, with the same weights on the same machine.
"""

import os
import random
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.faultbench.archs import shape
from bench.faultbench.words import ASK, CONCEPTS, OPENERS, SLOTS, text, world

LM = {
    "dev": ("llama", "gpt2"),
    "test": ("qwen2", "gpt-neox", "opt"),
    "test2": ("gemma", "olmo2", "phi", "stablelm"),
    "test3": ("qwen3", "granite", "gptj", "starcoder2", "falcon"),
    "test4": ("mpt", "gemma2", "smollm3", "gpt-bigcode", "persimmon", "glm"),
    "test5": ("bloom", "cohere", "codegen", "gpt-neo", "nemotron", "phi3", "exaone4"),
    "test6": ("mistral", "gemma3", "biogpt", "xglm", "helium", "arcee", "glm4"),
    "test7": ("olmo", "openai-gpt", "cohere2", "seed-oss", "hunyuan", "apertus", "ernie4-5"),
    "test8": (
        "olmo3",
        "vaultgemma",
        "jais2",
        "nanochat",
        "ctrl",
        "gpt-neox-japanese",
        "ministral",
    ),
}
EMBEDDING = {
    "dev": ("bert", "distilbert"),
    "test": ("mpnet", "roberta", "modernbert"),
    "test2": ("albert", "electra", "roformer"),
    "test3": ("convbert", "nystromformer", "mobilebert", "nomic-bert"),
    "test4": ("deberta-v2", "xlnet", "esm", "rembert"),
    "test5": ("big-bird", "xlm", "roberta-prelayernorm", "xmod", "eurobert"),
    "test6": ("xlm-roberta", "deberta", "megatron-bert", "funnel", "gte"),
    "test7": ("ernie", "data2vec-text", "camembert", "xlm-roberta-xl", "layoutlm"),
    "test8": ("splinter", "bert-generation", "jina-v3", "flaubert", "luke"),
}
VARIANTS = {0: (64, 320), 1: (64, 560), 2: (80, 900)}  # hidden width, vocabulary
PAD, EOS, BOS = 0, 1, 2
# have no other attention
EAGER = (
    "mpnet",
    "roformer",
    "gptj",
    "convbert",
    "nystromformer",
    "mpt",
    "gemma2",
    "deberta-v2",
    "xlnet",
    "rembert",
    "bloom",
    "codegen",
    "gpt-neo",
    "big-bird",
    "xlm",
    "deberta",
    "funnel",
    "xglm",
    "megatron-bert",
    "openai-gpt",
    "layoutlm",
    "vaultgemma",
    "gpt-neox-japanese",
    "splinter",
    "flaubert",
    "luke",
)
SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>")
PRETRAIN = {"lm": 260, "embedding": 90}  # updates


@cache
def tokenizer(variant: int) -> Any:
    """A token a word, digits one by one: the words of the variant's world and names beside them."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    here = world(variant)
    words = {w: None for line in text(variant) for w in line.split() if not w.isdigit()}
    names = [
        *here.banks,
        *here.cities,
        *(w for slot in here.surface for pair in slot for w in pair),
    ]
    asked = [w for line in ASK for w in line.split() if "{" not in w]
    known = [*words, *names, *asked, *OPENERS, "desk", "find", "the", "of", "likes"]
    extra = (f"name{k}" for k in range(VARIANTS[variant][1]))
    every = dict.fromkeys([*SPECIAL, *"0123456789", *known])
    while len(every) < VARIANTS[variant][1]:
        every[next(extra)] = None
    made = Tokenizer(models.WordLevel({w: k for k, w in enumerate(every)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(individual_digits=True)]
    )
    return made


def config(arch: str, variant: int, dropout: float = 0.0) -> Any:
    """Configuration of two layers of an architecture."""
    import transformers

    width = VARIANTS[variant][0]
    common = {
        "vocab_size": tokenizer(variant).get_vocab_size(),
        "pad_token_id": PAD,
        "eos_token_id": EOS,
        "bos_token_id": BOS,
    }
    name, own = shape(arch, width, dropout, (PAD, EOS, BOS))
    return getattr(transformers, name)(**(common | own))


def family(arch: str) -> str:
    """lm or embedding."""
    return "lm" if any(arch in archs for archs in LM.values()) else "embedding"


def blank(arch: str, variant: int, dropout: float = 0.0) -> Any:
    """A model with random weights; the caller has set the seed."""
    import transformers

    kind = transformers.AutoModelForCausalLM if family(arch) == "lm" else transformers.AutoModel
    return kind.from_config(config(arch, variant, dropout), attn_implementation=attention(arch))


def attention(arch: str) -> str:
    """The implementation of attention that an architecture is computed with."""
    return "eager" if arch in EAGER else "sdpa"


def base(arch: str, variant: int, dropout: float = 0.0) -> Any:
    """The base model of an architecture and a variant: what a run starts from."""
    model = blank(arch, variant, dropout)
    model.load_state_dict(weights(arch, variant))
    return model


@cache
def weights(arch: str, variant: int) -> dict[str, Tensor]:
    """Weights of a base model; made once, then read from the cache."""
    from safetensors.torch import load_file, save_file

    place = cache_folder() / f"{arch}-{variant}-{PRETRAIN[family(arch)]}.safetensors"
    if not place.exists():
        with torch.random.fork_rng():  # a run that needs it goes on as if it had been there
            torch.manual_seed(1000 + variant)
            model = blank(arch, variant)
            (_read_text if family(arch) == "lm" else _tell_apart)(model, variant)
        state = {k: v.detach().clone().contiguous() for k, v in model.state_dict().items()}
        save_file(state, place)
    return load_file(place)


def cache_folder() -> Path:
    """Where base models are kept."""
    named = os.environ.get("FAULTBENCH_CACHE")
    folder = Path(named) if named else Path(tempfile.gettempdir()) / "faultbench-cache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _read_text(model: Any, variant: int) -> None:
    """Pretraining of a language model: next token of the world's text."""
    lines = [[*tokenizer(variant).encode(line).ids, EOS] for line in text(variant)]
    ids = padded(lines, 0)
    chance = random.Random(f"pretrain:{variant}")
    labels = ids.where(ids != PAD, -100)

    def batch() -> Tensor:
        chosen = torch.tensor(chance.sample(range(len(lines)), 24))
        width = int((ids[chosen] != PAD).sum(1).max())
        few = ids[chosen, :width]
        logits = model(input_ids=few, attention_mask=(few != PAD).long()).logits
        return nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), labels[chosen, 1:width].flatten()
        )

    _fit(model, batch, PRETRAIN["lm"])


def _tell_apart(model: Any, variant: int) -> None:
    """Pretraining of an encoder: a document is near to itself with its words shuffled."""
    here, made = world(variant), tokenizer(variant)
    chance = random.Random(f"pretrain:{variant}")

    def batch() -> Tensor:
        picks = [tuple(chance.randrange(CONCEPTS) for _ in range(SLOTS)) for _ in range(24)]
        left = [made.encode(here.document(p)).ids for p in picks]
        right = []
        for p in picks:
            words = here.document(p).split()
            chance.shuffle(words)
            right.append(made.encode(" ".join(words)).ids)
        a, b = (embed(model, padded(side, PAD)) for side in (left, right))
        return nn.functional.cross_entropy(20 * a @ b.T, torch.arange(len(picks)))

    _fit(model, batch, PRETRAIN["embedding"])


def _fit(model: Any, batch: Any, updates: int) -> None:
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, updates)
    for _ in range(updates):
        batch().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()


def padded(rows: list[list[int]], fill: int) -> Tensor:
    """Rows of ids to [N, L], filled up on the right."""
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])


def embed(model: Any, ids: Tensor) -> Tensor:
    """Mean of the last states over the tokens, of length 1: [N, width]."""
    mask = (ids != PAD).long()
    states = model(input_ids=ids, attention_mask=mask).last_hidden_state
    weight = mask[..., None].to(states.dtype)
    return nn.functional.normalize((states * weight).sum(1) / weight.sum(1).clamp(min=1), dim=-1)
