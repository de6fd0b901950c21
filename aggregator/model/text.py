"""Text that people enter in one line: a text in, whether all of it can be shown out."""

import unicodedata


def shows(text: str) -> bool:
    """Tell whether every character shows in one line; the full-width space of Japanese names does."""
    return all(letter.isprintable() or unicodedata.category(letter) == "Zs" for letter in text)
