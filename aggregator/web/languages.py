"""The languages of the pages: gettext catalogues read from `.po` files, and the choice between them."""

import gettext
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

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
    path = LOCALE / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return gettext.NullTranslations()
    with path.open("rb") as file:
        catalog = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


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
