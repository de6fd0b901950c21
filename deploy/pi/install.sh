#!/usr/bin/env bash
# Machikoba's agent on a Raspberry Pi or any Debian computer: install, update, roll back, remove.
#
#   sudo ./install.sh install machikoba-0.1.0-py3-none-any.whl [--bundle machikoba-agent-aoki.tar] [--wheels DIR]
#   sudo ./install.sh update  machikoba-0.2.0-py3-none-any.whl [--wheels DIR]
#   sudo ./install.sh rollback
#   sudo ./install.sh remove          settings and outbox stay
#
# --bundle FILE  what `machikoba enroll FACTORY` made: certificates, and the settings to begin with
# --wheels DIR   take all packages from this folder: for a computer without the internet
# --root DIR     only put files below DIR (for an image of the same system); nothing is started, no user is made
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root='' wheels='' bundle='' wheel=''

fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
say() { printf '%s\n' "$*"; }

[[ $# -gt 0 ]] || fail "say what to do: install, update, rollback or remove"
action=$1; shift
while [[ $# -gt 0 ]]; do
  case $1 in
    --root|--wheels|--bundle)
      [[ $# -gt 1 ]] || fail "$1: expects a value"
      printf -v "${1#--}" '%s' "$2"; shift ;;
    -*) fail "$1: unknown; see the head of this file" ;;
    *) [[ -z $wheel ]] || fail "one wheel at a time"; wheel=$1 ;;
  esac
  shift
done
[[ -z $root ]] || root=$(realpath -m -- "$root")
opt=$root/opt/machikoba etc=$root/etc/machikoba
if [[ -z $root && $(id -u) != 0 ]]; then fail "run it as root: sudo $0 $action"; fi

service() { [[ -n $root && -z ${SYSTEMCTL:-} ]] || "${SYSTEMCTL:-systemctl}" "$@"; }

require_python() {
  python=${PYTHON:-python3}
  "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "Python 3.11 or newer with venv is missing: apt-get install python3-venv (Raspberry Pi OS 12 or newer has it)"
}

# 32 bit ARM: PyPI has no wheels of these two, so they are built here, from sources whose hashes are in the lock.
built_here=cffi,msgspec
choose_binaries() {
  binaries=(--only-binary :all:)
  [[ $("$python" -c 'import struct; print(8 * struct.calcsize("P"))') == 32 ]] || return 0
  binaries+=(--no-binary "$built_here")
  local headers
  headers=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
  printf '#include <Python.h>\n#include <ffi.h>\n' | cc "-I$headers" -E - >/dev/null 2>&1 ||
    fail "a 32 bit system has to build ${built_here/,/ and }: apt-get install build-essential python3-dev libffi-dev, or take --wheels DIR"
}

# A release is a folder of its own, so that an update that breaks leaves the running one as it was.
make_release() {
  [[ -f $wheel ]] || fail "name the wheel to $action: $0 $action machikoba-VERSION-py3-none-any.whl"
  require_python
  release=$opt/releases/$(date -u +%Y%m%dT%H%M%SZ)-$(basename "$wheel" | cut -d- -f2)
  [[ ! -e $release ]] || fail "$release is there already; try again in a second"
  install -d -m 0755 "$opt/releases"
  trap 'rm -rf "$release"' ERR EXIT
  [[ -n $wheels ]] || choose_binaries
  "$python" -m venv "$release"
  if [[ -n $wheels ]]; then
    "$release/bin/pip" install --quiet --no-index --find-links "$wheels" "$wheel[agent]"
  else
    "$release/bin/pip" install --quiet "${binaries[@]}" --require-hashes -r "$here/requirements.txt"
    "$release/bin/pip" install --quiet --no-deps "$wheel"
  fi
  "$release/bin/machikoba-agent" --version || fail "$wheel does not run here; what was there goes on"
  [[ -z $root ]] || without_root
  trap - ERR EXIT
}

# Below DIR a release names its own Python as it will be called on the computer that gets the files.
without_root() {
  local file
  for file in "$release"/bin/*; do
    [[ -L $file ]] || ROOT=$root "$python" -c '
import os, sys
with open(sys.argv[1], "r+b") as file:
    text = file.read().replace(os.fsencode(os.environ["ROOT"]) + b"/opt/", b"/opt/")
    file.seek(0), file.write(text), file.truncate()' "$file"
  done
}

point_to() {  # the link changes in one step, and says the same wherever the folder comes to lie
  ln -sfn "releases/$(basename "$1")" "$opt/.next"
  mv -T "$opt/.next" "$opt/current"
}

keep_three() {
  local old current previous
  current=$(readlink -f "$opt/current") previous=$(readlink -f "$opt/previous" || true)
  find "$opt/releases" -mindepth 1 -maxdepth 1 -type d | sort -r | tail -n +4 | while read -r old; do
    [[ $old == "$current" || $old == "$previous" ]] || rm -rf "$old"
  done
}

# Started, and still there after a moment; Type=notify waits until the agent says that it is ready.
restart_or_go_back() {
  if service try-restart machikoba-agent; then return; fi
  point_to "$running"
  service restart machikoba-agent || true
  fail "the new version does not start; the one before runs again (journalctl -u machikoba-agent says why)"
}

install_files() {
  install -d -m 0755 "$root/etc/systemd/system" "$root/etc/systemd/journald.conf.d"
  install -m 0644 "$here/machikoba-agent.service" "$root/etc/systemd/system/"
  install -m 0644 "$here/journald.conf" "$root/etc/systemd/journald.conf.d/machikoba.conf"
  if [[ -z $root ]] && ! id machikoba >/dev/null 2>&1; then
    useradd --system --user-group --home-dir /var/lib/machikoba --shell /usr/sbin/nologin machikoba
  fi
  install -d -m 0750 "$etc"
  if [[ -n $bundle ]]; then
    [[ -f $bundle ]] || fail "--bundle: there is no $bundle"
    [[ ! -e $etc/agent.toml ]] || fail "$etc/agent.toml is there already; unpack $bundle by hand"
    tar -xf "$bundle" -C "$etc" --strip-components=1 --no-same-owner
  fi
  [[ -n $root ]] || chown -R root:machikoba "$etc"
  chmod -R u=rwX,g=rX,o= "$etc"
}

case $action in
  install)
    [[ ! -e $opt/current ]] || fail "is installed already; use update"
    make_release
    install_files
    point_to "$release"
    service daemon-reload
    service try-restart systemd-journald
    say "Next: describe the machines in /etc/machikoba/agent.toml, try it, start it:"
    say "  sudo -u machikoba /opt/machikoba/current/bin/machikoba-agent check --config /etc/machikoba/agent.toml"
    say "  sudo systemctl enable --now machikoba-agent" ;;
  update)
    [[ -e $opt/current ]] || fail "is not installed yet; use install"
    make_release
    install_files
    running=$(readlink "$opt/current")
    point_to "$release"
    service daemon-reload
    restart_or_go_back
    ln -sfn "$running" "$opt/previous"
    keep_three
    say "Updated to $(basename "$release"); back: $0 rollback" ;;
  rollback)
    [[ -e $opt/previous ]] || fail "there is no version to go back to"
    back=$(readlink "$opt/previous") now=$(readlink "$opt/current")
    point_to "$back"
    ln -sfn "$now" "$opt/previous"
    service try-restart machikoba-agent
    say "Back at $(basename "$back")" ;;
  remove)
    service disable --now machikoba-agent || true
    rm -rf "$opt" "$root/etc/systemd/system/machikoba-agent.service" "$root/etc/systemd/journald.conf.d/machikoba.conf"
    service daemon-reload
    say "Removed; settings ($etc) and outbox ($root/var/lib/machikoba) are still there" ;;
  *) fail "$action: expected install, update, rollback or remove" ;;
esac
