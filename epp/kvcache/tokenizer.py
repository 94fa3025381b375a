"""A model's own tokenizer from local files, with its chat template.

The library is the one that model servers use. A text becomes the ids that vLLM makes of it: with
the tokenizer's special tokens for a completion, and as the chat template wrote it for a chat.
"""

import json
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from epp.api.errors import ConfigError, Problem
from epp.kvcache.prompts import Chat, Texts

_MAX_FILE_BYTES = 256 * 1024 * 1024
_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")


class Untokenizable(Exception):
    """The ids that a model server would make of this prompt cannot be known here."""


class LocalTokenizer:
    """One model's tokenizer.

    Args:
        path: the file ``tokenizer.json``, or the folder that holds it; beside it may stand
            ``chat_template.jinja`` and ``tokenizer_config.json``.

    Raises:
        ConfigError: the library is not installed, or the files cannot be used.
    """

    def __init__(self, path: Path) -> None:
        file = path / "tokenizer.json" if path.is_dir() else path
        try:
            from tokenizers import Tokenizer  # noqa: PLC0415 - of an extra, for those who use it
        except ImportError as error:
            hint = "pip install 'gaiectl[precise]'"
            problem = Problem("a local tokenizer needs the library tokenizers", hint=hint)
            raise ConfigError([problem]) from error
        try:
            _check_size(file)
            self._tokenizer = Tokenizer.from_file(str(file))
            self._special = _settings(file.parent)
            template = _template(file.parent, self._special)
            self._template = _compiled(template) if template else None
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError([Problem(f"cannot be read: {reason}", str(file))]) from error
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError([Problem(f"is no tokenizer: {error}", str(file))]) from error

    def tokens(self, work: Texts | Chat) -> list["array[int]"]:
        """Return the ids of each prompt; takes time in proportion to the text.

        Raises:
            Untokenizable: a chat with images or sounds, or one that the template refuses; or the
                library fails.
        """
        if isinstance(work, Texts):
            texts, adds = list(work.texts), work.adds_special_tokens
        else:
            texts, adds = [self._render(work)], work.fields.get("add_special_tokens") is True
        # Unlike encode, this one lets other threads run.
        try:
            encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=adds)
        except BaseException as error:
            # A panic of the library, which a prompt may bring about, is no Exception.
            if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                raise Untokenizable(type(error).__name__) from error
            raise
        return [array("I", encoding.ids) for encoding in encodings]

    def _render(self, chat: Chat) -> str:
        if self._template is None or not chat.is_plain:
            raise Untokenizable
        fields = chat.fields
        extra = fields.get("chat_template_kwargs")
        continues = fields.get("continue_final_message") is True
        if continues:
            raise Untokenizable
        values: dict[str, Any] = {
            **{name: self._special.get(name, "") for name in _SPECIAL},
            "messages": [_plain(message) for message in fields["messages"]],
            "tools": fields.get("tools"),
            "documents": fields.get("documents"),
            "add_generation_prompt": fields.get("add_generation_prompt") is not False,
            **(extra if isinstance(extra, dict) else {}),
        }
        try:
            return str(self._template.render(values))
        except Exception as error:
            raise Untokenizable(type(error).__name__) from error


def _plain(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the message with parts of text as one text, as vLLM gives it to most templates."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return {**message, "content": "\n".join(str(part.get("text") or "") for part in content)}


def _check_size(file: Path) -> None:
    if file.stat().st_size > _MAX_FILE_BYTES:
        raise ConfigError([Problem("is too large for a tokenizer", str(file))])


def _settings(folder: Path) -> dict[str, Any]:
    file = folder / "tokenizer_config.json"
    if not file.exists():
        return {}
    given = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(given, dict):
        raise ConfigError([Problem("must be an object", str(file))])
    for name in _SPECIAL:
        token = given.get(name)
        given[name] = token.get("content", "") if isinstance(token, dict) else token or ""
    return given


def _template(folder: Path, settings: Mapping[str, Any]) -> str:
    file = folder / "chat_template.jinja"
    if file.exists():
        return file.read_text(encoding="utf-8")
    given = settings.get("chat_template")
    if isinstance(given, list):
        given = next((part.get("template") for part in given if part.get("name") == "default"), "")
    return given if isinstance(given, str) else ""


def _compiled(template: str) -> Any:
    """Return the template, made as model servers make it: in a sandbox, blocks trimmed."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415 - 20 ms, for few

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    return environment.from_string(template)


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(reason: str) -> NoReturn:
    raise Untokenizable(reason)
