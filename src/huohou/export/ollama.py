"""A GGUF file with a Modelfile: what ``ollama create`` wants, and what Ollama makes of it.

Ollama puts prompts together by a template of its own kind, so the model's chat template is written
anew in Go's (``go_template``) and held against the first: each question of the proof is rendered
by the template that was written, and cut into tokens.
"""

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from huohou.data.dataset import Message
from huohou.errors import DataError
from huohou.export.gguf import FORMS
from huohou.export.gguf import make as make_gguf
from huohou.export.go_render import ollama_prompt
from huohou.export.go_template import go_template
from huohou.export.modelfile import Modelfile, read_modelfile
from huohou.export.proving.sides import Rendered, Seen, Side, Wanted
from huohou.export.targets import Making, Target, targets
from huohou.models import ChatTokenizer
from huohou.models.tokenizer import Turn

MODELFILE = "Modelfile"


def make(making: Making) -> tuple[Side, ...]:
    """Write the GGUF file, then the Modelfile beside it; both are asked."""
    sides = make_gguf(making)
    files = sorted(making.folder.glob("*.gguf"))
    if not files:  # its weights do not fit the number format, which the side says
        return sides
    tokenizer = making.models.tokenizer
    found = modelfile_of(tokenizer, files[0].name, making.system)
    path = making.folder / MODELFILE
    path.write_text(found.text(), encoding="utf-8")
    return (*sides, modelfile_side(path, tokenizer, making.form, making.system))


def modelfile_of(tokenizer: ChatTokenizer, gguf: str, system: str | None) -> Modelfile:
    """What is written for a model. Raises ModelError for a chat template that Go's cannot say."""
    template = go_template(lambda chat, opened: _text(tokenizer, chat, opened))
    stops = [("stop", tokenizer.hf.convert_ids_to_tokens(i)) for i in sorted(tokenizer.end_of_turn)]
    return Modelfile(f"./{gguf}", template, system, tuple(stops))


def _text(tokenizer: ChatTokenizer, chat: Sequence[Turn], opened: bool) -> str:
    return tokenizer.decode(tokenizer.encode_chat(chat, add_generation_prompt=opened))


def modelfile_side(
    path: Path, tokenizer: ChatTokenizer, form: str, system: str | None = None
) -> Side:
    """What Ollama would give the model by a Modelfile, and where it would stop.

    tokenizer: of the model that the Modelfile is for; system: the prompt that all training rows
    share. Nobody types it to Ollama, so it is taken out of the questions: the Modelfile has to put
    the same one back.
    """

    def ask(wanted: Wanted) -> Seen:
        found = read_modelfile(path)
        if found.template is None:
            raise DataError("modelfile.no_template", path=path)
        chats = (_typed(found, one.messages, system) for one in wanted.asked)
        prompts = [_rendered(found, tokenizer, chat) for chat in chats]
        return Seen(prompts, stops=stop_ids(found, tokenizer))

    return Side("modelfile", form, ask)


def stop_ids(found: Modelfile, tokenizer: ChatTokenizer) -> frozenset[int]:
    """Tokens that end an answer: those of the stop parameters, and what every GGUF file ends with
    by itself, its end-of-sequence token."""
    own = {tokenizer.hf.convert_tokens_to_ids(text) for text in found.stops}
    ends = {one for one in own if isinstance(one, int) and one != tokenizer.hf.unk_token_id}
    return frozenset(ends | {tokenizer.hf.eos_token_id} - {None})


def _typed(found: Modelfile, chat: Sequence[Message], system: str | None) -> tuple[Message, ...]:
    """A conversation as Ollama has it, whose server puts the Modelfile's prompt first."""
    if not chat or chat[0].role != "system" or chat[0].content != system:
        return tuple(chat)
    first = (Message("system", found.system),) if found.system else ()
    return (*first, *chat[1:])


def _rendered(found: Modelfile, tokenizer: ChatTokenizer, chat: Sequence[Message]) -> Rendered:
    text = ollama_prompt(found.template or "", chat)
    ids = tokenizer.hf.encode(text, add_special_tokens=False)
    return Rendered(text, tuple(ids))


def create(folder: Path, name: str) -> list[str]:
    """``ollama create`` where ollama is installed, and returns nothing; else the two commands.

    Raises CalledProcessError where ollama refuses.
    """
    commands = [["ollama", "create", name, "-f", str(folder / MODELFILE)], ["ollama", "run", name]]
    if shutil.which("ollama") is None:
        return [shlex.join(command) for command in commands]
    subprocess.run(
        commands[0], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return []


targets.register("ollama")(Target(FORMS, make))
