"""`machikoba grafana`: what is missing is made, what differs changed; a failure is a sentence."""

import copy
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from aggregator.__main__ import main
from aggregator.grafana.wanted import FOLDER, duration_text
from tests.aggregator.grafana.grafana_site import ADMIN, VIEWER, GrafanaSite, grafana_site
from tests.stack import free_port

READ_TOKEN = "tests-only-influx-read"
Push = Callable[..., int]


@pytest.fixture
def site() -> Iterator[GrafanaSite]:
    with grafana_site() as site:
        yield site


@pytest.fixture
def push(site: GrafanaSite, tmp_path: Path) -> Push:
    """Push with these flags, to the Grafana of the test unless told otherwise."""
    (tmp_path / "grafana").write_text(f"{ADMIN}\n")
    (tmp_path / "viewer").write_text(VIEWER)
    (tmp_path / "wrong").write_text("glsa_wrong")
    (tmp_path / "influx").write_text(READ_TOKEN)
    (tmp_path / "machikoba.toml").write_text(
        """federation = "higashimachi"
[web]
public_url = "https://machi.example"
[alerts]
raise_at = 0.6
for_s = 90
[influx]
url = "http://influx.example:8086"
org = "machikoba"
token_file = "never-read"
bucket = "higashi"
[processes.welding]
ja = "溶接"
en = "Welding, arc"
"""
    )

    def run(*flags: str, url: str = site.url, token: str = "grafana", influx: bool = True) -> int:
        given = [
            "--url",
            url,
            "--token-file",
            str(tmp_path / token),
            "--config",
            str(tmp_path / "machikoba.toml"),
        ]
        if influx:
            given += ["--influx-token-file", str(tmp_path / "influx")]
        return main(["grafana", "push", *given, *flags])

    return run


def test_an_empty_grafana_gets_all_of_it(push: Push, site: GrafanaSite) -> None:
    assert push() == 0
    assert site.folders["machikoba"]["title"] == "町工場 Machikoba"
    measured, totals = site.sources["machikoba"], site.sources["machikoba-totals"]
    assert (measured["name"], measured["jsonData"]["dbName"]) == ("Machikoba", "higashi")
    assert (totals["name"], totals["jsonData"]["dbName"]) == ("Machikoba totals", "higashi-totals")
    assert measured["url"] == "http://influx.example:8086"
    assert site.secrets["machikoba"] == {"httpHeaderValue1": f"Token {READ_TOKEN}"}
    names = ("agents", "live-capacity", "machine")
    assert set(site.boards) == {f"machikoba-{name}-{language}" for name in names for language in ("ja", "en")}
    assert {each["meta"]["folderUid"] for each in site.boards.values()} == {"machikoba"}
    [group] = site.groups.values()
    assert [rule["labels"]["machikoba"] for rule in group["rules"]] == [
        "machine-down",
        "agent-silent",
        "order-at-risk",
    ]
    assert {rule["provenance"] for rule in group["rules"]} == {""}  # people may go on in Grafana
    [account] = site.accounts.values()
    assert (account["name"], account["role"]) == ("machikoba-viewer", "Viewer")
    assert site.tokens == {}


def test_pushing_again_writes_nothing(
    push: Push, site: GrafanaSite, capsys: pytest.CaptureFixture[str]
) -> None:
    push()
    made = len(site.writes)
    assert made == 1 + 2 + 6 + 1 + 1
    capsys.readouterr()
    assert push() == 0
    assert site.writes[made:] == []
    told = capsys.readouterr().out.splitlines()
    assert len(told) == made
    assert {line.split()[0] for line in told} == {"unchanged"}


