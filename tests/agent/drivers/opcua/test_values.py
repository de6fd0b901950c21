import math
from datetime import UTC, datetime

import pytest
from asyncua import ua

from agent.drivers.opcua.values import quality_of, seen
from agent.measuring.reading import GOOD


def data(value: object, kind: ua.VariantType | None = None, status: int = 0) -> ua.DataValue:
    variant = ua.Variant(value) if kind is None else ua.Variant(value, kind)
    return ua.DataValue(variant, ua.StatusCode(ua.UInt32(status)))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, ua.VariantType.Boolean),
        (2**64 - 1, ua.VariantType.UInt64),
        (-5, ua.VariantType.SByte),
        (1.5, ua.VariantType.Float),
        ("加工中", ua.VariantType.String),
    ],
)
def test_plain_values_are_taken_as_they_are(value: object, kind: ua.VariantType) -> None:
    assert seen(data(value, kind)) == (value, GOOD)


def test_localized_text_counts_as_its_text() -> None:
    assert seen(data(ua.LocalizedText("段取り", "ja"))) == ("段取り", GOOD)


@pytest.mark.parametrize(
    ("value", "quality"),
    [
        (None, "no value"),
        (math.nan, "not a number"),
        (-math.inf, "not a number"),
        ([1, 2], "unsupported type array of Int64"),
        (datetime(2026, 1, 1, tzinfo=UTC), "unsupported type DateTime"),
        (b"abc", "unsupported type ByteString"),
    ],
)
def test_what_is_no_plain_value_is_unknown_with_its_reason(value: object, quality: str) -> None:
    assert seen(data(value)) == (None, quality)


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        (ua.StatusCodes.BadSensorFailure, "BadSensorFailure"),
        (ua.StatusCodes.UncertainInitialValue, "UncertainInitialValue"),
        (ua.StatusCodes.BadSensorFailure | 0x0480, "BadSensorFailure"),
        (0x0480, GOOD),
        (ua.StatusCodes.GoodClamped, GOOD),
    ],
)
def test_quality_comes_from_the_condition_of_the_status_code(status: int, quality: str) -> None:
    assert quality_of(ua.StatusCode(ua.UInt32(status))) == quality
    assert seen(data(7, status=status)) == (7 if quality == GOOD else None, quality)
