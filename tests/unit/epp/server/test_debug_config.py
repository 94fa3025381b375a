"""What is shown of a configuration holds every parameter and no secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from epp.server.debug_config import HIDDEN, parameters_json


@dataclass(frozen=True, slots=True)
class Model:
    """A nested part."""

    api_key: str = "k"
    max_tokens: int = 3


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin with all kinds of parameters."""

    url: str = "http://x"
    token: str = "t"
    hf_token: str = ""
    block_size_tokens: str = "16"
    tokenizer: str = "path"
    models: tuple[Model, ...] = (Model(),)
    headers: Mapping[str, str] = field(default_factory=lambda: {"client-secret": "s", "a": "b"})
    memory: dict[str, str] = field(init=False, default_factory=dict)


def test_secrets_are_hidden_by_their_names() -> None:
    assert parameters_json(Plugin()) == {
        "url": "http://x",
        "token": HIDDEN,
        "hfToken": "",
        "blockSizeTokens": "16",
        "tokenizer": "path",
        "models": [{"apiKey": HIDDEN, "maxTokens": 3}],
        "headers": {"client-secret": HIDDEN, "a": "b"},
    }


def test_what_is_no_dataclass_has_no_parameters() -> None:
    assert parameters_json(object()) == {}
