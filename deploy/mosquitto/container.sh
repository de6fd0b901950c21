#!/bin/sh
# The broker in its container: the same settings, and the retained STATE is kept over a restart in the volume.
set -eu
sed 's|^persistence false|persistence true\npersistence_location /mosquitto/data/\nautosave_interval 60|' \
  /mosquitto/config/mosquitto.conf >/tmp/mosquitto.conf
exec mosquitto -c /tmp/mosquitto.conf
