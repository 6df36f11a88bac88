"""llama.cpp's server in this process is asked past whatever the environment says of proxies."""

from pathlib import Path

import pytest

from huohou.models.served import Served
from tinygguf import write_gguf


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_no_proxy_stands_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    write_gguf(tmp_path / "tiny.gguf")
    monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nobody is there
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    served = Served(tmp_path / "tiny.gguf", context=256, most=16, threads=1)
    try:
        prompt, ids = served.rendered([{"role": "user", "content": "402535510938"}])
    finally:
        served.close()
    assert "402535510938" in prompt and ids
