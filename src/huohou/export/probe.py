"""Models that others made, asked as a release is: base and adapter against what is served."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from huohou.data.dataset import Row
from huohou.errors import UsageError
from huohou.export.llama.side import gguf_side
from huohou.export.merged import merged_side
from huohou.export.merging import on_base
from huohou.export.ollama import modelfile_side
from huohou.export.proof import prove
from huohou.export.proving.questions import Asked, odd, questions, shared_system
from huohou.export.proving.sides import Side
from huohou.export.proving.trained import Pair, trained
from huohou.export.targets import Progress
from huohou.models import ChatTokenizer, load_model, load_tokenizer
from huohou.models.files import read_json
from huohou.probe.generate import answer

LONGEST = 4096  # tokens of a row
OWN = 64  # tokens of an answer that stands in for a row's


@dataclass(frozen=True, slots=True)
class Served:
    """What is served: a merged model's folder, a GGUF file, a Modelfile. None: not given."""

    merged: Path | None = None
    gguf: Path | None = None
    modelfile: Path | None = None


def probe(
    base: str, adapter: Path, served: Served, rows: Sequence[Row], progress: Progress
) -> dict[str, Any]:
    """What the doctor's rules read of them (see ``huohou.export.proof.prove``).

    rows: of the training; without any, a few odd questions are asked and the tuned model's own
    answers to them scored. Raises UsageError, ModelError.
    """
    if not (adapter / "adapter_model.safetensors").is_file():
        raise UsageError("probe.adapter_folder", folder=adapter)
    tokenizer = load_tokenizer(base)
    pair = Pair(base, adapter, on_base(load_model(base), adapter), tokenizer)
    asked = questions(rows, (), tokenizer, LONGEST) if rows else _own(pair)
    with tempfile.TemporaryDirectory(prefix="huohou-probe-") as kept:
        known = trained(pair, asked, Path(kept), partial(progress, "asking"))
        return prove(known, sides(served, tokenizer, rows), progress)


def sides(served: Served, tokenizer: ChatTokenizer, rows: Sequence[Row]) -> list[Side]:
    """A side for each thing that is served. tokenizer: of the base; rows: of the training."""
    found = []
    if served.merged is not None:
        found.append(merged_side(served.merged, _stored(served.merged)))
    if served.gguf is not None:
        found.append(gguf_side(served.gguf, _form(served.gguf)))
    if served.modelfile is not None:
        system = shared_system(rows) if rows else None
        found.append(modelfile_side(served.modelfile, tokenizer, "f16", system))
    return found


def _own(pair: Pair) -> list[Asked]:
    """Odd questions with the tuned model's greedy answers, as if they were those of rows."""
    asked = odd((), pair.tokenizer)
    said = answer(pair.model, pair.tokenizer, [a.messages for a in asked], max_new_tokens=OWN)
    closing = pair.tokenizer.closing
    end = () if closing is None else (closing,)
    ids = [pair.tokenizer.hf.encode(one.text, add_special_tokens=False) for one in said]
    return [
        replace(one, answer=(*own, *end), text=heard.text)
        for one, own, heard in zip(asked, ids, said, strict=True)
    ]


def _stored(folder: Path) -> str:
    """The number format that a merged model says it is stored in."""
    config = read_json(folder / "config.json")
    stated = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    return stated if stated in ("float32", "float16", "bfloat16") else "float32"


def _form(path: Path) -> str:
    """The form of a GGUF file's weights by what it says of itself; the coarsest where that is
    another one. Raises UsageError for a file that is none."""
    import gguf

    from huohou.export.ggufs.quantise import FILE_TYPES

    try:
        field = gguf.GGUFReader(path).get_field("general.file_type")
    except (OSError, ValueError, IndexError) as error:
        raise UsageError("export.bad_gguf", path=path) from error
    stated = None if field is None else int(field.contents())
    if stated == int(gguf.LlamaFileType.ALL_F32):
        return "f16"  # llama.cpp keeps the keys and values of any file in f16
    return next((form for form, kind in FILE_TYPES.items() if int(kind) == stated), "q4_k_m")
