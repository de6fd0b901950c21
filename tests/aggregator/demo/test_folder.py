"""The demo's folder: one demo at a time, nobody else's files, and broken ones told in a sentence."""

import json
import os
import stat
from pathlib import Path

import pytest

from aggregator.demo.folder import DemoError, Folder, Memory, open_folder, recall, write_private


def remember(folder: Folder) -> None:
    memory = Memory(measured_since_ms=1, history_since_ms=1, mqtt_port=1883)
    write_private(folder.memory, memory.model_dump_json())


def test_a_folder_is_made_and_can_be_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "demo"
    with open_folder(path) as folder:
        remember(folder)
        assert folder.logs.is_dir()
    with open_folder(path) as folder:
        assert recall(folder) == Memory(measured_since_ms=1, history_since_ms=1, mqtt_port=1883)


def test_a_new_folder_remembers_nothing(tmp_path: Path) -> None:
    with open_folder(tmp_path / "demo") as folder:
        assert recall(folder) is None


def test_a_second_start_names_the_first_ones_process(tmp_path: Path) -> None:
    said = pytest.raises(DemoError, match=f"already.*process {os.getpid()}")
    with open_folder(tmp_path / "demo"), said, open_folder(tmp_path / "demo"):
        pass


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")
    with pytest.raises(DemoError, match="is a file"), open_folder(tmp_path / "demo"):
        pass
    with pytest.raises(DemoError, match="is a file"), open_folder(tmp_path / "demo" / "below"):
        pass


def test_a_folder_that_holds_other_things_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("words")
    with pytest.raises(DemoError, match=r"holds other things \(thesis.txt"), open_folder(tmp_path):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("text", ["", "no json", "{}", '{"format": 99}', "[]"])
def test_a_broken_memory_is_told_with_the_cure(tmp_path: Path, text: str) -> None:
    with open_folder(tmp_path / "demo") as folder:
        folder.memory.write_text(text)
        with pytest.raises(DemoError, match=r"demo\.json: is broken.*delete .*--data"):
            recall(folder)


def test_a_memory_of_another_format_is_not_used(tmp_path: Path) -> None:
    with open_folder(tmp_path / "demo") as folder:
        remember(folder)
        folder.memory.write_text(json.dumps({**json.loads(folder.memory.read_text()), "format": 2}))
        with pytest.raises(DemoError, match="another version"):
            recall(folder)


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "access.json"
    path.write_text("old, and open to all")
    path.chmod(0o644)
    write_private(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["access.json"]


def test_secrets_are_utf_8_in_any_locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("io.text_encoding", lambda encoding, *_: encoding or "latin-1")
    write_private(tmp_path / "access.json", "東町")
    assert (tmp_path / "access.json").read_bytes() == "東町".encode()


@pytest.mark.parametrize("name", ["x" * 300, "loop"])
def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DemoError, match=r"cannot be used: .*--data"), open_folder(tmp_path / name / "demo"):
        pass
