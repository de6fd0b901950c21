"""OPC UA data values in, values with quality out."""

import math

from asyncua import ua

from agent.measuring.reading import GOOD, Value

Seen = tuple[Value | None, str]
"""A value and its quality; the value is None unless the quality is good."""

NO_VALUE = "no value"
NOT_A_NUMBER = "not a number"
CONDITION_BITS = 0xFFFF_0000  # OPC 10000-4, 7.39: the lower half only adds information about the value


def seen(data: ua.DataValue | None) -> Seen:
    """Return value and quality; text in a language (LocalizedText) counts as its text."""
    if data is None:
        return None, NO_VALUE
    quality = quality_of(data.StatusCode)
    if quality != GOOD:
        return None, quality
    value = data.Value.Value if data.Value is not None else None
    if isinstance(value, ua.LocalizedText):
        value = value.Text
    if value is None:
        return None, NO_VALUE
    if isinstance(value, float) and not math.isfinite(value):
        return None, NOT_A_NUMBER
    if isinstance(value, (bool, int, float, str)):
        return value, GOOD
    return None, f"unsupported type {type_of(data)}"


def quality_of(status: ua.StatusCode | None) -> str:
    """Return `good`, or the name of the condition in the specification's words."""
    if status is None or status.is_good():
        return GOOD
    return ua.StatusCode(ua.UInt32(status.value & CONDITION_BITS)).name


def type_of(data: ua.DataValue) -> str:
    """Return the name of the value's type, marked when it is an array."""
    if data.Value is None:
        return "Null"
    name = getattr(data.Value.VariantType, "name", str(data.Value.VariantType))
    return f"array of {name}" if data.Value.is_array or isinstance(data.Value.Value, list) else str(name)
