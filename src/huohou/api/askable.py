"""Models that can be asked: of runs, and bundled ones. Nothing heavy is imported early."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from huohou.api.common import need_extra, open_store
from huohou.errors import UsageError

if TYPE_CHECKING:
    from huohou.data.dataset import Message
    from huohou.jobs.lookup import Run
    from huohou.models.encoder import Encoder
    from huohou.probe.answers import Heard, Sampling, Spoken

Which = Literal["tuned", "base"]
Kind = Literal["chat", "embedding"]
LISTED = 200  # runs, the newest, that are looked through
BASE = ":base"  # behind a run's name: the model that it was tuned from


@dataclass(frozen=True, slots=True)
class Askable:
    """A model by its id: a run's folder, or the name of a bundled one.

    job: the run's number, None for a bundled model; base: what a run was tuned from; made: when
    the run ended; facts: the table its plan names.
    """

    id: str
    kind: Kind
    name: str
    base: str
    job: int | None = None
    folder: Path | None = None
    made: float | None = None
    status: str = ""
    recipe: str = ""
    facts: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As it is listed: the folder is nobody's business."""
        shown = ("id", "kind", "name", "base", "job", "made", "status", "recipe", "facts")
        return {name: getattr(self, name) for name in shown}


class Speaker(Protocol):
    """A chat model that is open."""

    def speak(
        self, which: Which, chat: "Sequence[Message]", sampling: "Sampling", heard: "Heard"
    ) -> "Spoken":
        """Its answer. Raises ModelError."""
        ...

    def rendered(self, chat: "Sequence[Message]") -> tuple[str, int]:
        """The prompt as it reads it, and its tokens."""
        ...


def askable() -> list[Askable]:
    """All models that can be asked, the newest run first, bundled ones last."""
    return [*_models(islice(_runs(), LISTED)), *_bundled()]


def find_askable(ref: str) -> tuple[Askable, Which]:
    """The model that ref names: an id, a run's number or name, `last`, each with ":base" behind it
    for what it was tuned from. Never a path. Raises UsageError that names what there is."""
    name = ref.removesuffix(BASE)
    which: Which = "base" if ref.endswith(BASE) else "tuned"
    found = next(_named(name), None)
    if found is None:
        known = ", ".join(one.id for one in askable()) or "-"
        raise UsageError("chat.no_model", name=ref, known=known)
    return found, which


def _named(name: str) -> Iterator[Askable]:
    """Models of that name, the one that is meant first; only these are looked into."""
    from huohou.jobs.lookup import LAST

    runs = list(_runs())
    for names in (lambda j: str(j.id), lambda j: j.folder, lambda j: j.name):
        yield from _models(run for run in runs if names(run.job) == name)
    yield from (one for one in _bundled() if one.id == name)
    if name == LAST:
        yield from _models(runs)


def _runs() -> "Iterator[Run]":
    from huohou.jobs.lookup import Run

    store = open_store()
    return (Run(job, store.workspace / job.folder, store) for job in store.jobs())


def _models(runs: "Iterable[Run]") -> Iterator[Askable]:
    """Models that runs have made so far."""
    for run in runs:
        kind = _kind(run)
        made = _made(run.folder) if kind is not None else None
        if kind is None or made is None:
            continue
        base, facts = made if kind == "chat" else (run.job.base_model, None)
        job, name = run.job, run.folder.name
        about = (run.folder, job.finished_at, job.status, job.recipe, facts)
        yield Askable(name, kind, job.name, base, job.id, *about)


