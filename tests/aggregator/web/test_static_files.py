import httpx
import pytest

from aggregator.web.static_files import FOR_EVER, STATIC, static_url


def test_a_files_address_changes_with_its_content(client: httpx.Client) -> None:
    answer = client.get(static_url("machikoba.css"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["cache-control"] == FOR_EVER


def test_without_its_version_a_file_is_not_kept_for_ever(client: httpx.Client) -> None:
    assert client.get("/static/machikoba.css").headers.get("cache-control") != FOR_EVER
    assert client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("name", ["../__init__.py", "..%2f__init__.py", "nothing.css", "", "%2e%2e/pages.py"])
def test_nothing_else_is_served(client: httpx.Client, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path in STATIC.iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path.name
        assert "https://" not in text, path.name
        assert "@import" not in text, path.name
