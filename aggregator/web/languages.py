"""The languages of the pages: gettext catalogues read from `.po` files, and the choice between them."""

import gettext
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).parent / "locale"
LANGUAGES: dict[str, str] = {"ja": "日本語", "en": "English"}
"""Every language by its code, named in itself. Message ids are English, so English needs no catalogue."""

DEFAULT = "ja"
COOKIE = "machikoba_language"


@cache
def translations(language: str) -> gettext.NullTranslations:
    """Return the catalogue of a language of `LANGUAGES`."""
    paths = catalogue_files(language)
    if not paths:
        return gettext.NullTranslations()
    whole = Catalog(locale=language)
    for path in paths:
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                whole[message.id] = message
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def catalogue_files(language: str) -> list[Path]:
    """Return the `.po` files of a language, one an area of the pages; together they are its catalogue."""
    return sorted((LOCALE / language / "LC_MESSAGES").glob("*.po"))


def choose_language(cookies: Mapping[str, str], accept_language: str) -> str:
    """Return the code of the language to answer in: what was chosen, else what the browser prefers."""
    chosen = cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    for tag in _by_preference(accept_language):
        code = tag.split("-")[0]
        if code in LANGUAGES:
            return code
    return DEFAULT


def _by_preference(accept_language: str) -> list[str]:
    """Return the tags of an Accept-Language header, best first, without broken ones (RFC 9110, 12.5.4)."""
    weighted = []
    for part in accept_language[:1000].split(","):
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if tag and quality > 0:
            weighted.append((-quality, tag.strip().lower()))
    return [tag for _, tag in sorted(weighted, key=lambda item: item[0])]
