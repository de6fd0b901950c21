"""A Grafana by its HTTP API: what is there, and how it is changed; a failure is one sentence.

grafana-client is at work here; the calls are those that its versions 3 to 5 have in common.
"""

import re
from collections.abc import Callable
from typing import Any

from aggregator.errors import AggregatorError
from aggregator.grafana.wanted import FOLDER_UID, Json

TIMEOUT_S = 30.0
OLDEST = (11, 6)
"""The first version of Grafana whose own schema has all of it."""

_VERSION = re.compile(r"(\d+)\.(\d+)")


class GrafanaError(AggregatorError):
    """Grafana cannot be reached, or does not do what it is asked."""


class Site:
    """One organisation of a Grafana, seen with one token. All methods block and raise GrafanaError."""

    def __init__(self, url: str, token: str) -> None:
        try:
            from grafana_client import GrafanaApi
            from grafana_client.client import GrafanaException
        except ImportError as error:
            raise GrafanaError("grafana: install what it takes: pip install 'machikoba[grafana]'") from error
        self._url = url
        self._refusal = GrafanaException
        self._api = GrafanaApi.from_url(f"{url.rstrip('/')}/", credential=token, timeout=TIMEOUT_S)

    def check(self) -> None:
        """Look whether this is a Grafana, and a new enough one."""
        health = self._asked("its health", lambda: self._api.client.GET("/health"))
        version = str(health.get("version", "")) if isinstance(health, dict) else ""
        numbers = _VERSION.match(version)  # some hide it from strangers
        if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
            needed = ".".join(map(str, OLDEST))
            raise GrafanaError(f"grafana {self._url}: is version {version}; {needed} or newer is needed")

    def folder(self) -> Json | None:
        """Return the folder; None when there is none."""
        return self._found("the folder", lambda: self._api.folder.get_folder(FOLDER_UID), "title")

    def create_folder(self, title: str) -> None:
        """Make the folder."""
        self._asked("the folder", lambda: self._api.folder.create_folder(title, uid=FOLDER_UID))

    def rename_folder(self, title: str, version: int) -> None:
        """Give the folder another title, unless someone changed it since `version`."""
        self._asked(
            "the folder", lambda: self._api.folder.update_folder(FOLDER_UID, title=title, version=version)
        )

    def data_source(self, uid: str) -> Json | None:
        """Return a data source without its secret; None when there is none."""
        return self._found(
            f"data source {uid}", lambda: self._api.datasource.get_datasource_by_uid(uid), "name"
        )

    def create_data_source(self, source: Json) -> None:
        """Make a data source."""
        self._asked(f"data source {source['uid']}", lambda: self._api.datasource.create_datasource(source))

    def update_data_source(self, source: Json) -> None:
        """Change a data source; without `secureJsonData` it keeps its secret."""
        uid = source["uid"]
        self._asked(f"data source {uid}", lambda: self._api.datasource.update_datasource_by_uid(uid, source))

    def dashboard(self, uid: str) -> Json | None:
        """Return a dashboard (`dashboard`) and where it is (`meta`); None when there is none."""
        return self._found(
            f"dashboard {uid}", lambda: self._api.dashboard.get_dashboard(uid), "dashboard", "meta"
        )

    def save_dashboard(self, dashboard: Json, message: str) -> None:
        """Make or change a dashboard, unless someone changed it since its `version`."""
        body = {"dashboard": dashboard, "folderUid": FOLDER_UID, "message": message, "overwrite": False}
        self._asked(f"dashboard {dashboard['uid']}", lambda: self._api.dashboard.update_dashboard(body))

    def rule_group(self, title: str) -> Json | None:
        """Return a group of alert rules; None when there is none."""
        alerting = self._api.alertingprovisioning
        return self._found("the alert rules", lambda: alerting.get_rule_group(FOLDER_UID, title), "rules")

    def save_rule_group(self, group: Json) -> None:
        """Make or replace a group of alert rules, which people may go on to change in Grafana."""
        alerting, title = self._api.alertingprovisioning, group["title"]
        self._asked(
            "the alert rules",
            lambda: alerting.update_rule_group(FOLDER_UID, title, group, disable_provenance=True),
        )

    def service_account(self, name: str) -> Json | None:
        """Return the service account of this name; None when there is none."""
        accounts = self._api.serviceaccount
        [page] = self._asked("the service account", lambda: accounts.search(query=name, page=1))
        named = [each for each in page["serviceAccounts"] if each["name"] == name]
        return named[0] if named else None

    def create_service_account(self, name: str, role: str) -> Json:
        """Make a service account; return it."""
        body = {"name": name, "role": role, "isDisabled": False}
        made: Json = self._asked("the service account", lambda: self._api.serviceaccount.create(body))
        return made

    def change_service_account(self, id_: int, role: str) -> None:
        """Give a service account its role."""
        body = {"role": role, "isDisabled": False}
        self._asked(
            "the service account", lambda: self._api.client.PATCH(f"/serviceaccounts/{id_}", json=body)
        )

    def create_token(self, id_: int, name: str) -> str:
        """Make a token of a service account; return it, for it is shown only once."""
        accounts = self._api.serviceaccount
        made = self._asked("the token", lambda: accounts.create_token(id_, {"name": name}))
        return str(made["key"])

    def _found(self, what: str, ask: Callable[[], Any], *keys: str) -> Json | None:
        """Return what is there; an answer without these keys is no Grafana's."""
        try:
            found = self._asked(what, ask)
        except _Missing:
            return None
        if not isinstance(found, dict) or not found.keys() >= set(keys):
            raise self._stranger()
        return found

    def _stranger(self) -> GrafanaError:
        return GrafanaError(f"grafana {self._url}: answers in no way Grafana does")

    def _asked(self, what: str, ask: Callable[[], Any]) -> Any:
        place = f"grafana {self._url}: {what}"
        try:
            answer = ask()
        except self._refusal as error:
            raise _refused(place, error.status_code, error.response) from error
        except ValueError as error:  # a page instead of JSON; of the library's errors it is the narrower one
            raise self._stranger() from error
        except OSError as error:
            raise GrafanaError(
                f"grafana {self._url}: cannot be reached ({type(error).__name__}); is it running?"
            ) from error
        if isinstance(answer, str):  # a page: the library hands those on
            raise self._stranger()
        return answer


class _Missing(GrafanaError):
    """There is nothing of this kind."""


def _refused(place: str, status: int, body: object) -> GrafanaError:
    said = body.get("message", body) if isinstance(body, dict) else body
    text = " ".join(str(said).split())[:200]
    if status == 401:
        return GrafanaError(f"{place}: the token is not valid ({text}); check --token-file")
    if status == 403:
        return GrafanaError(
            f"{place}: the token may not do this ({text}); it takes a service account with the role Admin"
        )
    if status == 404:
        return _Missing(f"{place}: is not there ({text})")
    if status == 409 or (isinstance(body, dict) and body.get("status") == "name-exists"):
        return GrafanaError(
            f"{place}: something else has its name or uid ({text}); rename or remove that, then push again"
        )
    if status == 412:
        return GrafanaError(
            f"{place}: was changed in Grafana meanwhile ({text}); look at it, then push again"
        )
    return GrafanaError(f"{place}: status {status}: {text}")
