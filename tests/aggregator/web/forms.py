"""Reads a form out of a page as a browser would send it."""

from html.parser import HTMLParser

Posted = dict[str, list[str]]


class _Form(HTMLParser):
    def __init__(self, action: str) -> None:
        super().__init__()
        self._action = action
        self._inside = False
        self._select = ""
        self.fields: Posted = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            self._inside = said.get("action") == self._action
        if not self._inside:
            return
        name = said.get("name") or ""
        if tag == "input" and said.get("type") not in {"file", "submit"}:
            if said.get("type") not in {"checkbox", "radio"} or "checked" in said:
                self.fields.setdefault(name, []).append(said.get("value") or ("on" * ("value" not in said)))
        elif tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in said or self._select not in self.fields):
            self.fields[self._select] = [said.get("value") or ""]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def form_in(html: str, action: str) -> Posted:
    """Return the fields of the form that is sent to `action`."""
    reader = _Form(action)
    reader.feed(html)
    assert reader.fields, f"no form for {action}"
    return reader.fields
