#!/bin/sh
# The broker in its container: the shipped settings, but for where files lie, and what was acknowledged is kept in the volume.
set -eu
{
  grep -Ev '^(acl_file|crlfile|persistence) ' /mosquitto/config/mosquitto.conf
  cat <<'KEPT'
acl_file /mosquitto/config/acl
# A folder, not a file: a list that is replaced is seen by SIGHUP.
crlfile /etc/mosquitto/revoked/crl.pem
# Written after every change: a retained message and what waits for a session survive a kill, too.
persistence true
persistence_location /mosquitto/data/
autosave_interval 1
autosave_on_changes true
KEPT
} >/tmp/mosquitto.conf
exec mosquitto -c /tmp/mosquitto.conf
