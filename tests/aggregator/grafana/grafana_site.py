"""A stand-in for Grafana's HTTP API on loopback, that keeps what it is given and refuses what Grafana would.

Paths, bodies, status codes and messages follow the documentation of Grafana 11. It is stricter in one way: a
key that the documentation does not name is refused, where Grafana would ignore it.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = Any

ADMIN, VIEWER = "glsa_tests-only-admin", "glsa_tests-only-viewer"
_RULE_KEYS = {
    "uid", "title", "condition", "data", "folderUID", "ruleGroup", "orgID", "noDataState", "execErrState",
    "for", "annotations", "labels", "isPaused",
}  # fmt: skip
_QUERY_KEYS = {"refId", "queryType", "relativeTimeRange", "datasourceUid", "model"}
_SOURCE_KEYS = {
    "uid", "name", "type", "access", "url", "basicAuth", "jsonData", "secureJsonData", "isDefault", "version",
}  # fmt: skip


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, code: int, message: str, **more: str) -> None:
        self.code = code
        self.body = {"message": message, **more}


@dataclass
class GrafanaSite:
    """What is in it; `writes` are the requests that would change something, in order."""

    url: str = ""
    version: str = "11.6.0"
    roles: dict[str, str] = field(default_factory=lambda: {ADMIN: "Admin", VIEWER: "Viewer"})
    folders: dict[str, Json] = field(default_factory=dict)
    sources: dict[str, Json] = field(default_factory=dict)
    secrets: dict[str, Json] = field(default_factory=dict)
    boards: dict[str, Json] = field(default_factory=dict)
    groups: dict[tuple[str, str], Json] = field(default_factory=dict)
    accounts: dict[int, Json] = field(default_factory=dict)
    tokens: dict[int, list[Json]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    before_write: Callable[[str], None] = lambda path: None

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Json, headers: Any) -> Json:
        """Answer a request; raises Refused."""
        if path == "/api/health":
            return {"commit": "0", "database": "ok", "version": self.version}
        role = self.roles.get(headers.get("Authorization", "").removeprefix("Bearer "))
        if role is None:
            raise Refused(401, "Invalid API key", messageId="api-key.invalid")
        if role != "Admin":
            raise Refused(403, "You'll need additional permissions to perform this action.")
        if method != "GET":
            self.before_write(path)
            self.writes.append(f"{method} {path}")
        for pattern, name in _ROUTES:
            if found := re.fullmatch(f"{method} {pattern}", f"{method} {path}"):
                handler = getattr(self, f"_{method.lower()}_{name}", None)
                if handler is not None:
                    return handler(*found.groups(), body=body, query=query, headers=headers)
        raise Refused(404, "Not found")

    def _get_folder(self, uid: str, **_: Any) -> Json:
        return _there(self.folders, uid, "folder not found")

    def _post_folders(self, body: Json, **_: Any) -> Json:
        _only(body, {"uid", "title", "parentUid"})
        if any(
            each["title"] == body["title"] or each["uid"] == body["uid"] for each in self.folders.values()
        ):
            raise Refused(409, "a folder with the same name already exists in the current location")
        made = {"id": len(self.folders) + 1, "version": 1, "url": f"/dashboards/f/{body['uid']}/x", **body}
        self.folders[body["uid"]] = made
        return made

    def _put_folder(self, uid: str, body: Json, **_: Any) -> Json:
        present = _there(self.folders, uid, "folder not found")
        _only(body, {"title", "version", "overwrite"})
        if body.get("version") != present["version"] and not body.get("overwrite"):
            raise Refused(412, "the folder has been changed by someone else", status="version-mismatch")
        self.folders[uid] = {**present, "title": body["title"], "version": present["version"] + 1}
        return self.folders[uid]

    def _get_source(self, uid: str, **_: Any) -> Json:
        present = _there(self.sources, uid, "Data source not found")
        return {**present, "secureJsonFields": dict.fromkeys(self.secrets.get(uid, {}), True)}

    def _post_sources(self, body: Json, **_: Any) -> Json:
        self._check_source(body)
        if body["uid"] in self.sources or body["name"] in {each["name"] for each in self.sources.values()}:
            raise Refused(409, "data source with the same name already exists")
        return self._keep_source(body, {"id": len(self.sources) + 1, "orgId": 1, "readOnly": False}, 1)

    def _put_source(self, uid: str, body: Json, **_: Any) -> Json:
        present = _there(self.sources, uid, "Data source not found")
        self._check_source(body)
        if present["readOnly"]:
            raise Refused(403, "Cannot update read-only data source")
        return self._keep_source(body, present, present["version"] + 1)

    def _check_source(self, body: Json) -> None:
        _only(body, _SOURCE_KEYS)
        if body["access"] not in {"proxy", "direct"} or not re.match(r"https?://", body["url"]):
            raise Refused(400, "bad request data")

    def _keep_source(self, body: Json, present: Json, version: int) -> Json:
        self.secrets[body["uid"]] = {**self.secrets.get(body["uid"], {}), **body.get("secureJsonData", {})}
        told = {key: value for key, value in body.items() if key != "secureJsonData"}
        self.sources[body["uid"]] = {
            **present,
            "isDefault": False,
            "database": "",
            **told,
            "version": version,
        }
        return {"datasource": self.sources[body["uid"]], "id": present["id"], "message": "Datasource added"}

    def _get_board(self, uid: str, **_: Any) -> Json:
        return _there(self.boards, uid, "Dashboard not found")

    def _post_board(self, body: Json, **_: Any) -> Json:
        _only(body, {"dashboard", "folderUid", "folderId", "message", "overwrite"})
        board, folder = body["dashboard"], body.get("folderUid", "")
        if folder not in self.folders:
            raise Refused(400, "folder not found")
        if not board.get("title") or not isinstance(board.get("panels"), list) or len(board["uid"]) > 40:
            raise Refused(400, "Dashboard title cannot be empty")
        present = self.boards.get(board["uid"])
        version = present["dashboard"]["version"] if present else 0
        if not body.get("overwrite"):
            if present and board.get("version") != version:
                message = "The dashboard has been changed by someone else"
                raise Refused(412, message, status="version-mismatch")
            others = [each for uid, each in self.boards.items() if uid != board["uid"]]
            if any(each["dashboard"]["title"] == board["title"] for each in others):
                message = "A dashboard with the same name in the folder already exists"
                raise Refused(412, message, status="name-exists")
        kept = {**board, "id": len(self.boards) + 1, "version": version + 1}
        self.boards[board["uid"]] = {"dashboard": kept, "meta": {"folderUid": folder, "provisioned": False}}
        return {"id": kept["id"], "uid": board["uid"], "status": "success", "version": version + 1}

    def _get_group(self, folder: str, title: str, **_: Any) -> Json:
        return _there(self.groups, (folder, title), "rule group not found")

    def _put_group(self, folder: str, title: str, body: Json, headers: Any, **_: Any) -> Json:
        _there(self.folders, folder, "folder not found")
        _only(body, {"title", "folderUid", "interval", "rules"})
        if body["title"] != title or body["folderUid"] != folder or body["interval"] % 10:
            raise Refused(400, "invalid alert rule group")
        others = [
            each for key, group in self.groups.items() if key != (folder, title) for each in group["rules"]
        ]
        for rule in body["rules"]:
            self._check_rule(rule, title, [each for each in [*body["rules"], *others] if each is not rule])
        provenance = "" if headers.get("X-Disable-Provenance") else "api"
        rules = [
            {"id": n, "updated": "now", "provenance": provenance, **rule}
            for n, rule in enumerate(body["rules"])
        ]
        for rule in rules:
            rule["data"] = [_completed(query) for query in rule["data"]]
        self.groups[folder, title] = {**body, "rules": rules}
        return body

    def _check_rule(self, rule: Json, group: str, others: list[Json]) -> None:
        _only(rule, _RULE_KEYS)
        missing = _RULE_KEYS - rule.keys()
        problems = (
            (missing, f"rule has no {', '.join(sorted(missing))}"),
            (rule["ruleGroup"] != group, "rule of another group"),
            (len(rule["uid"]) > 40, "uid is longer than 40 symbols"),
            (rule["title"] in {each["title"] for each in others}, "title is not unique"),
            (rule["uid"] in {each["uid"] for each in others}, "uid is not unique"),
            (rule["condition"] not in {each["refId"] for each in rule["data"]}, "condition does not exist"),
            (rule["noDataState"] not in {"Alerting", "NoData", "OK"}, "unknown no data state"),
            (rule["execErrState"] not in {"OK", "Alerting", "Error"}, "unknown error state"),
            (
                not re.fullmatch(r"(\d+d)?(\d+h)?(\d+m)?(\d+s)?", rule["for"]) or not rule["for"],
                "invalid for",
            ),
            (not _linked_in_full(rule["annotations"]), "both annotations must be specified"),
            (any(not isinstance(text, str) for text in rule["annotations"].values()), "bad annotation"),
        )
        for wrong, message in problems:
            if wrong:
                raise Refused(400, f"invalid alert rule: {message}")
        for query in rule["data"]:
            _only(query, _QUERY_KEYS)
            if query["datasourceUid"] not in {"__expr__", *self.sources}:
                raise Refused(400, f"invalid alert rule: data source {query['datasourceUid']} not found")

    def _get_search(self, query: dict[str, list[str]], **_: Any) -> Json:
        wanted = query.get("query", [""])[0]
        found = [each for each in self.accounts.values() if wanted in each["name"]]
        page = int(query.get("page", ["1"])[0])
        return {"totalCount": len(found), "serviceAccounts": found if page == 1 else [], "page": page}

    def _post_accounts(self, body: Json, **_: Any) -> Json:
        _only(body, {"name", "role", "isDisabled"})
        if body["role"] not in {"Viewer", "Editor", "Admin", "None"}:
            raise Refused(400, "invalid role specified")
        id_ = len(self.accounts) + 1
        self.accounts[id_] = {"id": id_, "login": f"sa-{body['name']}", "orgId": 1, "tokens": 0, **body}
        return self.accounts[id_]

    def _patch_account(self, id_: str, body: Json, **_: Any) -> Json:
        _only(body, {"name", "role", "isDisabled"})
        present = _there(self.accounts, int(id_), "service account not found")
        present.update(body)
        return {"message": "Service account updated", "serviceaccount": present}

    def _post_tokens(self, id_: str, body: Json, **_: Any) -> Json:
        _only(body, {"name", "role", "secondsToLive"})
        account = _there(self.accounts, int(id_), "service account not found")
        known = self.tokens.setdefault(account["id"], [])
        if body["name"] in {each["name"] for each in known}:
            raise Refused(409, "token with given name already exists")
        made = {
            "id": len(known) + 1,
            "name": body["name"],
            "key": f"glsa_tests-only-{account['id']}-{len(known)}",
        }
        known.append(made)
        self.roles[made["key"]] = account["role"]
        return made


_ROUTES = (
    ("/api/folders", "folders"),
    ("/api/folders/([^/]+)", "folder"),
    ("/api/datasources", "sources"),
    ("/api/datasources/uid/([^/]+)", "source"),
    ("/api/dashboards/uid/([^/]+)", "board"),
    ("/api/dashboards/db", "board"),
    ("/api/v1/provisioning/folder/([^/]+)/rule-groups/([^/]+)", "group"),
    ("/api/serviceaccounts/search", "search"),
    ("/api/serviceaccounts/?", "accounts"),
    (r"/api/serviceaccounts/(\d+)", "account"),
    (r"/api/serviceaccounts/(\d+)/tokens", "tokens"),
)


def _there(among: dict[Any, Json], key: Any, message: str) -> Json:
    if key not in among:
        raise Refused(404, message)
    return among[key]


def _only(body: Json, keys: set[str]) -> None:
    if not isinstance(body, dict) or body.keys() - keys:
        raise Refused(400, f"bad request data: {sorted(body.keys() - keys)}")


def _linked_in_full(annotations: Json) -> bool:
    """Return whether a rule names a panel of a dashboard, or neither."""
    board, panel = annotations.get("__dashboardUid__", ""), annotations.get("__panelId__", "")
    return bool(board) == bool(panel) and (not panel or panel.isdigit())


def _completed(query: Json) -> Json:
    """Return a query with what Grafana adds to it."""
    model = {"intervalMs": 1000, "maxDataPoints": 43200, **query["model"]}
    return {"queryType": "", **query, "model": model}


class _Handler(BaseHTTPRequestHandler):
    site: GrafanaSite

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        parts = urlsplit(self.path)
        try:
            status, answer = (
                200,
                self.site.answer(self.command, parts.path, parse_qs(parts.query), body, self.headers),
            )
        except Refused as refused:
            status, answer = refused.code, refused.body
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = _handle

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def grafana_site() -> Iterator[GrafanaSite]:
    """Give an empty Grafana of our own."""
    site = GrafanaSite()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site}))
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="grafana")
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