def _made(folder: Path) -> tuple[str, str | None] | None:
    """What a run was tuned from and its table of facts; None for a run without a plan of ours."""
    from huohou.record.workspace import PLAN

    try:
        return _planned(folder / PLAN, (folder / PLAN).stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@lru_cache(1024)
def _planned(path: Path, _changed: int) -> tuple[str, str | None]:
    from huohou.plan import Plan

    plan = Plan.load(path)
    facts = plan.settings.get("data.facts")
    return plan.model, facts.value if facts is not None else None


def _kind(run: "Run") -> Kind | None:
    from huohou.probe.load import find_adapter

    if run.job.recipe in ("embed", "align"):
        return "embedding" if (run.folder / "model" / "config.json").is_file() else None
    if run.job.recipe != "sft":
        return None
    try:
        find_adapter(run.folder)
    except UsageError:
        return None
    return "chat"


def _bundled() -> list[Askable]:
    from huohou.models.bundled import BUNDLED

    kinds: dict[str, Kind] = {
        name: "chat" if model.inside.endswith(".gguf") else "embedding"
        for name, model in BUNDLED.items()
    }
    return [Askable(name, kind, name, name) for name, kind in kinds.items()]


# What opens them: the model, and the bytes it takes.


def open_speaker(
    model: Askable, progress: Callable[[str], None] | None = None
) -> tuple["Speaker", int]:
    """A chat model, a run's by its released GGUF file where it has one. Raises ModelError,
    UsageError, MissingExtraError."""
    if model.folder is not None:
        gguf = released_gguf(model.folder)
        if gguf is not None:
            return OfRelease(gguf, model), 2 * gguf.stat().st_size
        need_extra("train", "torch", "transformers", "peft")
        from huohou.probe.load import load_run

        models = load_run(model.folder)
        return OfTorch(models), size_of(models.model)
    return _open_bundled(model.name, progress)


def released_gguf(folder: Path) -> Path | None:
    """The newest GGUF file that a run was released as, None where it or llama.cpp is not there."""
    from importlib.util import find_spec

    from huohou.export.released import released

    if find_spec("xllamacpp") is None:
        return None
    return next((one.gguf for one in released(folder) if one.gguf is not None), None)


def _open_bundled(name: str, progress: Callable[[str], None] | None) -> tuple["Speaker", int]:
    """By llama.cpp, which opens in a second, else by PyTorch."""
    from importlib.util import find_spec

    from huohou.models.bundled import BUNDLED, bundled_gguf

    if find_spec("xllamacpp") is not None:
        from huohou.answer.llama import open_llama

        path = bundled_gguf(BUNDLED[name], progress)
        return OfLlama(open_llama(path, name)), 2 * path.stat().st_size
    need_extra("train", "torch", "transformers")
    from huohou.models import choose_device, choose_dtype, load_model, load_tokenizer

    device = choose_device("auto").value
    loaded = load_model(name, choose_dtype(device).value, device, progress=progress)
    return OfTorch(Alone(loaded.eval(), load_tokenizer(name))), size_of(loaded)


def open_encoder(model: Askable) -> tuple["Encoder", int]:
    """An encoder. Raises ModelError, MissingExtraError."""
    need_extra("train", "torch", "transformers")
    from huohou.models.device import choose_device
    from huohou.models.encoder import load_encoder

    name = str(model.folder / "model") if model.folder is not None else model.name
    encoder = load_encoder(name, device=choose_device("auto").value)
    return encoder, size_of(encoder)


def size_of(model: Any) -> int:
    """Bytes of a PyTorch model's weights."""
    return sum(part.numel() * part.element_size() for part in model.parameters())


def system_of(model: Askable) -> str | None:
    """The system prompt that a run's model was trained with, where its rows still tell."""
    from huohou.record.workspace import PLAN

    if model.folder is None:
        return None
    return _system(model.folder, (model.folder / PLAN).stat().st_mtime_ns)


@lru_cache(64)
def _system(folder: Path, _changed: int) -> str | None:
    """Reads the run's rows, so it is asked once for each plan."""
    from huohou.api.answers import system_prompt
    from huohou.probe.load import read_plan

    return system_prompt(read_plan(folder))


class OfTorch:
    """Models by PyTorch: a run's two, or one by itself. models: RunModels, or Alone."""

    def __init__(self, models: Any) -> None:
        self.models = models

    def speak(
        self, which: Which, chat: "Sequence[Message]", sampling: "Sampling", heard: "Heard"
    ) -> "Spoken":
        from huohou.probe.speak import speak

        with self.models.using(which) as model:
            return speak(model, self.models.tokenizer, chat, sampling, heard)

    def rendered(self, chat: "Sequence[Message]") -> tuple[str, int]:
        from huohou.probe.speak import rendered

        return rendered(self.models.tokenizer, chat)


@dataclass(frozen=True, slots=True)
class Alone:
    """A model that was not tuned."""

    model: Any
    tokenizer: Any

    def using(self, which: Which) -> AbstractContextManager[Any]:
        """The one there is."""
        return nullcontext(self.model)


class OfLlama:
    """A model by itself, by llama.cpp."""

    def __init__(self, llama: Any) -> None:
        self.llama = llama

    def speak(
        self, which: Which, chat: "Sequence[Message]", sampling: "Sampling", heard: "Heard"
    ) -> "Spoken":
        found: Spoken = self.llama.speak(chat, sampling, heard)
        return found

    def rendered(self, chat: "Sequence[Message]") -> tuple[str, int]:
        found: tuple[str, int] = self.llama.rendered(chat)
        return found


class OfRelease:
    """A run's model by the GGUF file it was released as; its base by PyTorch, once it is asked."""

    def __init__(self, gguf: Path, model: Askable) -> None:
        from huohou.answer.llama import open_llama

        self.llama = open_llama(gguf, model.id, system_of(model))
        self._model = model
        self._torch: OfTorch | None = None

    def speak(
        self, which: Which, chat: "Sequence[Message]", sampling: "Sampling", heard: "Heard"
    ) -> "Spoken":
        if which == "base":
            return self.torch().speak(which, chat, sampling, heard)
        return self.llama.speak(chat, sampling, heard)

    def rendered(self, chat: "Sequence[Message]") -> tuple[str, int]:
        return self.llama.rendered(chat)

    def torch(self) -> OfTorch:
        """Base model and adapter. Raises ModelError, MissingExtraError."""
        if self._torch is None:
            need_extra("train", "torch", "transformers", "peft")
            from huohou.probe.load import load_run

            assert self._model.folder is not None
            self._torch = OfTorch(load_run(self._model.folder))
        return self._torch
