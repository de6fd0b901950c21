"""Secrets that are planted, and the search for them in whatever was said, shown, answered or listed."""

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil


def canary(what: str) -> str:
    """Return a new secret that stands nowhere else and says what it is when it is found."""
    return f"canary-{what}-{secrets.token_hex(6)}"


def planted(path: Path, secret: str) -> Path:
    """Write a secret into a file; return its path."""
    path.write_text(f"{secret}\n", encoding="utf-8")
    return path


def key_lines(path: Path) -> list[str]:
    """Return the lines of a private key that are like no other key's."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines[1:-1] if len(line) > 30]


def leaks(secrets_: Iterable[str], said: Mapping[str, str]) -> list[str]:
    """Return where which secret was found."""
    return [
        f"{secret} in {where}: …{text[max(0, place - 200) : place + 60]}…"
        for where, text in said.items()
        for secret in secrets_
        if (place := text.find(secret)) >= 0
    ]


def argument_lists(pid: int) -> dict[str, str]:
    """Return the arguments of a process and of all that it started, as everyone on the computer sees them."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return {f"arguments of {each.pid}": " ".join(each.cmdline()) for each in family}
