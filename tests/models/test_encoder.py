"""Encoders: the vectors of sentence-transformers, from its files and for its files."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from huohou.errors import ModelError
from huohou.models.bundled import bundled_ready
from huohou.models.encoder import Encoder, Head, Spans, chunks, load_encoder
from tiny_encoder import tiny_encoder_folder

TEXTS = (
    "open a file",
    "the quick brown fox jumps over the lazy dog, and reads its lines one after another",
    "",
    "json dumps",
    "a list " * 60,  # over the 64 tokens that are read
)


class Part(NamedTuple):
    start: int
    end: int


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder_folder(tmp_path_factory.mktemp("encoder") / "base")


def theirs(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def their_vectors(folder: Path, texts: Any = TEXTS, **options: Any) -> Any:
    return theirs(folder).encode(list(texts), show_progress_bar=False, **options)


def their_folder(base: Path, target: Path, modes: Any, *, dense: bool, length: int = 20) -> Path:
    """A model that sentence-transformers itself has put together and saved."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    first = Transformer(str(base), max_seq_length=length)
    pooling = Pooling(first.get_embedding_dimension(), pooling_mode=modes)
    parts: list[Any] = [first, pooling]
    if dense:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            parts.append(Dense(pooling.get_embedding_dimension(), 12))
    model = SentenceTransformer(
        modules=[*parts, Normalize()], device="cpu", prompts={"query": "read ", "document": ""}
    )
    model.save_pretrained(str(target), create_model_card=False)
    return target


@pytest.mark.parametrize(
    ("modes", "dense"),
    [
        ("mean", False),
        ("cls", True),
        ("max", False),
        (("mean", "max"), True),
        ("weightedmean", False),
        ("mean_sqrt_len_tokens", False),
        ("lasttoken", False),
    ],
)
def test_vectors_are_those_of_sentence_transformers(
    base: Path, tmp_path: Path, modes: Any, dense: bool
) -> None:
    folder = their_folder(base, tmp_path / "st", modes, dense=dense)
    encoder = load_encoder(str(folder))
    assert encoder.max_length == 20
    found = encoder.encode(TEXTS)
    assert found.dtype == np.float32 and found.shape == (len(TEXTS), encoder.dim)
    np.testing.assert_allclose(found, their_vectors(folder), atol=1e-6)
    asked = encoder.encode(TEXTS, prompt="query")
    np.testing.assert_allclose(asked, their_vectors(folder, prompt_name="query"), atol=1e-6)
    assert np.abs(asked - found).max() > 1e-3


@pytest.mark.skipif(not bundled_ready()["minilm-l6"], reason="minilm-l6 is not in the cache")
def test_the_bundled_encoder_is_that_of_sentence_transformers() -> None:
    from huohou.models import resolve

    texts = [*TEXTS, "Wie viele Zeilen hat die Datei?", "火候", "x " * 500]
    encoder = load_encoder("minilm-l6")
    assert (encoder.max_length, encoder.dim) == (256, 384)
    expected = their_vectors(resolve("minilm-l6").folder, texts)
    np.testing.assert_allclose(encoder.encode(texts), expected, atol=1e-6)


def test_a_saved_encoder_is_loaded_by_both(base: Path, tmp_path: Path) -> None:
    encoder = load_encoder(str(base), max_length=17)
    encoder.save(tmp_path / "saved")
    again = load_encoder(str(tmp_path / "saved"))
    assert again.max_length == 17 and again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))
    np.testing.assert_allclose(encoder.encode(TEXTS), their_vectors(tmp_path / "saved"), atol=1e-6)
    with pytest.raises(ModelError) as caught:
        encoder.save(tmp_path / "saved")
    assert caught.value.key == "models.encoder_exists"


