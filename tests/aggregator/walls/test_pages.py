"""Every page of everybody, refusals too: nothing is run from within it, and forms carry their token."""

from html.parser import HTMLParser

import pytest

from tests.aggregator.town import Town
from tests.aggregator.walls.test_matrix import STREAMS, addresses, client_of, routes

EVERYBODY = ("coordinator", "aoki", "sakura", "minato", "buyer")
ODD = ("", "x'\"><b", "?back=%0d%0aX:1&x=%00&y=%ff")
"""Behind each address: nothing, what makes another one of it, and what no page asks for."""


class Page(HTMLParser):
    """Notes what the policy of our headers forbids, and forms that another site could send."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self._is_open = False
        self.feed(text)
        self.close()
        if self._is_open:
            self.wrong.append("a form without a token")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        said = dict(attrs)
        if tag in {"style", "base", "object", "embed", "iframe"} or (tag == "script" and "src" not in said):
            self.wrong.append(f"<{tag}> within the page")
        for name, value in said.items():
            if name == "style" or name.startswith("on") or (value or "").lower().startswith("javascript:"):
                self.wrong.append(f'<{tag} {name}="{value}">')
        if tag == "form" and (said.get("method") or "").lower() == "post":
            self._is_open = True
        if tag == "input" and said.get("name") == "form_token":
            self._is_open = False

    def handle_endtag(self, tag: str) -> None:
        """A form ends."""
        if tag == "form" and self._is_open:
            self.wrong.append("a form without a token")
            self._is_open = False


@pytest.mark.parametrize("who", EVERYBODY)
def test_no_page_breaks_or_runs_anything_from_within(walled: Town, address: str, who: str) -> None:
    wrong, seen = {}, 0
    for _, path in routes("GET"):
        with client_of(walled, address, who, path) as client:
            for at in [one + tail for one in addresses(path) for tail in ODD if not STREAMS.search(path)]:
                answer = client.get(at)
                faults = [] if answer.status_code < 500 else [f"status {answer.status_code}"]
                if "default-src 'none'" not in answer.headers.get("content-security-policy", ""):
                    faults.append("no policy")
                if "html" in answer.headers.get("content-type", ""):
                    faults += Page(answer.text).wrong
                    seen += 1
                if faults:
                    wrong[at] = faults
    assert wrong == {}
    assert seen > 30


@pytest.mark.parametrize(
    "text",
    [
        "<script>x</script>",
        '<p onclick="x">',
        '<a style="x">',
        '<a href="JavaScript:x">',
        '<form method="post"><input name="x"></form>',
        '<form method="POST">',
    ],
)
def test_what_is_wrong_would_be_seen(text: str) -> None:
    assert Page(text).wrong
    form = '<form method="post"><input name="form_token"></form><form></form>'
    assert Page(f'<script src="/static/x.js"></script>{form}').wrong == []
