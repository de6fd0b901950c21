"""Both languages are complete: every text that people read is marked, and has its Japanese."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment

import aggregator.web
from aggregator.web.languages import catalogue_files
from aggregator.web.pages import TEMPLATES

WEB = Path(aggregator.web.__file__).parent
# Names that are the same in every language, units, and signs.
SAME_EVERYWHERE = {"Machikoba", "–", "/"}
SPOKEN_ATTRIBUTES = {"title", "alt", "aria-label", "placeholder", "aria-description"}


def extracted() -> set[str | tuple[str, ...]]:
    """Return every marked message of templates and Python."""
    found = extract_from_dir(
        WEB,
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        options_map={"templates/**.html": {"trimmed": "true", "silent": "false"}},
        keywords={"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)},
    )
    return {message for _, _, message, _, _ in found}


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="ja", abort_invalid=True)


def catalogue() -> list[Message]:
    return [message for path in catalogue_files("ja") for message in read(path)]


def ids(message: Message) -> str | tuple[str, ...]:
    return message.id if isinstance(message.id, str) else tuple(message.id)


def test_every_message_has_its_japanese_and_none_is_left_over() -> None:
    written = {ids(message) for message in catalogue() if message.id}
    assert extracted() - written == set(), "add these to a file of aggregator/web/locale/ja/LC_MESSAGES"
    assert written - extracted() == set(), "nothing on the pages says these any more"


def test_every_message_stands_in_one_file() -> None:
    written = [ids(message) for message in catalogue() if message.id]
    assert [id_ for id_, times in Counter(written).items() if times > 1] == []


def test_no_japanese_is_empty_or_doubtful() -> None:
    for message in catalogue():
        if message.id:
            texts = [message.string] if isinstance(message.string, str) else list(message.string or [""])
            assert all(texts), f"no Japanese for {message.id!r}"
            assert not message.fuzzy, f"doubtful: {message.id!r}"


def test_placeholders_and_markup_are_the_same_in_both_languages() -> None:
    part = re.compile(r"%\(\w+\)s|\{\w+\}|</?\w+>")
    for message in catalogue():
        if message.id:
            english = message.id if isinstance(message.id, str) else message.id[0]
            japanese = message.string if isinstance(message.string, str) else (message.string or [""])[0]
            assert sorted(part.findall(english)) == sorted(part.findall(japanese)), english


class _Visible(HTMLParser):
    """Collects what people would read of a template's own text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"style", "script", "code", "pre"}
        self.found += [value for name, value in attrs if name in SPOKEN_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"style", "script", "code", "pre"}

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def unmarked(source: str) -> list[str]:
    """Return visible text of a template that stands outside every `trans` block and expression."""
    parts: list[str] = []
    inside_trans = False
    block: list[str] = []
    for _, kind, value in Environment(extensions=["jinja2.ext.i18n"]).lex(source):
        if kind == "data" and not inside_trans:
            parts.append(value)
        elif kind == "variable_begin":
            parts.append("\0")  # stands for what the expression says
        elif kind == "block_begin":
            block = []
        elif kind == "name":
            block.append(value)
        elif kind == "block_end" and block:
            inside_trans = block[0] == "trans" or (inside_trans and block[0] != "endtrans")
    reader = _Visible()
    reader.feed("".join(parts))
    texts = [text for found in reader.found for text in found.replace("\0", "\n").split("\n")]
    said = {text.strip() for text in texts if re.search(r"\w", text)}
    return sorted(said - SAME_EVERYWHERE)


@pytest.mark.parametrize("template", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_no_template_has_unmarked_text(template: Path) -> None:
    assert unmarked(template.read_text("utf-8")) == []


def test_unmarked_text_is_found() -> None:
    source = """<p title="Tip">Hello {{ name }} there {% trans %}marked{% endtrans %}</p>
      <img alt="{{ _('x') }}"><code>pip</code><b>{% if a %}yes{% endif %}</b>"""
    assert unmarked(source) == ["Hello", "Tip", "there", "yes"]