def test_a_dry_run_writes_nothing_and_says_what_would_be_done(
    push: Push, site: GrafanaSite, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push("--dry-run") == 0
    assert site.writes == []
    told = capsys.readouterr().out
    assert "would create  dashboard 空き能力ライブ (machikoba-live-capacity-ja)" in told
    assert told.count("would create") == 11
    assert READ_TOKEN not in told


def test_what_was_changed_by_hand_is_shown_and_put_right(
    push: Push, site: GrafanaSite, capsys: pytest.CaptureFixture[str]
) -> None:
    push()
    made = copy.deepcopy((site.boards, site.groups))
    board = site.boards["machikoba-agents-en"]["dashboard"]
    board["title"], board["version"] = "Mine", 7
    site.sources["machikoba"]["url"] = "http://elsewhere:8086"
    site.groups["machikoba", "machikoba"]["rules"][0]["for"] = "5m"
    del site.groups["machikoba", "machikoba"]["rules"][2]
    site.folders["machikoba"]["title"] = "Other"
    site.accounts[1]["role"] = "Editor"
    site.writes.clear()
    capsys.readouterr()
    assert push("--dry-run") == 0
    told = capsys.readouterr().out
    for line in (
        '-  "title": "Mine"',
        '+  "title": "Agents"',
        '-  "url": "http://elsewhere:8086"',
        '-      "for": "5m",',
        '+      "for": "30m",',
        '+  "title": "町工場 Machikoba"',
        '-  "role": "Editor"',
    ):
        assert f"    {line}" in told, line
    assert told.count("would change") == 5
    assert site.writes == []
    assert push() == 0
    assert len(site.writes) == 5
    assert site.boards["machikoba-agents-en"]["dashboard"]["version"] == 8
    made[0]["machikoba-agents-en"]["dashboard"] |= {"version": 8}
    assert site.boards["machikoba-agents-en"]["dashboard"]["title"] == "Agents"
    assert site.groups == made[1]
    assert site.accounts[1]["role"] == "Viewer"
    assert site.secrets["machikoba"] == {"httpHeaderValue1": f"Token {READ_TOKEN}"}


def test_what_grafana_adds_by_itself_is_no_difference(push: Push, site: GrafanaSite) -> None:
    push()
    site.sources["machikoba"] |= {"typeName": "InfluxDB", "user": "", "withCredentials": False}
    site.groups["machikoba", "machikoba"]["rules"][0]["notification_settings"] = None
    site.writes.clear()
    push()
    assert site.writes == []


def test_a_dashboard_in_another_folder_comes_back(push: Push, site: GrafanaSite) -> None:
    push()
    site.boards["machikoba-machine-ja"]["meta"]["folderUid"] = "elsewhere"
    push()
    assert site.boards["machikoba-machine-ja"]["meta"]["folderUid"] == "machikoba"


def test_settings_are_in_what_is_pushed(push: Push, site: GrafanaSite) -> None:
    push()
    for language, name in (("ja", "溶接"), ("en", "Welding\\, arc")):
        variables = {
            each["name"]: each
            for each in site.boards[f"machikoba-live-capacity-{language}"]["dashboard"]["templating"]["list"]
        }
        assert variables["web"]["query"] == "https://machi.example"
        assert variables["web"]["current"]["value"] == "https://machi.example"
        assert variables["process"]["query"].endswith(f", {name} : welding")
        told = json.dumps(site.boards[f"machikoba-live-capacity-{language}"], ensure_ascii=False)
        shown = name.replace("\\", "")
        assert f'"welding": {{"text": "{shown}"}}' in told
        legend = {
            "matcher": {"id": "byName", "options": "welding"},
            "properties": [{"id": "displayName", "value": shown}],
        }
        assert told.count(json.dumps(legend, ensure_ascii=False)) == 2  # the charts by process
        assert told.count('"options": "cutting"}') == 2
        assert "127.0.0.1:8000" not in told
    order = site.groups["machikoba", "machikoba"]["rules"][2]
    assert (order["for"], order["data"][2]["model"]["conditions"][0]["evaluator"]["params"]) == (
        "1m30s",
        [0.6],
    )


def test_flags_say_where_things_are_as_grafana_sees_them(push: Push, site: GrafanaSite) -> None:
    assert push("--influx-url", "http://influxdb:8086/", "--web-url", "https://elsewhere.example/machi/") == 0
    assert site.sources["machikoba"]["url"] == "http://influxdb:8086"
    assert "https://elsewhere.example/machi" in json.dumps(site.boards["machikoba-machine-ja"])


def test_one_language_is_pushed_where_one_is_asked_for(push: Push, site: GrafanaSite) -> None:
    push("--language", "ja")
    assert {uid[-2:] for uid in site.boards} == {"ja"}


def test_two_federations_share_a_grafana(push: Push, site: GrafanaSite) -> None:
    assert push() == 0
    assert push("--name", "west", "--web-url", "https://west.example") == 0
    assert set(site.sources) == {"machikoba", "machikoba-totals", "machikoba-west", "machikoba-west-totals"}
    assert site.sources["machikoba-west"]["name"] == "Machikoba west"
    asked = [rule["data"][0]["datasourceUid"] for rule in site.groups["machikoba", "machikoba-west"]["rules"]]
    assert asked == ["machikoba-west"] * 3
    assert len(site.boards) == 12
    west = json.dumps(site.boards["machikoba-live-capacity-ja-west"], ensure_ascii=False)
    assert "空き能力ライブ (west)" in west
    assert "https://machi.example" not in west
    assert "/d/machikoba-machine-ja-west?" in west
    assert site.boards["machikoba-live-capacity-ja-west"]["dashboard"]["tags"][1] == "machikoba-ja-west"
    leading = site.groups["machikoba", "machikoba-west"]["rules"][0]["annotations"]["__dashboardUid__"]
    assert leading == "machikoba-machine-ja-west"
    assert "https://west.example" not in json.dumps(site.boards["machikoba-live-capacity-ja"])
    site.writes.clear()
    assert push() == push("--name", "west", "--web-url", "https://west.example") == 0
    assert site.writes == []
    assert push("--name", "twelve-chars") == 0


def test_a_token_that_may_only_look_is_written_once_for_its_owner_alone(
    push: Push, site: GrafanaSite, tmp_path: Path
) -> None:
    path = tmp_path / "looking"
    assert push("--viewer-token-file", str(path), "--dry-run") == 0
    assert not path.exists()
    assert push("--viewer-token-file", str(path)) == 0
    assert push("--viewer-token-file", str(path)) == 0
    [[token]] = site.tokens.values()
    assert path.read_text() == f"{token['key']}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert site.roles[token["key"]] == "Viewer"


def test_the_token_for_influx_is_replaced_only_when_asked(
    push: Push, site: GrafanaSite, tmp_path: Path
) -> None:
    push()
    (tmp_path / "influx").write_text("tests-only-fresh")
    push()
    assert site.secrets["machikoba"] == {"httpHeaderValue1": f"Token {READ_TOKEN}"}
    push("--replace-token")
    assert (
        site.secrets["machikoba"]
        == site.secrets["machikoba-totals"]
        == {"httpHeaderValue1": "Token tests-only-fresh"}
    )
    assert push(influx=False) == 0


def test_someone_elses_change_in_between_is_not_overwritten(
    push: Push, site: GrafanaSite, capsys: pytest.CaptureFixture[str]
) -> None:
    push()
    board = site.boards["machikoba-machine-en"]["dashboard"]
    board["title"] = "Theirs"

    def meanwhile(path: str) -> None:
        if path == "/api/dashboards/db":
            board["version"] += 1

    site.before_write = meanwhile
    assert push() == 1
    assert board["title"] == "Theirs"
    assert "dashboard machikoba-machine-en: was changed in Grafana meanwhile" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("wrong", "the token is not valid (Invalid API key); check --token-file"),
        ("viewer", "with the role Admin"),
    ],
)
def test_a_token_that_may_not_is_told_so(
    push: Push, site: GrafanaSite, capsys: pytest.CaptureFixture[str], token: str, sentence: str
) -> None:
    assert push(token=token) == 1
    said = capsys.readouterr().err
    assert said.startswith("machikoba: grafana http://127.0.0.1:")
    assert sentence in said
    assert said.count("\n") == 1
    assert site.writes == []


