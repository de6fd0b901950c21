"""The command line as a person meets it: help with an example, one sentence for a failure, the exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.__main__ import COMMANDS, main
from tests.agent.configs import document, written

COMMAND = [sys.executable, "-m", "agent"]


def run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run `machikoba-agent` as a process."""
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False, timeout=120)


def test_help_lists_every_subcommand_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["--help"])
    text = capsys.readouterr().out
    assert exit_info.value.code == 0
    assert all(f"    {name}" in text for name in COMMANDS)
    assert "example: machikoba-agent run --config agent.toml" in text


@pytest.mark.parametrize("words", [["discover", "opcua"], ["discover", "modbus"]], ids=" ".join)
def test_every_protocol_of_discover_explains_itself(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert "List the " in told
    assert f"example: machikoba-agent {' '.join(words)}" in told
    assert " ".join(told.split()).count(" --") > 5


@pytest.mark.parametrize("name", COMMANDS)
def test_every_subcommand_explains_itself_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main([name, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert exit_info.value.code == 0
    assert f"example: {COMMANDS[name].example}" in text
    assert "--log-level" in text


@pytest.mark.parametrize(
    "words", [[], ["walk"], ["run"], ["run", "--config"], ["run", "--log-level", "loud"]]
)
def test_wrong_usage_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(words)
    assert exit_info.value.code == 2
    assert "usage: machikoba-agent" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["run", "check"])
def test_a_wrong_file_is_one_sentence_and_exit_code_1(name: str, tmp_path: Path) -> None:
    doc = document()
    doc["machines"][0]["modbus"]["port"] = 0
    path = written(tmp_path / "agent.toml", doc)
    done = run(name, "--config", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"machikoba-agent: {path}: machines[0].modbus.port: expected 1 to 65535, got 0\n")


def test_a_data_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = written(tmp_path / "agent.toml", document(data=str(tmp_path / "file" / "data")))
    done = run("run", "--config", path)
    assert done.returncode == 1
    assert done.stderr == (
        f"machikoba-agent: {tmp_path}/file/data: cannot be made or used as the data folder: Not a directory\n"
    )


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("machikoba-agent 0.")


LIGHT = """
import sys
from agent.__main__ import make_parser
make_parser(sys.argv[1:])
print(sorted({"asyncua", "pymodbus", "agent.simulator.command", "agent.app"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("name", "loaded"), [("run", ["agent.app"]), ("simulate", ["agent.simulator.command"]), ("check", [])]
)
def test_only_what_a_subcommand_needs_is_imported(name: str, loaded: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT, name], capture_output=True, text=True, check=True)
    assert done.stdout == f"{loaded}\n"
