"""The files that Grafana reads are fresh, whole in both languages, and of Grafana's own form."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.alerting import RuleGroup
from grafana_foundation_sdk.models.dashboard import Dashboard

from aggregator.config import PROCESSES, AlertSettings
from aggregator.grafana.wanted import FOLDER as FOLDER_TITLE
from aggregator.grafana.wanted import Place, data_sources, secret_of
from dashboards.alerts import ALERTS
from dashboards.files import FOLDER, PROVISIONED_ALERTS, files
from dashboards.japanese import JAPANESE
from dashboards.words import LANGUAGES
from tests.structure.sources import ROOT

BOARDS = sorted(path for path in files() if path.parent != FOLDER and path.suffix == ".json")
PROVISIONING = PROVISIONED_ALERTS.parents[1]
JAPANESE_LETTER = re.compile(r"[぀-ヿ一-鿿]")


@pytest.mark.parametrize("path", files(), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_file_is_what_the_code_says(path: Path) -> None:
    assert path.read_text("utf-8") == files()[path], "run make dashboards"


def test_no_file_is_left_over() -> None:
    assert set(FOLDER.rglob("*.json")) == {path for path in files() if path.suffix == ".json"}


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_grafanas_own_schema_reads_all_of_it(path: Path) -> None:
    found = json.loads(path.read_text("utf-8"))
    bare = json.loads(path.read_text("utf-8"))
    for panel in bare["panels"]:
        panel.pop("targets", None)  # the SDK knows no queries of InfluxDB
    read = json.loads(json.dumps(Dashboard.from_json(bare), cls=JSONEncoder))
    assert read == bare
    assert found["uid"] == f"machikoba-{path.stem}-{path.parent.name}"
    assert len(found["uid"]) <= 40


def test_both_languages_ask_the_same() -> None:
    for english in (path for path in BOARDS if path.parent.name == "en"):
        one, other = (json.loads(path.read_text("utf-8")) for path in (english, FOLDER / "ja" / english.name))
        assert [_asked(panel) for panel in one["panels"]] == [_asked(panel) for panel in other["panels"]]


def test_japanese_is_japanese_and_english_is_not() -> None:
    for path in BOARDS:
        for text in _texts(json.loads(path.read_text("utf-8"))):
            if path.parent.name == "ja":
                assert JAPANESE_LETTER.search(text), text
            else:
                assert not JAPANESE_LETTER.search(text), text


def test_no_japanese_is_left_without_its_english() -> None:
    code = "".join(
        path.read_text("utf-8") for path in FOLDER.parent.glob("*.py") if path.name != "japanese.py"
    )
    assert [text for text in JAPANESE if json.dumps(text, ensure_ascii=False) not in code] == []


def test_states_and_levels_are_called_as_on_the_pages() -> None:
    catalogue = (ROOT / "aggregator/web/locale/ja/LC_MESSAGES/messages.po").read_text("utf-8")
    japanese, english = LANGUAGES
    for ours, theirs in zip(english.states + english.levels, japanese.states + japanese.levels, strict=True):
        assert f'msgid "{ours}"\nmsgstr "{theirs}"' in catalogue, ours


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_dashboards_are_linked_with_each_other_and_with_the_pages(path: Path) -> None:
    found = json.loads(path.read_text("utf-8"))
    links = found["links"]
    [siblings] = [link for link in links if link["type"] == "dashboards"]
    assert siblings["tags"] == [f"machikoba-{path.parent.name}"]
    assert f"machikoba-{path.parent.name}" in found["tags"]
    other = {"ja": "en", "en": "ja"}[path.parent.name]
    urls = [link.get("url") for link in links]
    assert f"/d/machikoba-{path.stem}-{other}" in urls
    assert {"${web}/capacity", "${web}/floor", "${web}/orders"} <= set(urls)


def test_rules_are_read_by_grafanas_schema_and_both_ways_in_are_the_same() -> None:
    group = json.loads((FOLDER / "alerts.json").read_text("utf-8"))
    bare = json.loads((FOLDER / "alerts.json").read_text("utf-8"))
    for rule in bare["rules"]:
        for query in rule["data"]:
            query.pop("model")
    assert json.loads(json.dumps(RuleGroup.from_json(bare), cls=JSONEncoder)) == bare
    provisioned = yaml.safe_load(PROVISIONED_ALERTS.read_text("utf-8"))
    [told] = provisioned["groups"]
    own = {"folderUID", "ruleGroup", "orgID"}
    assert (provisioned["apiVersion"], told["name"], told["interval"]) == (1, group["title"], "60s")
    assert told["rules"] == [
        {key: value for key, value in rule.items() if key not in own} for rule in group["rules"]
    ]


def test_provisioned_rules_hold_nothing_that_grafana_takes_for_its_environment() -> None:
    assert "$" not in PROVISIONED_ALERTS.read_text("utf-8")


def test_a_fresh_grafana_gets_the_data_sources_that_push_makes() -> None:
    text = (PROVISIONING / "datasources/machikoba.yaml").read_text("utf-8")
    environment = {"URL": "http://influx.example:8086", "BUCKET": "higashi", "TOKEN": "read"}
    for name, value in environment.items():
        text = text.replace(f"${{MACHIKOBA_INFLUX_{name}}}", value)
    found = yaml.safe_load(text)
    place = Place("", environment["URL"], "higashi", "https://machi.example", PROCESSES, AlertSettings())
    wanted = [{**source, "secureJsonData": secret_of("read")} for source in data_sources(place)]
    assert (found["apiVersion"], found["datasources"]) == (1, wanted)


def test_a_fresh_grafana_keeps_dashboards_and_rules_in_one_folder() -> None:
    [provider] = yaml.safe_load((PROVISIONING / "dashboards/machikoba.yaml").read_text("utf-8"))["providers"]
    [group] = yaml.safe_load(PROVISIONED_ALERTS.read_text("utf-8"))["groups"]
    assert provider["folder"] == group["folder"] == FOLDER_TITLE
    assert (provider["type"], provider["options"]["path"]) == ("file", "/var/lib/grafana/machikoba")


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_rules_speak_both_languages(alert: Any) -> None:
    for text in (alert.title, alert.summary, alert.advice):
        assert JAPANESE_LETTER.search(text.ja)
        assert not JAPANESE_LETTER.search(text.en)


def _asked(panel: Any) -> list[str]:
    renamed = re.compile(r' AS "[^"]*"')
    return [renamed.sub("", target["query"]) for target in panel.get("targets", [])]


def _texts(board: Any) -> list[str]:
    panels = [panel[key] for panel in board["panels"] for key in ("title", "description") if panel.get(key)]
    labels = [each["label"] for each in board["templating"]["list"] if "label" in each]
    return [board["title"], *panels, *labels]
