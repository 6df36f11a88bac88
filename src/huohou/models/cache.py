"""Where huohou keeps models that it prepared: ``$HUOHOU_CACHE``, else the user's cache folder."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huohou.errors import ModelError, first_line
from huohou.models.progress import Progress, to_stderr
from huohou.text import say


def cache_folder() -> Path:
    """``$HUOHOU_CACHE``, else ``huohou`` below ``$XDG_CACHE_HOME`` or the platform's equivalent."""
    named = os.environ.get("HUOHOU_CACHE")
    if named:
        return Path(named).expanduser()
    home = os.environ.get("XDG_CACHE_HOME") or (
        os.environ.get("LOCALAPPDATA") if os.name == "nt" else None
    )
    return (Path(home) if home else Path.home() / ".cache") / "huohou"


def models_folder() -> Path:
    """Where prepared models lie; made when it is not there. Raises ModelError when it cannot be."""
    folder = cache_folder() / "models"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError("models.cache_unusable", folder=folder, problem=error.strerror) from error
    return folder


@contextmanager
def prepared(target: Path, need_bytes: int, progress: Progress | None) -> Iterator[Path | None]:
    """Make a folder whole or not at all, by one process at a time.

    Gives a staging folder to fill, which becomes ``target`` by a rename when the body ends well; or
    None when another process has made it while we waited for the lock.
    """
    from filelock import FileLock, Timeout
    from safetensors import SafetensorError

    lock = FileLock(target.with_name(f"{target.name}.lock"))
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        (progress or to_stderr)(say("models.waiting", name=target.name))
        lock.acquire()
    try:
        if target.is_dir():
            yield None
            return
        for left in target.parent.glob(f".{target.name}-*"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        _room(target.parent, need_bytes)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            yield staging
            staging.chmod(0o755)  # mkdtemp's 0700 would shut out others who share the cache
            staging.rename(target)
        except (OSError, SafetensorError) as error:  # safetensors has its own for a full disk
            problem = first_line(error)
            raise ModelError("models.cache_unusable", folder=target, problem=problem) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    finally:
        lock.release()


def _room(folder: Path, need: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < need:
        raise ModelError(
            "models.disk_full", folder=folder, free=f"{free / 1e9:.1f}", need=f"{need / 1e9:.1f}"
        )
