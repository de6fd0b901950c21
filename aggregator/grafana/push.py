"""Brings a Grafana to what is wanted, step by step: what is the same stays untouched.

Each step is looked at before anything is written, so that a dry run says what would be done.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from aggregator.grafana.difference import lines, seen_as
from aggregator.grafana.site import GrafanaError, Site
from aggregator.grafana.wanted import (
    FOLDER,
    FOLDER_UID,
    MASKED,
    VIEWER,
    Json,
    Place,
    dashboards,
    data_sources,
    rule_group,
    secret_of,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One thing: what to do with it (`create`, `change`, `keep`), how it differs, and how to do it."""

    what: str
    action: str
    difference: tuple[str, ...]
    do: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator asked for; `viewer_token` is where the token of the viewer goes, if anywhere."""

    languages: Sequence[str]
    influx_token: str | None = field(default=None, repr=False)
    replace_token: bool = False
    viewer_token: Path | None = None


def steps(site: Site, place: Place, wishes: Wishes, now: datetime) -> Iterator[Step]:
    """Yield what is to be done, in its order; each is looked at once the ones before it are done."""
    yield _folder(site)
    for source in data_sources(place):
        yield _data_source(site, source, wishes)
    for dashboard in dashboards(place, wishes.languages):
        yield _dashboard(site, dashboard)
    yield _rules(site, rule_group(place))
    yield _viewer(site, wishes.viewer_token, now)


def _step(what: str, present: Json | None, wanted: Json, do: Callable[[], object]) -> Step:
    difference = tuple(lines(present, wanted))
    action = "create" if present is None else "change" if difference else "keep"
    return Step(what, action, difference, do)


def _folder(site: Site) -> Step:
    present, wanted = site.folder(), {"title": FOLDER}
    if present is None:
        return _step(f"folder {FOLDER}", None, wanted, lambda: site.create_folder(FOLDER))
    version = present.get("version", 1)
    seen = seen_as(present, wanted)
    return _step(f"folder {FOLDER}", seen, wanted, lambda: site.rename_folder(FOLDER, version))


def _data_source(site: Site, source: Json, wishes: Wishes) -> Step:
    what, present = f"data source {source['name']}", site.data_source(source["uid"])
    has_secret = present is not None and bool(present.get("secureJsonFields", {}).get("httpHeaderValue1"))
    if not has_secret and wishes.influx_token is None:
        raise GrafanaError(f"{what}: needs a token that may read InfluxDB; give --influx-token-file")
    renewed = not has_secret or wishes.replace_token
    secret = secret_of(wishes.influx_token) if renewed and wishes.influx_token else {}
    body = {**source, "secureJsonData": secret} if secret else dict(source)
    wanted = {**source, "token": f"{MASKED}, replaced" if has_secret and secret else MASKED}
    if present is None:
        return _step(what, None, wanted, lambda: site.create_data_source(body))
    seen = {**seen_as(present, source), **({"token": MASKED} if has_secret else {})}
    step = _step(what, seen, wanted, lambda: site.update_data_source(body))
    if step.action == "change" and present.get("readOnly"):
        raise GrafanaError(
            f"{what}: a file of that Grafana holds it, which says something else; change it there, or take "
            "it out there and push again"
        )
    return step


def _dashboard(site: Site, wanted: Json) -> Step:
    what, found = f"dashboard {wanted['title']} ({wanted['uid']})", site.dashboard(wanted["uid"])
    if found is None:
        body = {**wanted, "version": 0}
        return _step(what, None, wanted, lambda: site.save_dashboard(body, "machikoba grafana push"))
    present, where = found["dashboard"], found["meta"].get("folderUid", "")
    body = {**wanted, "version": present["version"]}
    seen = {key: value for key, value in present.items() if key not in {"id", "version"}}
    placed = {**wanted, "folder": FOLDER_UID}
    return _step(
        what, {**seen, "folder": where}, placed, lambda: site.save_dashboard(body, "machikoba grafana push")
    )


def _rules(site: Site, wanted: Json) -> Step:
    what, present = f"alert rules {wanted['title']}", site.rule_group(wanted["title"])
    if present is None or not present.get("rules"):
        return _step(what, None, wanted, lambda: site.save_rule_group(wanted))
    order = [rule["uid"] for rule in wanted["rules"]]
    known = sorted(
        present["rules"], key=lambda rule: order.index(rule["uid"]) if rule["uid"] in order else len(order)
    )
    seen = seen_as({**present, "rules": known}, wanted)
    return _step(what, seen, wanted, lambda: site.save_rule_group(wanted))


def _viewer(site: Site, token_file: Path | None, now: datetime) -> Step:
    present, wanted = site.service_account(VIEWER), {"name": VIEWER, "role": "Viewer", "isDisabled": False}
    fresh_token = token_file if token_file is not None and not token_file.exists() else None
    told = {**wanted, "token": f"new, in {fresh_token}"} if fresh_token else wanted

    def do() -> None:
        account = present or site.create_service_account(VIEWER, "Viewer")
        if present is not None and seen_as(present, wanted) != wanted:
            site.change_service_account(account["id"], "Viewer")
        if fresh_token is not None:
            _keep(fresh_token, lambda: site.create_token(account["id"], f"machikoba {now:%Y-%m-%d %H:%M:%S}"))

    seen = None if present is None else seen_as(present, wanted)
    return _step(f"service account {VIEWER}", seen, told, do)


def _keep(path: Path, make: Callable[[], str]) -> None:
    """Write a secret to a new file that only its owner reads; nothing is made when the file cannot be."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise GrafanaError(f"--viewer-token-file: {path}: cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        try:
            file.write(f"{make()}\n")
        except GrafanaError:
            path.unlink()
            raise
