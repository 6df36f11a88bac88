"""Who is talked to in the terminal: a run as it is served, a checkpoint of it, or an export."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from huohou.api.askable import Alone, OfLlama, OfTorch, Speaker, Which
from huohou.api.common import find_run, need_extra
from huohou.errors import UsageError
from huohou.text import say

if TYPE_CHECKING:
    from huohou.export.released import Released


@dataclass(frozen=True, slots=True)
class Talk:
    """A chat model that is open.

    which: who of it answers; name: of the run or file; system: the prompt it was trained with;
    served: what computes the answers, in words.
    """

    speaker: Speaker
    which: Which
    name: str
    system: str | None
    served: str


def open_talk(
    ref: str | None,
    *,
    checkpoint: int | None = None,
    export: Path | None = None,
    base: bool = False,
) -> Talk:
    """A run's model, opened: its newest release, by llama.cpp where that is a GGUF file, else base
    model and adapter by PyTorch.

    checkpoint: the adapter after so many updates instead; base: the model it was tuned from
    instead; export: a GGUF file, or a folder with one or with a merged model. Raises UsageError,
    ModelError, MissingExtraError.
    """
    if ref is None and export is None:
        raise UsageError("chat.nobody")
    folder = find_run(ref).folder if ref is not None else None
    system = trained_system(folder) if folder is not None else None
    if export is not None:
        return _exported(export, system)
    assert folder is not None
    if checkpoint is not None or base:
        return _of_run(folder, system, checkpoint, base)
    for release in open_releases(folder):
        return of_release(release, folder.name, system)
    return _of_run(folder, system)


def open_releases(folder: Path) -> "list[Released]":
    """Releases of a run that can be opened here, the quickest first."""
    from huohou.export.released import released

    found = released(folder)
    quick = [one for one in found if one.gguf is not None and find_spec("xllamacpp") is not None]
    whole = [one for one in found if (one.folder / "config.json").is_file()]
    return [*quick, *whole]


def of_release(release: "Released", name: str, system: str | None) -> Talk:
    """A release, opened. system: of the run, where its rows still tell."""
    prompt = system if system is not None else release.system
    if release.gguf is not None:
        return _of_gguf(release.gguf, name, prompt)
    return _of_folder(release.folder, name, prompt)


def trained_system(folder: Path) -> str | None:
    """The system prompt that a run was trained with."""
    from huohou.api.answers import system_prompt
    from huohou.probe.load import read_plan

    return system_prompt(read_plan(folder))


def _exported(path: Path, system: str | None) -> Talk:
    from huohou.export.released import gguf_of, release_of

    if path.is_file():
        told = release_of(path.parent)
        return _of_gguf(path, path.name, system or (told.system if told else None))
    if not path.is_dir():
        raise UsageError("chat.no_export", path=path)
    told = release_of(path)
    prompt = system or (told.system if told else None)
    gguf = gguf_of(path)
    if gguf is not None:
        return _of_gguf(gguf, gguf.name, prompt)
    if (path / "config.json").is_file():
        return _of_folder(path, path.name, prompt)
    raise UsageError("chat.no_export", path=path)


def _of_gguf(path: Path, name: str, system: str | None) -> Talk:
    need_extra("serve", "xllamacpp")
    from huohou.answer.llama import open_llama

    llama = open_llama(path, name, system)
    return Talk(OfLlama(llama), "tuned", name, system, say("chat.by_llama", file=path.name))


def _of_folder(folder: Path, name: str, system: str | None) -> Talk:
    need_extra("train", "torch", "transformers")
    from huohou.models import choose_device, choose_dtype, load_model, load_tokenizer

    place = str(folder.resolve())
    device = choose_device("auto").value
    model = load_model(place, choose_dtype(device).value, device)
    speaker = OfTorch(Alone(model.eval(), load_tokenizer(place)))
    return Talk(speaker, "tuned", name, system, say("chat.by_torch", folder=folder.name))


def _of_run(
    folder: Path, system: str | None, checkpoint: int | None = None, base: bool = False
) -> Talk:
    need_extra("train", "torch", "transformers", "peft")
    from huohou.probe.load import load_run

    models = load_run(folder, checkpoint=checkpoint)
    told = (
        say("chat.by_base", model=models.plan.model)
        if base
        else say("chat.by_adapter", adapter=models.adapter.name)
    )
    return Talk(OfTorch(models), "base" if base else "tuned", folder.name, system, told)
