"""A run that cannot go on ends with one sentence; nothing it started is left."""

import io
import socket
from pathlib import Path

import psutil
import pytest

from aggregator.demo import run as module
from aggregator.demo.folder import DemoError, open_folder
from aggregator.demo.ports import HOST, free_port
from aggregator.demo.run import Wish, run_demo
from aggregator.demo.screen import Screen


@pytest.mark.parametrize(
    ("taken", "cure"), [("web", "choose another with --port"), ("mqtt", "start the demo again")]
)
async def test_a_port_that_is_taken_after_it_was_found_free_ends_the_demo_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: str, cure: str
) -> None:
    said, before = io.StringIO(), set(psutil.Process().children(recursive=True))
    with socket.create_server((HOST, 0)) as other, open_folder(tmp_path / "demo") as folder:
        port = other.getsockname()[1]
        web, mqtt = (port, free_port()) if taken == "web" else (free_port(), port)
        monkeypatch.setattr(module, "is_free", lambda _port: True)
        monkeypatch.setattr(module, "free_port", lambda *_: mqtt)
        with pytest.raises(DemoError, match=f"^port {port} is taken by another program; {cure}"):
            await run_demo(folder, Wish(web), Screen(said))
    assert "再起動します" not in said.getvalue()
    assert set(psutil.Process().children(recursive=True)) <= before
