"""Files that the page may name: what lies below a few folders, and what was uploaded.

The page is used by whoever may open it, the machine's files are its owner's: a path that comes
from the page is taken only when it lies in one of ``roots()``, links followed, hidden files never.
"""

import contextlib
import hashlib
import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from huohou.api.common import workspace
from huohou.errors import ConfigError, DataError, UsageError

UPLOADS = "uploads"  # folder of the workspace
DATABASE = "huohou.db"
FOLDERS = "HUOHOU_FOLDERS"  # variable with more folders, separated as in PATH
SUFFIXES = frozenset(
    (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".xlsx", ".xlsm", ".db", ".sqlite")
)
DOCUMENTS = frozenset((".md", ".markdown", ".txt"))  # that questions are answered from
LISTED = 500  # entries of a folder that are shown
_DATA = ("data.train", "data.eval", "data.test", "data.facts", "data.habits")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 80
_secrets: set[Path] = set()


def roots() -> list[Path]:
    """Folders that the page may read from, the likeliest first: where huohou was started, the
    workspace, those that come with huohou, and those of $HUOHOU_FOLDERS."""
    from huohou.assets import PACKAGE, examples_folder

    named = [Path(one) for one in os.environ.get(FOLDERS, "").split(os.pathsep) if one]
    found = [Path.cwd(), *named, workspace(), PACKAGE / "templates"]
    with contextlib.suppress(UsageError):  # installed without them
        found.append(examples_folder())
    there = dict.fromkeys(path.expanduser().resolve() for path in found)
    return [path for path in there if path != Path(path.anchor)]


def keep_secret(file: Path) -> None:
    """The page reads this file for nobody from now on, wherever it lies: it holds its token."""
    _secrets.add(file.resolve())


def may_read(path: Path) -> bool:
    """Whether what a path leads to is open to the page: asked for each file of a folder."""
    try:
        return _is_open(path.resolve())
    except (OSError, RuntimeError):  # a link to itself
        return False


def allowed(value: str, key: str = "path") -> Path:
    """The path that a page's value stands for, absolute and without links.

    key: the setting it was given for. Raises UsageError for what is not below ``roots()``.
    """
    try:
        real = Path(_CONTROL.sub("", value)).expanduser().resolve()
        real.exists()
    except (OSError, RuntimeError) as error:  # links in a circle, a name too long, ~nobody
        raise UsageError("places.unusable", path=value, key=key, problem=error) from error
    if _CONTROL.search(value) or not _is_open(real):
        raise _outside(value, key)
    return real


def _outside(value: str | Path, key: str) -> UsageError:
    told = ", ".join(str(root) for root in roots())
    return UsageError("places.outside", path=value, key=key, folders=told, variable=FOLDERS)


def _whole(value: str, key: str) -> Path:
    """As ``allowed``, for rows and models: of a folder no file that is read may lead out either.

    They lie in the folder or one below (``qrels``, ``1_Pooling``); what is hidden is not read.
    """
    real = allowed(value, key)
    found = (path for way in ("*", "*/*") for path in real.glob(way)) if real.is_dir() else ()
    for path in found:
        shown = not any(part.startswith(".") for part in path.relative_to(real).parts)
        if shown and not may_read(path):
            raise _outside(path, key)
    return real


