#!/bin/sh
# Writes what the demo's simulated factories start with, once: their scenario, certificates and settings.
#   sh demo.sh HOST:PORT        of the broker; MACHIKOBA_FEDERATION and MACHIKOBA_CA say whose authority enrols them
set -eu
umask 077
place=${MACHIKOBA_DEMO:-/var/lib/machikoba}
factories="aoki fujimi sakura higashi hinode minato"
if [ -d "$place/agents" ]; then exit 0; fi
mkdir -p "$place/bundles"
enrolled=$(machikoba enroll --list)
for factory in $factories; do
  if [ ! -d "$place/bundles/$factory" ]; then
    if printf '%s\n' "$enrolled" | grep -q "^$factory	"; then
      echo "demo.sh: $factory is enrolled here already: the demo needs a stack without real factories" >&2
      exit 1
    fi
    machikoba enroll "$factory" --out "$place/bundles/$factory"
  fi
done
machikoba-agent simulate --demo-scenario "$place/scenario.toml"
sed -i "s/^federation = .*/federation = \"$MACHIKOBA_FEDERATION\"/" "$place/scenario.toml"
machikoba-agent simulate --scenario "$place/scenario.toml" --write-agents "$place/agents.new" --mqtt "$1" \
  --bundles "$place/bundles"
sed -i "s|^data = \"$place/agents.new/|data = \"$place/agents/|" "$place"/agents.new/*.toml
mv "$place/agents.new" "$place/agents"
