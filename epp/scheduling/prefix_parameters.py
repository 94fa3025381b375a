"""The parameters of all who remember what was sent where: how prompts are cut, how much is kept."""

from dataclasses import dataclass
from typing import Annotated

from epp.api.parameters import Param
from epp.scheduling.prefix_history import BYTES_PER_TOKEN, Limits

MOST_BLOCKS = Param("Blocks of a prompt that are looked at.", minimum=0, is_forgiven=True)
MOST_TOKENS = Param(
    "The same limit in tokens; 0 leaves it to the blocks.", minimum=0, is_forgiven=True
)


@dataclass(frozen=True, slots=True, eq=False)
class PrefixParameters:
    """Parameters of GAIE 1.3 to 1.5 and llm-d; a plugin that derives from it has them too."""

    auto_tune: Annotated[
        bool, Param("Use the block size and capacity that the model servers report.")
    ] = True
    block_size: Annotated[
        int,
        Param("Bytes in a block, if blockSizeTokens is not given.", minimum=0, is_forgiven=True),
    ] = 0
    block_size_tokens: Annotated[
        int,
        Param(
            "Tokens in a block where none is reported; 4 bytes each.", minimum=0, is_forgiven=True
        ),
    ] = 0
    max_prefix_blocks_to_match: Annotated[int, MOST_BLOCKS] = 0
    max_prefix_tokens_to_match: Annotated[int | None, MOST_TOKENS] = None
    lru_capacity_per_server: Annotated[
        int,
        Param(
            "Blocks remembered per endpoint where none are reported.", minimum=0, is_forgiven=True
        ),
    ] = 31250
    strict_compatibility: Annotated[bool, Param("Count exactly as GAIE does.")] = False

    def as_limits(self) -> Limits:
        """Return what they amount to; 0 stands for what is usual."""
        usual = Limits()
        return Limits(
            auto_tune=self.auto_tune,
            block_bytes=self.block_size_tokens * BYTES_PER_TOKEN
            or self.block_size
            or usual.block_bytes,
            max_blocks=self.max_prefix_blocks_to_match or usual.max_blocks,
            max_tokens=self.max_prefix_tokens_to_match or 0,
            capacity=self.lru_capacity_per_server or usual.capacity,
            is_strict=self.strict_compatibility,
        )


def nothing(matched_bytes: int, total_bytes: int) -> None:
    """Take note of no matches."""
    del matched_bytes, total_bytes
