"""Profiles of the well-lit path: what llm-d's guides deploy."""

from collections.abc import Mapping
from typing import NamedTuple

from gaiectl.paths.named_profiles import chosen
from gaiectl.stack.model import WellLitProfile


class Profile(NamedTuple):
    """A variant of the path; its model servers' values are the template of its name.

    Attributes:
        summary: one line.
        epp_config: name of the EndpointPickerConfig.
        has_servers: whether its values say what servers on GPUs run; simulators are brought if not.
    """

    summary: str
    epp_config: str
    has_servers: bool = True


DEFAULT = WellLitProfile.WLP

PROFILES: Mapping[str, Profile] = {
    DEFAULT: Profile(
        summary="four servers of Llama 3.1 8B with a GPU each; the shortest queue wins",
        epp_config="queue-only",
    ),
    WellLitProfile.WLP_HEAD: Profile(
        summary="the same with LoRA adapters; goes where the prompt is in a KV cache",
        epp_config="precise-prefix-aware",
    ),
    WellLitProfile.PRECISE: Profile(
        summary="two servers of Qwen3 0.6B; goes where the prompt is in a KV cache",
        epp_config="precise-prefix-aware",
    ),
    WellLitProfile.PD: Profile(
        summary="Llama 3.3 70B on eight GPUs: four servers read prompts, one writes answers",
        epp_config="prefill-decode",
    ),
    WellLitProfile.WIDE_EP: Profile(
        summary="DeepSeek R1 on three nodes of eight GPUs, which share its experts",
        epp_config="prefill-decode",
    ),
    WellLitProfile.SIM: Profile(
        summary="three simulators and one that reads prompts, without any GPU",
        epp_config="prefix-aware",
        has_servers=False,
    ),
}


def profile(name: str) -> Profile:
    """Return a profile; the default one for the empty name.

    Raises:
        UsageError: there is none of this name.
    """
    return chosen(PROFILES, name, DEFAULT, "the well-lit path's")
