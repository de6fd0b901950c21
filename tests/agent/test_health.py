"""Own figures from the kernel, and word to systemd over a real socket."""

import socket
from pathlib import Path

import psutil
import pytest

from agent.health import READY, WATCHDOG, Systemd, memory_bytes


def test_memory_is_what_the_kernel_says() -> None:
    assert memory_bytes() == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)


def test_systemd_is_told_over_its_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(5)
        manager.bind(str(tmp_path / "notify"))
        systemd = Systemd({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"})
        systemd.tell(READY)
        systemd.tell(WATCHDOG)
        assert [manager.recv(100), manager.recv(100)] == [b"READY=1", b"WATCHDOG=1"]
        assert systemd.watchdog_s == 15


def test_an_abstract_socket_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(5)
        manager.bind(f"\0machikoba-test-{id(manager)}")
        Systemd({"NOTIFY_SOCKET": f"@machikoba-test-{id(manager)}"}).tell(READY)
        assert manager.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    systemd = Systemd({})
    systemd.tell(READY)
    assert systemd.watchdog_s is None
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "nobody listens")}).tell(READY)


@pytest.mark.parametrize("given", ["", "0", "soon", "-5"])
def test_a_watchdog_without_a_time_is_none(given: str) -> None:
    assert Systemd({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": given}).watchdog_s is None
