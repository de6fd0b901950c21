import pytest

from aggregator.web.languages import COOKIE, choose_language, translations


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, "", "ja"),  # nothing said: the people of the town
        (None, "*", "ja"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "de-DE,de;q=0.9,en;q=0.8,ja;q=0.7", "en"),
        (None, "en;q=0.5,ja;q=0.9", "ja"),
        (None, "en;q=0,fr", "ja"),
        (None, "EN-us", "en"),
        (None, "en;q=high,;;,,", "ja"),
        ("en", "ja", "en"),
        ("fr", "en", "en"),
    ],
)
def test_the_language_chosen_wins_over_the_browsers(chosen: str | None, accepted: str, language: str) -> None:
    assert choose_language({COOKIE: chosen} if chosen else {}, accepted) == language


def test_english_needs_no_catalogue() -> None:
    assert translations("en").ngettext("%(n)s machine", "%(n)s machines", 2) == "%(n)s machines"
    assert translations("ja").gettext("Sign in") == "ログイン"
