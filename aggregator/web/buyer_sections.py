"""The parts of a buyer's page, rendered once for all who look in one language: a view in, HTML out."""

from dataclasses import dataclass, replace
from functools import partial

from markupsafe import Markup

from aggregator.buyers.view import BuyerView
from aggregator.config import Config
from aggregator.web.buyer_words import DOING, VERDICTS, BuyerSay
from aggregator.web.formats import Formats
from aggregator.web.pages import environment, process_name

SECTIONS = ("answer", "steps", "changes", "handovers")
"""In the order in which they stand on the page."""
_KEPT = 200

Sections = dict[str, Markup]


@dataclass(frozen=True, slots=True)
class _Rendered:
    view: BuyerView
    sections: Sections


class BuyerSections:
    """Remembers what was rendered last of each order; what it keeps is bounded."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._known: dict[tuple[str, str], _Rendered] = {}

    def render(self, view: BuyerView, language: str) -> Sections:
        """Return the page's parts by name; the same objects while nothing but the time changed."""
        place = (view.order, language)
        known = self._known.pop(place, None)
        if known is None or replace(known.view, now_ms=view.now_ms) != view:
            known = _Rendered(view, self._render(view, language))
        self._known[place] = known
        while len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        return known.sections

    def say(self, language: str) -> BuyerSay:
        """Return how things are said in a language."""
        name = partial(process_name, self._config.processes, language)
        return BuyerSay(Formats(language, self._config.zone), name)

    def _render(self, view: BuyerView, language: str) -> Sections:
        return {name: self.part(name, view, language) for name in SECTIONS}

    def part(self, name: str, view: BuyerView, language: str) -> Markup:
        """Return one part as HTML; the factory page shows with it what buyers see of the factory."""
        say = self.say(language)
        values = {
            "view": view,
            "say": say,
            "fmt": say.fmt,
            "doing": DOING,
            "verdicts": VERDICTS,
            "processes": {step.position: step.process for step in view.steps},
        }
        return Markup(environment(language).get_template(f"buyer_{name}.html").render(values).strip())
