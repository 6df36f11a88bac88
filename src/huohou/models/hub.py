"""Models from a hub: Hugging Face or its mirror (HF_ENDPOINT), and ModelScope.

What is in the hub's own cache is used without asking the network: a run that is resumed finds the
weights it began with. What is fetched is data only; Python files and pickles are left on the hub.
"""

import os
from collections.abc import Callable
from pathlib import Path

from huohou.errors import ModelError
from huohou.models.files import complete
from huohou.models.library import quiet_hub, root_of
from huohou.models.progress import Meter, Progress, watch_folder

TAKEN = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
LEFT = ["*/*.safetensors.index.json", "onnx/*", "openvino/*", "original/*", "consolidated*"]
PATIENCE_SECONDS = 8.0  # for the first answer; then the libraries' own limits hold


def hub_folder(name: str, progress: Progress | None = None) -> Path:
    """Folder of a model of the Hugging Face hub, from its cache or fetched.

    Raises ModelError: not there, gated, or the hub cannot be reached.
    """
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    endpoint = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT

    def fetch(local: bool) -> Path:
        return Path(
            snapshot_download(
                name,
                endpoint=endpoint,
                allow_patterns=TAKEN,
                ignore_patterns=LEFT,
                local_files_only=local,
            )
        )

    cached = _cached(fetch, LocalEntryNotFoundError)
    if cached:
        return cached
    if constants.is_offline_mode():
        raise ModelError("models.hub_offline", name=name, variable="HF_HUB_OFFLINE=0")
    quiet_hub()
    total = _size_on_hub(name, endpoint)
    store = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    try:
        with watch_folder(store, Meter(name, total, progress)):
            return fetch(local=False)
    except (_http_error(), OSError) as error:
        raise _unreachable(name, endpoint, error) from error


def _size_on_hub(name: str, endpoint: str) -> int:
    """Bytes to fetch; a hub that does not answer is found out here, quickly."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
    from huggingface_hub.utils._paths import filter_repo_objects

    try:
        info = HfApi(endpoint=endpoint).model_info(
            name, files_metadata=True, timeout=PATIENCE_SECONDS
        )
    except GatedRepoError as error:
        raise ModelError("models.hub_gated", name=name, endpoint=endpoint) from error
    except RepositoryNotFoundError as error:
        raise ModelError("models.hub_unknown", name=name, endpoint=endpoint) from error
    except (_http_error(), OSError) as error:
        raise _unreachable(name, endpoint, error) from error
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    if any(file.endswith((".bin", ".safetensors")) for file in sizes) and not any(
        file.endswith(".safetensors") for file in sizes
    ):
        raise ModelError("models.only_pickle", name=name)
    taken = filter_repo_objects(sizes, allow_patterns=TAKEN, ignore_patterns=LEFT)
    return sum(sizes[file] for file in taken)


def modelscope_folder(name: str, progress: Progress | None = None) -> Path:
    """Folder of a ModelScope model (``owner/name``), from its cache or fetched.

    Raises ModelError when it is not there or ModelScope (MODELSCOPE_ENDPOINT) cannot be reached.
    """
    from modelscope import snapshot_download
    from modelscope_hub.config import get_default_config
    from modelscope_hub.errors import HubError, NotExistError

    config = get_default_config()

    def fetch(local: bool) -> Path:
        found = snapshot_download(
            name, allow_patterns=TAKEN, ignore_patterns=LEFT, local_files_only=local
        )
        return Path(found)

    cached = _cached(fetch, HubError)
    if cached:
        return cached
    endpoint = str(config.endpoint)
    _reach(name, endpoint)
    store = Path(config.cache_dir) / "models" / name.replace("/", "--")
    try:
        with watch_folder(store, Meter(name, 0, progress)):
            return fetch(local=False)
    except (HubError, OSError) as error:
        if isinstance(error.__cause__, NotExistError):
            raise ModelError("models.hub_unknown", name=name, endpoint=endpoint) from error
        raise _unreachable(name, endpoint, error) from error


def _reach(name: str, endpoint: str) -> None:
    """ModelScope's library would try for minutes; one short question tells as much."""
    import requests

    try:
        requests.head(endpoint, timeout=PATIENCE_SECONDS)
    except requests.RequestException as error:
        raise _unreachable(name, endpoint, error) from error


def _cached(fetch: Callable[[bool], Path], absent: type[Exception]) -> Path | None:
    try:
        folder = fetch(True)
    except absent:
        return None
    return folder if complete(folder) else None


def _unreachable(name: str, endpoint: str, error: Exception) -> ModelError:
    return ModelError(
        "models.hub_unreachable", name=name, endpoint=endpoint, problem=root_of(error)
    )


def _http_error() -> type[Exception]:
    """What the hub's HTTP library raises; which library that is depends on the hub's version."""
    from huggingface_hub import errors

    found: type[Exception] = vars(errors)["HTTPError"]
    return found
