#!/bin/sh
# Makes what a first start needs, below ./secrets: passwords, tokens, the federation's authority, certificates of broker
# and aggregator. Nothing that is there is touched, so it can be run again. As root: each file belongs to who reads it.
set -eu
cd "$(dirname "$0")"
umask 077
fail() { printf 'secrets.sh: %s\n' "$*" >&2; exit 1; }
[ -f .env ] || fail "copy .env.example to .env and fill it in first"
machikoba=${MACHIKOBA:-machikoba}
command -v "$machikoba" >/dev/null || fail "machikoba is not installed here; say MACHIKOBA=/path/to/machikoba, or see the README"
value() { sed -n "s/^$1=//p" .env | tail -n 1; }
federation=$(value MACHIKOBA_FEDERATION) host=$(value MACHIKOBA_MQTT_HOST)
[ -n "$federation" ] || fail ".env: MACHIKOBA_FEDERATION is empty"
[ -n "$host" ] || fail ".env: MACHIKOBA_MQTT_HOST is empty"

secret() { [ -s "$1" ] || { od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$1"; printf 'made %s\n' "$1"; }; }
mkdir -p secrets/postgres secrets/influx secrets/grafana secrets/aggregator dashboards
chmod 0755 secrets dashboards
secret secrets/postgres/password
secret secrets/influx/password
secret secrets/influx/token
secret secrets/grafana/password
[ -s secrets/aggregator/influx_token ] || cp secrets/influx/token secrets/aggregator/influx_token
[ -s secrets/aggregator/pgpass ] ||
  printf 'postgres:*:machikoba:machikoba:%s' "$(cat secrets/postgres/password)" >secrets/aggregator/pgpass

enroll() { "$machikoba" enroll "$@" --federation "$federation" --data secrets/authority; }
[ -d secrets/broker ] || enroll --broker "$host,mosquitto" --out secrets/broker
[ -d secrets/mqtt ] || enroll --aggregator --out secrets/mqtt >/dev/null

if [ "$(id -u)" = 0 ]; then
  chown -R 999 secrets/postgres
  chown -R 1000 secrets/influx
  chown -R 472 secrets/grafana
  chown -R 10001 secrets/aggregator secrets/mqtt
  chown -R 1883 secrets/broker
else
  printf 'secrets.sh: not root: give each folder to who reads it, as the end of this script does\n' >&2
fi
