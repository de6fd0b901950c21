"""Topics and ids as Sparkplug has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.topics import Topic, TopicError, parse_topic, state_topic, valid_id


def test_a_nodes_and_a_machines_topic_are_read_and_written() -> None:
    for text in ("spBv1.0/higashimachi/NBIRTH/aoki", "spBv1.0/higashimachi/DDATA/aoki/mc-01"):
        assert str(parse_topic(text)) == text
    assert parse_topic("spBv1.0/東町/DDATA/青木/mc 01") == Topic("東町", "DDATA", "青木", "mc 01")


@pytest.mark.parametrize(
    "text",
    [
        "", "spBv1.0", "spAv1.0/a/NBIRTH/b", "spBv1.0/a/NBIRTH", "spBv1.0/a/NBIRTH/b/c", "spBv1.0/a/DDATA/b",
        "spBv1.0//NBIRTH/b", "spBv1.0/STATE/machikoba", "spBv1.0/a/nbirth/b", "spBv1.0/a/DDATA/b/c/d",
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(TopicError, match="topic"):
        parse_topic(text)


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        assert str(parse_topic(text)) == text
    except TopicError:
        assert parse_topic("spBv1.0/a/NBIRTH/b").factory == "b"


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("mc-01", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("a/b", False),
        ("+", False),
        ("#", False),
        ("青木", False),
        ("a\n", False),
    ],
)
def test_ids_are_plain(text: str, valid: bool) -> None:
    assert valid_id(text) is valid


def test_the_hosts_state_topic() -> None:
    assert state_topic("machikoba") == "spBv1.0/STATE/machikoba"
