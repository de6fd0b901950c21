"""Databases of each kind, and the two commands on them."""

from pathlib import Path

import pytest

from aggregator.__main__ import main


class Desk:
    """Runs `backup` and `restore`; keys lie in `data`, and in `new` nothing yet."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.data = folder / "data"
        self.new = folder / "new"
        self.new_url = f"sqlite:///{self.new}/machikoba.db"
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def backup(self, url: str, *words: str) -> Path:
        """Back up the database at `url`, which has to work; return the newest file."""
        out = self.data.with_name("out")
        assert self._run(url, "backup", "--out", str(out), *words, "--data", str(self.data)) == 0
        return max(out.glob("machikoba-*"))

    def restore(self, file: Path, url: str, data: Path, *words: str) -> str:
        """Restore into `url` and `data`; return the sentence of the error, none when it worked."""
        self._capsys.readouterr()
        code = self._run(url, "restore", str(file), *words, "--data", str(data))
        said = self._capsys.readouterr().err
        assert (code, said.count("\n")) in {(0, 0), (1, 1)}, said
        return said.strip()

    def _run(self, url: str, *words: str) -> int:
        self._monkeypatch.setenv("MACHIKOBA_DATABASE_URL", url)
        return main([*words, "--federation", "higashimachi"])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """The two commands."""
    return Desk(tmp_path, monkeypatch, capsys)
