"""The install script of the Pi, run for real below a folder: install, update, a bad update, rollback."""

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "pi" / "install.sh"
WHEELS = Path(__file__).with_name("agent_wheels.json")


def wheel(folder: Path, version: str, *, works: bool = True) -> Path:
    """A package named like ours, with nothing in it but a command that tells its version."""
    info = f"machikoba-{version}.dist-info"
    body = f"print('machikoba-agent {version}')" if works else "raise SystemExit('broken')"
    files = {
        "machikoba_stand_in.py": f"def main():\n    {body}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: machikoba\nVersion: {version}\n"
        "Provides-Extra: agent\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nmachikoba-agent = machikoba_stand_in:main\n",
    }
    path = folder / f"machikoba-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]))
    return path


class Pi:
    """A computer that is a folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.wheels = folder / "wheels"
        self.wheels.mkdir()

    def script(self, *words: str | Path, systemctl: str = "") -> tuple[int, str]:
        done = subprocess.run(
            ["bash", SCRIPT, *words, "--root", self.root, "--wheels", self.wheels],
            capture_output=True, text=True, check=False,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "SYSTEMCTL": systemctl},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def version(self) -> str:
        commands = self.root / "opt/machikoba/current/bin"
        words = [commands / "python", commands / "machikoba-agent"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    return Pi(tmp_path)


def test_install_update_a_bad_update_and_back(pi: Pi, tmp_path: Path) -> None:
    assert pi.script("update", wheel(tmp_path, "1.0"))[0] == 1  # nothing is there yet
    bundle = tmp_path / "bundle"
    (bundle / "aoki").mkdir(parents=True)
    (bundle / "aoki" / "agent.toml").write_text("# settings\n")
    subprocess.run(["tar", "-cf", tmp_path / "aoki.tar", "-C", bundle, "aoki"], check=True)
    code, said = pi.script("install", wheel(tmp_path, "1.0"), "--bundle", tmp_path / "aoki.tar")
    assert code == 0, said
    assert pi.version() == "machikoba-agent 1.0"
    assert (pi.root / "etc/machikoba/agent.toml").read_text() == "# settings\n"
    assert (pi.root / "etc/systemd/system/machikoba-agent.service").exists()
    assert (pi.root / "etc/systemd/journald.conf.d/machikoba.conf").exists()
    code, said = pi.script("update", wheel(tmp_path, "2.0"))
    assert code == 0, said
    assert pi.version() == "machikoba-agent 2.0"
    code, said = pi.script("update", wheel(tmp_path, "3.0", works=False))
    assert code != 0
    assert "does not run here; what was there goes on" in said
    assert pi.version() == "machikoba-agent 2.0"
    assert len(list((pi.root / "opt/machikoba/releases").iterdir())) == 2  # nothing half-made stays
    for version in ("1.0", "2.0"):  # back, and back again
        code, said = pi.script("rollback")
        assert code == 0, said
        assert pi.version() == f"machikoba-agent {version}"
    assert (pi.root / "etc/machikoba/agent.toml").read_text() == "# settings\n"


def test_an_update_that_does_not_start_leaves_the_running_one_and_the_one_before(
    pi: Pi, tmp_path: Path
) -> None:
    for action, version in (("install", "1.0"), ("update", "2.0")):
        code, said = pi.script(action, wheel(tmp_path, version))
        assert code == 0, said
    systemctl = tmp_path / "systemctl"
    systemctl.write_text('#!/bin/sh\necho "$*" >>"$0.log"\ntest "$*" != "try-restart machikoba-agent"\n')
    systemctl.chmod(0o755)
    code, said = pi.script("update", wheel(tmp_path, "3.0"), systemctl=str(systemctl))
    assert code == 1
    assert "the new version does not start; the one before runs again" in said
    assert (tmp_path / "systemctl.log").read_text().splitlines()[-1] == "restart machikoba-agent"
    assert pi.version() == "machikoba-agent 2.0"
    assert pi.script("rollback")[0] == 0
    assert pi.version() == "machikoba-agent 1.0"


def test_what_is_made_below_a_folder_runs_where_that_becomes_the_root(pi: Pi, tmp_path: Path) -> None:
    (tmp_path / "町 工場").mkdir()
    pi.root = Path(os.path.relpath(tmp_path / "町 工場" / "image"))
    code, said = pi.script("install", wheel(tmp_path, "1.0"))
    assert code == 0, said
    assert pi.version() == "machikoba-agent 1.0"
    opt = pi.root / "opt/machikoba"
    assert not (opt / "current").readlink().is_absolute()
    text = (opt / "current/bin/machikoba-agent").read_text()
    assert f"/opt/machikoba/releases/{(opt / 'current').readlink().name}/bin/python" in text
    assert "image" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say what to do"),
        (("dance",), "dance: expected install, update, rollback or remove"),
        (("install",), "name the wheel to install"),
        (("install", "none.whl"), "name the wheel to install"),
        (("rollback",), "there is no version to go back to"),
        (("install", "--fast"), "--fast: unknown"),
        (("install", "--bundle"), "--bundle: expects a value"),
    ],
)
def test_bad_words_are_one_sentence(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    root = ("--root", str(tmp_path)) if words else ()
    done = subprocess.run(
        ["bash", SCRIPT, *words[:1], *root, *words[1:]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_every_package_of_the_lock_has_a_wheel_for_64_bit_and_the_script_builds_the_others_for_32() -> None:
    """The list is what PyPI had: who changes the lock looks again (`pip download --platform`)."""
    wheels: dict[str, dict[str, str | None]] = json.loads(WHEELS.read_text("utf-8"))
    locked = re.findall(
        r"^[a-z0-9-]+==[^\s;]+", (SCRIPT.parent / "requirements.txt").read_text("utf-8"), flags=re.M
    )
    assert list(wheels) == sorted(locked)
    for found in wheels.values():
        assert re.search(r"-(any|.*aarch64)\.whl$", str(found["aarch64"]))
        assert found["armv7l"] is None or re.search(r"-(any|.*armv7l)\.whl$", found["armv7l"])
    built = {name.split("==")[0] for name, found in wheels.items() if found["armv7l"] is None}
    (words,) = re.findall(r"^built_here=(\S+)$", SCRIPT.read_text("utf-8"), flags=re.M)
    assert set(words.split(",")) == built


def test_on_32_bit_what_has_to_be_built_is_told_with_the_packages_that_are_missing(tmp_path: Path) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    real = shutil.which("python3")
    for name, text in {
        "python3": f'case "$*" in *calcsize*) echo 32;; *) exec {real} "$@";; esac',
        "cc": "exit 1",
    }.items():
        (commands / name).write_text(f"#!/bin/sh\n{text}\n")
        (commands / name).chmod(0o755)
    done = subprocess.run(
        ["bash", SCRIPT, "install", wheel(tmp_path, "1.0"), "--root", tmp_path / "root"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 1
    assert (
        "has to build cffi and msgspec: apt-get install build-essential python3-dev libffi-dev" in done.stderr
    )
    assert not (tmp_path / "root/opt/machikoba/current").exists()
