#!/bin/sh
# Makes what a first start needs, below ./secrets: passwords, tokens, the federation's authority, certificates of broker
# and aggregator. Nothing that is there is touched, so it can be run again. As root: each file belongs to who reads it.
# Certificates are made in the container `desk`; MACHIKOBA=/path/to/machikoba takes a program of this computer instead.
set -eu
cd "$(dirname "$0")"
umask 077
fail() { printf 'secrets.sh: %s\n' "$*" >&2; exit 1; }
[ -f .env ] || fail "copy .env.example to .env and fill it in first"
value() { sed -n "s/^$1=//p" .env | tail -n 1; }
federation=$(value MACHIKOBA_FEDERATION) host=$(value MACHIKOBA_MQTT_HOST)
[ -n "$federation" ] || fail ".env: MACHIKOBA_FEDERATION is empty"
[ -n "$host" ] || fail ".env: MACHIKOBA_MQTT_HOST is empty"
if [ "$(id -u)" = 0 ]; then
  belongs() { user=$1; shift; chown -R "$user" "$@"; }
else
  belongs() { printf 'secrets.sh: not root: give this to user %s yourself: %s\n' "$1" "$2" >&2; }
fi
if [ -n "${MACHIKOBA:-}" ]; then
  command -v "$MACHIKOBA" >/dev/null || fail "MACHIKOBA=$MACHIKOBA: there is no such program"
  enroll() { (cd bundles && MACHIKOBA_CA="$PWD/../secrets/authority/ca" "$MACHIKOBA" enroll "$@" --federation "$federation"); }
else
  docker compose version >/dev/null 2>&1 || fail "docker compose is missing; or say MACHIKOBA=/path/to/machikoba"
  enroll() { docker compose run --rm --no-deps -T desk enroll "$@"; }
fi

secret() { [ -s "$1" ] || { od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$1"; printf 'made %s\n' "$1"; }; }
mkdir -p secrets/postgres secrets/influx secrets/grafana secrets/aggregator secrets/authority secrets/revoked secrets/mqtt secrets/broker \
  backups/machikoba backups/influxdb bundles dashboards
chmod 0755 secrets secrets/revoked backups dashboards
secret secrets/postgres/password
secret secrets/influx/password
secret secrets/influx/token
secret secrets/grafana/password
[ -s secrets/aggregator/influx_token ] || cp secrets/influx/token secrets/aggregator/influx_token
[ -s secrets/aggregator/pgpass ] ||
  printf 'postgres:*:machikoba:machikoba:%s' "$(cat secrets/postgres/password)" >secrets/aggregator/pgpass
belongs 999 secrets/postgres
belongs 1000 secrets/influx backups/influxdb
belongs 472 secrets/grafana
belongs 10001 secrets/aggregator secrets/authority secrets/revoked backups/machikoba bundles dashboards

moved() { mv bundles/"$1"/* "$2" && rmdir bundles/"$1"; }
[ -f secrets/mqtt/aggregator.crt ] || { enroll --aggregator --out aggregator >/dev/null && moved aggregator secrets/mqtt; }
[ -f secrets/broker/broker.crt ] || { enroll --broker "$host,mosquitto" --out broker && moved broker secrets/broker; }
[ -s secrets/revoked/crl.pem ] || install -m 0644 secrets/broker/crl.pem secrets/revoked/crl.pem
belongs 10001 secrets/authority secrets/mqtt secrets/revoked
belongs 1883 secrets/broker
