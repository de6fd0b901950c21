"""What a unit's exception means: its code and the block in, the error to raise out."""

from agent.errors import LinkError

from .blocks import Block

# MODBUS Application Protocol V1.1b3, 7
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
TOO_MUCH_ASKED = (2, 3)
UNIT_IS_AWAY = (10, 11)


class BlockRefused(Exception):
    """The unit answered, but not with this block's values; the link and the other blocks are well.

    `quality` says why; `divisible` tells that a smaller block may be answered.
    """

    def __init__(self, quality: str, divisible: bool = False) -> None:
        super().__init__(quality)
        self.quality = quality
        self.divisible = divisible


def refusal(code: int, block: Block, place: str) -> Exception:
    """Return what to raise: LinkError where the unit itself is away, else BlockRefused."""
    text = f"exception {code}: {EXCEPTIONS.get(code, 'unknown to the specification')}"
    if code in UNIT_IS_AWAY:
        return LinkError(f"{place} {text}: check the unit id and the wiring behind the gateway")
    return BlockRefused(f"{text} ({block.place})", divisible=code in TOO_MUCH_ASKED)
