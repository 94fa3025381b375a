"""The names a server answers to: the base model's, and those of its LoRA adapters."""

import time
from collections.abc import Mapping
from typing import Any

from gaiectl.simulator.failures import ApiError
from gaiectl.simulator.settings import Adapter, Settings


class Models:
    """Base model and loaded adapters of one server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._adapters = {adapter.name: adapter for adapter in settings.lora.lora_modules}
        self._created = int(time.time())

    @property
    def base(self) -> str:
        """The name shown for the base model."""
        return self._settings.served_names[0]

    @property
    def max_len(self) -> int:
        """The context window, in tokens."""
        return self._settings.model.max_model_len

    def adapter_of(self, model: str) -> str:
        """Return the adapter that a model name stands for, empty for the base model.

        Raises:
            ApiError: 404, nothing of that name is loaded.
        """
        if not model or model in self._settings.served_names:
            return ""
        if model in self._adapters:
            return model
        raise ApiError(404, f"The model `{model}` does not exist.", "model")

    def load(self, body: Mapping[str, Any]) -> str:
        """Load the adapter ``lora_name`` from ``lora_path``; return its name.

        Raises:
            ApiError: 400, a field is missing or the name is taken.
        """
        name, path = body.get("lora_name"), body.get("lora_path")
        if not isinstance(name, str) or not isinstance(path, str) or not name or not path:
            raise ApiError(400, "Both 'lora_name' and 'lora_path' must be provided.")
        if name in self._adapters or name in self._settings.served_names:
            raise ApiError(400, f"The lora adapter '{name}' has already been loaded.")
        self._adapters[name] = Adapter(name=name, path=path, base_model_name=self.base)
        return name

    def unload(self, body: Mapping[str, Any]) -> str:
        """Unload the adapter ``lora_name``; return its name.

        Raises:
            ApiError: 400 without a name, 404 for one that is not loaded.
        """
        name = body.get("lora_name")
        if not isinstance(name, str) or not name:
            raise ApiError(400, "'lora_name' needs to be provided to unload a LoRA adapter.")
        if name not in self._adapters:
            raise ApiError(404, f"The lora adapter '{name}' cannot be found.")
        del self._adapters[name]
        return name

    def listed(self) -> dict[str, object]:
        """Return the answer of ``GET /v1/models``."""
        own = [self._entry(name, self._settings.model.model, None) for name in
               self._settings.served_names]  # fmt: skip
        loras = [
            self._entry(adapter.name, adapter.path or adapter.name, self.base)
            for adapter in self._adapters.values()
        ]
        return {"object": "list", "data": own + loras}

    def _entry(self, name: str, root: str, parent: str | None) -> dict[str, object]:
        return {
            "id": name,
            "object": "model",
            "created": self._created,
            "owned_by": "vllm",
            "root": root,
            "parent": parent,
            "max_model_len": None if parent else self.max_len,
            "permission": [],
        }