def test_a_data_source_that_a_file_holds_is_left_to_it(
    push: Push, site: GrafanaSite, capsys: pytest.CaptureFixture[str]
) -> None:
    push()
    site.sources["machikoba"] |= {"readOnly": True, "url": "http://elsewhere:8086"}
    assert push() == 1
    told = "data source Machikoba: a file of that Grafana holds it, which says something else; change it"
    assert told in capsys.readouterr().err
    site.sources["machikoba"] |= {"url": "http://influx.example:8086"}
    assert push() == 0


@pytest.mark.parametrize("what", ["folder", "data source machikoba", "dashboard machikoba-agents-ja"])
def test_a_name_that_something_else_has_is_told(
    push: Push, site: GrafanaSite, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    if what == "folder":
        site.folders["other"] = {"uid": "other", "title": FOLDER}
    elif what.startswith("data"):
        site.sources["other"] = {"uid": "other", "name": "Machikoba", "readOnly": False}
    else:
        push()
        site.boards["other"] = site.boards.pop("machikoba-agents-ja")
    assert push() == 1
    said = capsys.readouterr().err
    assert f"{what}: something else has its name or uid (" in said
    assert "rename or remove that, then push again" in said
    assert said.count("\n") == 1


def test_wrong_flags_are_told_in_one_sentence(
    push: Push, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").write_text("\n")
    wrong: dict[str, Callable[[], int]] = {
        "give --influx-token-file": lambda: push(influx=False),
        "--token-file: ": lambda: push(token="missing"),
        "expected a token on one line": lambda: push(token="empty"),
        "--name: expected": lambda: push("--name", "West Side"),
        "--url: expected an address": lambda: push(url="grafana.example"),
        "--web-url: expected an address": lambda: push("--web-url", "machi"),
        "--replace-token: needs": lambda: push("--replace-token", influx=False),
    }
    for sentence, run in wrong.items():
        assert run() == 1, sentence
        said = capsys.readouterr().err
        assert sentence in said
        assert said.count("\n") == 1


def test_without_influx_there_is_nothing_to_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t").write_text("x")
    given = [
        "--url",
        "http://127.0.0.1:9",
        "--token-file",
        str(tmp_path / "t"),
        "--federation",
        "higashimachi",
    ]
    assert main(["grafana", "push", *given]) == 1
    assert "--influx-url: give it, or [influx] in the settings" in capsys.readouterr().err


def test_nobody_there_and_somebody_else_there_are_told(
    push: Push, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(url=f"http://127.0.0.1:{free_port()}") == 1
    assert "cannot be reached (ConnectionError); is it running?" in capsys.readouterr().err
    for said in (b"<p/>", b"", b"[]", b"null", b'{"folders":[]}'):
        with _page(said) as url:
            assert push(url=url) == 1
        assert "answers in no way Grafana does" in capsys.readouterr().err


def test_an_old_grafana_is_told(push: Push, site: GrafanaSite, capsys: pytest.CaptureFixture[str]) -> None:
    site.version = "11.5.1"
    assert push() == 1
    assert "is version 11.5.1; 11.6 or newer is needed" in capsys.readouterr().err
    assert site.writes == []


def test_files_for_a_folder_hold_the_settings(
    push: Push, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "boards"
    given = ["--config", str(tmp_path / "machikoba.toml"), "--language", "en"]
    before = os.umask(0o077)
    try:
        assert main(["grafana", "write", str(folder), *given]) == 0
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}
    written = {path.name: json.loads(path.read_text("utf-8")) for path in folder.iterdir()}
    assert set(written) == {f"machikoba-{name}-en.json" for name in ("agents", "live-capacity", "machine")}
    assert all("https://machi.example" in json.dumps(board) for board in written.values())
    assert main(["grafana", "write", str(tmp_path / "influx" / "x"), *given]) == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (60, "1m"), (90, "1m30s"), (86_400, "1d"), (5400.4, "1h30m")]
)
def test_durations_are_written_as_grafana_does(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


class _Page(BaseHTTPRequestHandler):
    said: bytes

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.said[:1] == b"<" else "application/json")
        self.send_header("Content-Length", str(len(self.said)))
        self.end_headers()
        self.wfile.write(self.said)

    def log_message(self, *_: object) -> None:
        pass


class _page:
    """A server that is no Grafana, and says this."""

    def __init__(self, said: bytes) -> None:
        self._handler = type("Own", (_Page,), {"said": said})

    def __enter__(self) -> str:
        self._server = HTTPServer(("127.0.0.1", 0), self._handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="page")
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