def allowed_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the page gives them, their paths checked and made absolute.

    Raises UsageError whose field ``key`` names the setting.
    """
    found = dict(settings)
    for key in _DATA:
        value = found.get(key)
        if isinstance(value, str) and value:
            found[key] = _data(value, key)
    model = found.get("model")
    if isinstance(model, str) and _is_folder(model):
        found["model"] = str(_whole(model, "model"))
    storage = found.get("compute.storage")
    if isinstance(storage, str) and storage:
        found["compute.storage"] = _storage(storage)
    return found


def _storage(address: str) -> str:
    """Where the page may have checkpoints copied to: buckets, and folders that are open to it."""
    from huohou.addresses import FOLDERS as ON_DISK
    from huohou.record.storage import BUCKETS

    protocol, _, path = address.partition("://")
    if protocol in ON_DISK:
        return f"file://{allowed(path, 'compute.storage')}"
    if protocol not in BUCKETS:
        told = ", ".join(f"{one}://" for one in ("file", "s3", "gs", "az"))
        raise UsageError("places.storage", address=address, key="compute.storage", known=told)
    return address


def browse(place: str | None = None, suffixes: Collection[str] = SUFFIXES) -> dict[str, Any]:
    """What can be chosen in a folder: ``folders`` and ``files`` that rows are read from.

    place: None for the folders one can begin in; suffixes: of the files that are shown. A folder's
    ``kind`` says what it is by itself: "model" or "pairs" (else None). Raises UsageError for what
    is not open to the page.
    """
    if place is None:
        begin = [_folder(path) for path in roots() if path.is_dir()]
        told = {"path": None, "parent": None, "folders": begin, "files": [], "left_out": 0}
        return {"schema": 1, **told}
    here = allowed(place)
    if not here.is_dir():
        raise UsageError("places.no_folder", path=place)
    try:
        entries = sorted(here.iterdir(), key=lambda path: path.name.lower())
    except OSError as error:
        raise UsageError("places.unusable", path=place, problem=error.strerror) from error
    open_to = roots()
    shown = [path for path in entries if _is_shown(path, open_to)]
    folders = [path for path in shown if path.is_dir()]
    files = [path for path in shown if path.suffix.lower() in suffixes and path.is_file()]
    return {
        "schema": 1,
        "path": str(here),
        "parent": str(here.parent) if _is_open(here.parent) else None,
        "folders": [_folder(path) for path in folders[:LISTED]],
        "files": [_file(path) for path in files[:LISTED]],
        "left_out": max(len(folders) - LISTED, 0) + max(len(files) - LISTED, 0),
    }


class Upload:
    """A file that comes in pieces and is kept in the workspace's ``uploads``.

    name: as the browser gives it; the file's own name is made of it, and never one that is taken.
    Raises DataError when rows cannot be read from such a file.
    """

    def __init__(self, name: str) -> None:
        self.name = safe_name(name)
        if Path(self.name).suffix not in SUFFIXES | DOCUMENTS:
            raise DataError("places.suffix", name=name, known=" ".join(sorted(SUFFIXES)))
        self._folder = workspace() / UPLOADS
        self._folder.mkdir(parents=True, exist_ok=True)
        self._part = self._folder / f".{os.urandom(8).hex()}.part"
        self._out = self._part.open("xb")
        self._hash = hashlib.sha256()

    def write(self, piece: bytes) -> None:
        """Take the next piece."""
        self._out.write(piece)
        self._hash.update(piece)

    def keep(self) -> dict[str, Any]:
        """The upload is whole: where it lies now. The same file a second time is kept once."""
        self._out.close()
        for path in _names(self._folder / self.name):
            if _claim(self._part, path) or _sha256(path) == self._hash.hexdigest():
                self._part.unlink(missing_ok=True)
                return {"schema": 1, **_file(path.resolve())}
        raise UsageError("places.unusable", path=self.name, problem="-")

    def drop(self) -> None:
        """The upload was broken off."""
        self._out.close()
        self._part.unlink(missing_ok=True)


def safe_name(name: str) -> str:
    """A file's name without folders, hidden beginnings and what a shell would read otherwise.

    >>> safe_name("../../.ssh/My rows (2).JSONL"), safe_name("训练 数据.csv"), safe_name("...")
    ('My-rows-2.jsonl', '训练-数据.csv', 'rows')
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, suffix = last.rpartition(".")
    stem, suffix = (stem, f".{suffix.lower()}") if dot and stem else (last, "")
    kept = (c if unicodedata.category(c)[0] in "LMN" or c in "_." else "-" for c in stem)
    clean = re.sub("-+", "-", "".join(kept)).strip("-.")[:_LONGEST]
    return f"{clean or 'rows'}{suffix if re.fullmatch(r'[.][a-z0-9]+', suffix) else ''}"


def _data(value: str, key: str) -> str:
    """A data path; a table's name after a colon (``facts.db:branches``) stays."""
    from huohou.data.tables import split_source

    if key != "data.facts":
        return str(_whole(value, key))
    path, table = split_source(value)
    real = _whole(str(path), key)
    return f"{real}:{table}" if table else str(real)


def _is_folder(model: str) -> bool:
    """Whether a model's name is meant as a folder, or is one."""
    from huohou.models.bundled import BUNDLED
    from huohou.models.names import looks_like_path

    if model in BUNDLED:
        return False
    if _CONTROL.search(model):
        raise ConfigError("places.unusable", path=model, key="model", problem="-")
    if looks_like_path(model) or ".." in model:
        return True
    try:
        return Path(model).exists()
    except OSError:  # a name too long for a file
        return False


def _is_shown(path: Path, open_to: Sequence[Path]) -> bool:
    try:
        return path.name[0] != "." and path.name != DATABASE and _is_open(path.resolve(), open_to)
    except (OSError, RuntimeError):
        return False


def _is_open(real: Path, open_to: Sequence[Path] = ()) -> bool:
    """Whether a path without links lies in a root, nothing hidden on the way, and is no secret."""
    if _is_secret(real):
        return False
    inside = (real.relative_to(root) for root in open_to or roots() if real.is_relative_to(root))
    return any(not any(part.startswith(".") for part in way.parts) for way in inside)


def _is_secret(real: Path) -> bool:
    """Whether it is a file that is kept secret, or another name of one."""
    return any(real == one or _same_file(real, one) for one in _secrets)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there
        return False


def _folder(path: Path) -> dict[str, Any]:
    return {"name": path.name, "path": str(path), "kind": _kind(path)}


def _kind(path: Path) -> str | None:
    if (path / "config.json").is_file():
        return "model"
    return "pairs" if (path / "corpus.jsonl").is_file() else None


def _file(path: Path) -> dict[str, Any]:
    about = path.stat()
    told = {"name": path.name, "path": str(path)}
    return told | {"bytes": about.st_size, "mtime": about.st_mtime}


def _claim(part: Path, path: Path) -> bool:
    """Give a file its name; False where the name is taken (a rename would write over it)."""
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    except OSError:  # a disk without links
        if path.exists():
            return False
        part.rename(path)
    return True


def _names(path: Path) -> Iterator[Path]:
    yield path
    yield from (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in range(2, 1000))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def upload(name: str, pieces: Iterable[bytes]) -> dict[str, Any]:
    """Keep a file of rows in the workspace's ``uploads``; its name, path, bytes and mtime."""
    taken = Upload(name)
    with contextlib.ExitStack() as half:
        half.callback(taken.drop)
        for piece in pieces:
            taken.write(piece)
        kept = taken.keep()
        half.pop_all()
    return kept
