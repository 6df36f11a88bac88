"""Go templates made from chat templates, held against real Go; the renderer in Python too."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import qwen
from golang import build, prompts
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from huohou.data.dataset import Message
from huohou.errors import ModelError
from huohou.export.go_render import ollama_prompt
from huohou.export.go_template import around, go_template, trials
from huohou.export.go_words import UnknownError
from huohou.models.tokenizer import Turn

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
# a default system prompt where the chat has none, as SmolLM2 and Qwen2.5 have it
DEFAULTED = (
    "{% for m in messages %}{% if loop.first and m.role != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA3 = (
    "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>"
    "\n\n{{ m.content }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
# the system prompt inside the first question, braces around things
LLAMA2 = (
    "{% if messages[0].role == 'system' %}{% set said = messages[0].content %}"
    "{% set turns = messages[1:] %}{% else %}{% set said = none %}{% set turns = messages %}"
    "{% endif %}{% for m in turns %}{% if m.role == 'user' %}<s>[INST] "
    "{% if loop.first and said is not none %}<<SYS>>\n{{ said }}\n<</SYS>>\n\n{% endif %}"
    "{{ m.content }} [/INST]{% else %} {{ m.content }} </s>{% endif %}{% endfor %}"
)
ZEPHYR = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
BRACES = (
    "{% for m in messages %}{{ '{{' }}{{ m.role }}{{ '}} \"' }}{{ m.content }}{{ '\\\\\"{' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '{{assistant}}' }}{% endif %}"
)
WELL = {
    "chatml": CHATML,
    "defaulted": DEFAULTED,
    "llama3": LLAMA3,
    "llama2": LLAMA2,
    "zephyr": ZEPHYR,
    "braces": BRACES,
    "qwen2.5": qwen.TEMPLATE,
}
ODD = {
    "capitals": CHATML.replace("m.content", "m.content.upper()"),
    "numbered": CHATML.replace("'<|im_start|>'", "loop.index0|string"),
    "last only": "{{ messages[-1].content }}",
    "twice": "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}",
    "long ones cut": CHATML.replace("m.content", "m.content[:30]"),
}
# as they stand in Ollama's library of models
LEGACY = (
    "{{ if .System }}<|system|>\n{{ .System }}</s>\n{{ end }}{{ if .Prompt }}<|user|>\n"
    "{{ .Prompt }}</s>\n{{ end }}<|assistant|>\n{{ .Response }}</s>\n"
)
WITH_LAST = """{{- if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}
{{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 -}}
{{- if eq .Role "user" }}<|im_start|>user
{{ .Content }}<|im_end|>
{{ else if eq .Role "assistant" }}<|im_start|>assistant
{{ .Content }}{{ if not $last }}<|im_end|>
{{ end }}
{{- end }}
{{- if and (ne .Role "assistant") $last }}<|im_start|>assistant
{{ end }}
{{- end }}"""
OTHERS = (
    LEGACY,
    WITH_LAST,
    "{{ .Prompt }}",
    "{{ if .System }}{{ .System }} {{ end }}{{ .Prompt }}",
    "{{/* a comment */}}{{ range .Messages }}[{{ .Role | len }}:{{ .Content }}]{{ else }}-{{ end }}",
    '{{ $x := "a\\tb" }}{{ range $m := .Messages }}{{ $x }}{{ $m.Content }}{{ $x = `c` }}{{ end }}',
    "{{ with .System }}<{{ . }}>{{ else }}none{{ end }}{{ range .Messages }}{{ .Content }}{{ end }}",
    "{{ range $i, $m := .Messages }}{{ if gt $i 0 }}, {{ end }}{{ len .Content }}"
    "{{ .Content }}{{ end }}{{ not true }}",
)


def renderer(template: str) -> Callable[[Sequence[Turn], bool], str]:
    # as transformers sets it
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(template)

    def render(chat: Sequence[Turn], opened: bool = True) -> str:
        turns = [{"role": turn.role, "content": turn.content} for turn in chat]
        return made.render(messages=turns, add_generation_prompt=opened)

    return render


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("go"))


@pytest.mark.parametrize("name", WELL)
def test_real_go_renders_what_the_chat_template_renders(name: str, go: Path) -> None:
    render = renderer(WELL[name])
    template = go_template(render)
    chats = trials()
    wanted = [render(chat, True) for chat in chats]
    assert prompts(go, [(template, chat) for chat in chats]) == wanted
    assert [ollama_prompt(template, chat) for chat in chats] == wanted
    assert len(set(wanted)) > 20


@pytest.mark.parametrize("name", ODD)
def test_a_template_that_go_cannot_say_is_refused(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        go_template(renderer(ODD[name]))
    assert caught.value.key.startswith("export.go.")


def test_a_chat_template_that_refuses_system_prompts_says_so() -> None:
    def render(chat: Sequence[Turn], opened: bool) -> str:
        if chat[0].role == "system":
            raise ModelError("models.template_refuses", name="x", problem="no system")
        return renderer(CHATML)(chat, opened)

    with pytest.raises(ModelError, match="no system"):
        go_template(render)


@pytest.mark.parametrize("template", OTHERS)
def test_templates_of_others_are_rendered_as_go_does(template: str, go: Path) -> None:
    chats = [
        *trials()[:12],
        (Message("user", "a"), Message("user", "b")),
        (Message("system", "s"),),
    ]
    found = prompts(go, [(template, chat) for chat in chats])
    assert None not in found
    assert [ollama_prompt(template, chat) for chat in chats] == found


TURNS = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant"]), st.text(max_size=20)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25)
@given(chats=st.lists(TURNS, min_size=5, max_size=10))
def test_any_chat_comes_out_as_from_go(chats: list[list[Message]], go: Path) -> None:
    asked: list[tuple[str, Any]] = [
        (template, chat) for template in (LEGACY, WITH_LAST, GO_CHATML) for chat in chats
    ]
    assert [ollama_prompt(*one) for one in asked] == prompts(go, asked)


GO_CHATML = go_template(renderer(CHATML))


@pytest.mark.parametrize(
    "template",
    [
        "{{ printf `%s` .Prompt }}",
        "{{ template `x` }}",
        "{{ .Messages }}",
        "{{ if .System }}never closed",
        "{{ end }}",
        "{{ $unknown }}",
        "{{ json .Messages }}",
        "{{ .Prompt & 3 }}",
    ],
)
def test_what_is_not_understood_is_refused_not_guessed(template: str) -> None:
    with pytest.raises(UnknownError):
        ollama_prompt(template, [Message("user", "hi")])


def test_what_stands_around_the_turns_is_found() -> None:
    found = around(renderer(DEFAULTED))
    assert found.default == "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    assert found.before["user"] == "<|im_start|>user\n"
    assert found.after["assistant"] == "<|im_end|>\n"