def shaken(encoder: Encoder) -> Encoder:
    """As after training: no part is what it was at the start."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator), alpha=0.05)
    return encoder


@pytest.mark.parametrize(
    ("head", "width"),
    [
        (Head(dim=8, hidden=24), 8),
        (Head(dim=8, hidden=24, variance="kappa"), 1),
        (Head(dim=8, hidden=10, variance="none"), 0),
    ],
)
def test_a_gaussian_head_is_saved_whole(base: Path, tmp_path: Path, head: Head, width: int) -> None:
    encoder = shaken(load_encoder(str(base), head=head))
    encoder.save(tmp_path / "saved")
    ours = encoder.encode_views(TEXTS)
    assert ours.mu.shape == (len(TEXTS), 8)
    np.testing.assert_allclose(np.linalg.norm(ours.mu, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(ours.mu, their_vectors(tmp_path / "saved"), atol=1e-6)
    again = load_encoder(str(tmp_path / "saved"), head=head)
    assert again.head == head and again.fingerprint == encoder.fingerprint
    theirs_again = again.encode_views(TEXTS)
    np.testing.assert_array_equal(theirs_again.mu, ours.mu)
    if ours.logvar is None:
        assert width == 0 and theirs_again.logvar is None
    else:
        assert ours.logvar.shape == (len(TEXTS), width)
        assert np.ptp(ours.logvar, axis=0).min() > 1e-3
        np.testing.assert_array_equal(theirs_again.logvar, ours.logvar)
    with pytest.raises(ModelError) as caught:
        load_encoder(str(tmp_path / "saved"), head=Head(dim=9))
    assert caught.value.key == "models.head_differs"


@pytest.mark.parametrize("variance", ["logvar", "kappa"])
def test_padding_is_never_counted(base: Path, variance: Any) -> None:
    encoder = shaken(load_encoder(str(base), head=Head(dim=8, hidden=24, variance=variance)))
    ids = encoder.tokenize(TEXTS[:1])
    alone = encoder(*encoder.pad(ids))
    padded, mask = encoder.pad([*ids, encoder.tokenize(TEXTS[1:2])[0]])
    with torch.no_grad():  # what stands in the padding does not matter either
        noisy = padded.where(mask.bool(), torch.full_like(padded, 7))
        for at in (padded, noisy):
            beside = encoder(at, mask)
            torch.testing.assert_close(beside.mu[:1], alone.mu, atol=1e-6, rtol=0)
            torch.testing.assert_close(beside.logvar[:1], alone.logvar, atol=1e-6, rtol=0)


def test_a_span_is_the_mean_of_its_tokens(base: Path) -> None:
    encoder = shaken(load_encoder(str(base), head=Head(dim=8, hidden=24)))
    text = "the quick brown fox jumps over the lazy dog"
    words = [Part(4, 15), Part(40, 43), Part(3, 4)]
    row = encoder.tokenize_spans([text], [words])[0]
    pieces = encoder.tokenizer.convert_ids_to_tokens(row.ids)
    said = ["".join(pieces[i] for i in own).replace("##", "") for own in row.places]
    assert said == ["quickbrown", "dog", ""]
    ids, mask = encoder.pad([row.ids])
    states = encoder.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
    inner = states[0, row.places[0]]
    for part in encoder.before:
        inner = part(inner)
    expected = torch.nn.functional.normalize(inner.mean(0), dim=0)
    spans = Spans(
        torch.tensor([0]), torch.zeros_like(mask).index_fill(1, torch.tensor(row.places[0]), 1)
    )
    views = encoder(ids, mask, spans)
    torch.testing.assert_close(views.mu[0], expected, atol=1e-6, rtol=0)
    assert encoder.variance is not None
    variance = encoder.variance.linear(states[0, row.places[0]]).mean(0)
    torch.testing.assert_close(views.logvar[0], variance, atol=1e-6, rtol=0)


def test_spans_of_many_texts_come_in_order(base: Path) -> None:
    encoder = load_encoder(str(base))
    late = len(TEXTS[4]) - 8  # behind what is read
    spans = [[Part(0, 4)], [Part(4, 9), Part(16, 19)], [], [], [Part(0, 6), Part(late, late + 6)]]
    found = encoder.encode(TEXTS, spans=spans, max_tokens=64)
    assert found.shape == (5, 32)
    assert np.isnan(found).all(1).tolist() == [False, False, False, False, True]
    alone = encoder.encode([TEXTS[1]], spans=[[Part(16, 19)]])
    np.testing.assert_allclose(found[2], alone[0], atol=1e-6)
    prompted = load_encoder(str(base))
    prompted.parts.prompts = {"query": "open a file "}
    row = prompted.tokenize_spans(["the fox"], [[Part(4, 7)]], "query")[0]
    assert prompted.tokenizer.decode([row.ids[i] for i in row.places[0]]) == "fox"


def test_chunks_change_nothing(base: Path) -> None:
    encoder = load_encoder(str(base))
    told: list[tuple[int, int]] = []
    texts = [*TEXTS, *(f"{i} a" * i for i in range(20))]
    small = encoder.encode(texts, max_tokens=70, progress=lambda done, of: told.append((done, of)))
    np.testing.assert_allclose(small, encoder.encode(texts), atol=1e-6)
    assert told[-1] == (25, 25) and len(told) > 5
    assert encoder.encode([]).shape == (0, 32)
    assert sorted(i for group in chunks([5, 1, 9, 9, 2], 10) for i in group) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("variance", ["logvar", "kappa"])
def test_gradients_reach_all_parts(base: Path, variance: Any) -> None:
    encoder = shaken(load_encoder(str(base), head=Head(dim=8, hidden=24, variance=variance)))
    views = encoder.train()(*encoder.pad(encoder.tokenize(TEXTS)))
    probe = torch.randn(views.mu.shape, generator=torch.Generator().manual_seed(0))
    ((views.mu * probe).sum() + views.logvar.square().sum()).backward()
    trained = {key: weight for key, weight in encoder.named_parameters() if weight.requires_grad}
    left = [k for k, w in trained.items() if w.grad is None or not w.grad.abs().max() > 0]
    assert left == []
    assert not any(key.startswith("transformer.pooler") for key in trained)


def test_a_new_head_begins_with_what_the_encoder_knows(base: Path) -> None:
    encoder = load_encoder(str(base), head=Head(dim=8, hidden=24))
    with torch.no_grad():
        states = encoder.transformer(*encoder.pad(encoder.tokenize(TEXTS[:1]))).last_hidden_state
    first, second = encoder.before
    linear = second.linear.weight[:, :8] @ first.linear.weight[:8]  # lines that do not overlap
    torch.testing.assert_close(second(first(states)), states @ linear.T, atol=1e-5, rtol=0)
    torch.testing.assert_close(linear @ linear.T, torch.eye(8), atol=1e-5, rtol=0)


def test_a_fitted_head_keeps_the_principal_directions(base: Path) -> None:
    plain = load_encoder(str(base)).encode(TEXTS[:4])
    encoder = load_encoder(str(base), head=Head(dim=8, hidden=24))
    encoder.fit_head(TEXTS[:4])  # four vectors lie in eight directions whole
    found = encoder.encode(TEXTS[:4])
    np.testing.assert_allclose(found @ found.T, plain @ plain.T, atol=1e-5)


def test_the_fingerprint_is_of_what_decides_a_vector(base: Path, tmp_path: Path) -> None:
    encoder = load_encoder(str(base))
    first = encoder.fingerprint
    assert load_encoder(str(base)).fingerprint == first == encoder.fingerprint
    encoder.encode(TEXTS)
    encoder.tokenizer(list(TEXTS), padding=True, truncation=True, max_length=9)
    assert encoder.fingerprint == first
    with torch.no_grad():
        encoder.transformer.encoder.layer[1].output.dense.bias[3] += 1e-6
    assert encoder.fingerprint != first
    assert load_encoder(str(base), max_length=9).fingerprint != first
    prompted = load_encoder(str(base))
    prompted.parts.prompts = {"query": "q: "}
    assert prompted.fingerprint != first


def edited(base: Path, target: Path, name: str, change: Any) -> Path:
    load_encoder(str(base), head=Head(dim=8, hidden=24)).save(target)
    path = target / name
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    return target


def renamed(modules: Any) -> Any:
    modules[3]["type"] = "os.system"
    return modules


@pytest.mark.parametrize(
    ("name", "change", "key"),
    [
        ("modules.json", renamed, "models.encoder_part"),
        ("modules.json", lambda m: [*m, m[0]], "models.encoder_part"),
        ("modules.json", lambda m: [{"path": ""}], "models.bad_json"),
        (
            "1_Dense/config.json",
            lambda c: c | {"activation_function": "os.system"},
            "models.encoder_part",
        ),
        ("1_Dense/config.json", lambda c: c | {"in_features": 7}, "models.cannot_load"),
        (
            "3_Pooling/config.json",
            lambda c: c | {"pooling_mode": "nonsense"},
            "models.encoder_part",
        ),
        ("gaussian.json", lambda c: c | {"dim": 9}, "models.cannot_load"),
        ("gaussian.json", lambda c: {"kind": "gaussian", "more": 1}, "models.cannot_load"),
    ],
)
def test_files_that_are_wrong_are_refused_by_name(
    base: Path, tmp_path: Path, name: str, change: Any, key: str
) -> None:
    folder = edited(base, tmp_path / "bad", name, change)
    with pytest.raises(ModelError) as caught:
        load_encoder(str(folder))
    assert caught.value.key == key and "\n" not in str(caught.value)


def test_weights_that_are_missing_are_refused(base: Path, tmp_path: Path) -> None:
    folder = tiny_encoder_folder(tmp_path / "part")
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.0.output.dense.bias"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError) as caught:
        load_encoder(str(folder))
    assert caught.value.key == "models.weights_missing"
    kept = {k: v for k, v in load_file(base / "model.safetensors").items() if "pooler" not in k}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})  # nothing that is used
    np.testing.assert_array_equal(
        load_encoder(str(folder)).encode(TEXTS), load_encoder(str(base)).encode(TEXTS)
    )


def test_wrong_wishes(base: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_encoder(str(base), max_length=65)
    assert caught.value.key == "models.encoder_long"
    encoder = load_encoder(str(base))
    assert encoder.tokenize(["a"], "query") == encoder.tokenize(["a"])
    with pytest.raises(ModelError) as caught:
        encoder.tokenize(["a"], "clustering")
    assert caught.value.key == "models.encoder_prompt"


def test_no_command_pays_for_torch() -> None:
    script = (
        "import sys, huohou, huohou.models, huohou.measure.gaussian, huohou.recipes.losses\n"
        "from huohou.recipes.losses import losses\n"
        "assert 'info-nce' in losses and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    script = (
        "import sys, huohou.models.encoder\nassert 'sentence_transformers' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
