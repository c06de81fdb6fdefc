#!/bin/sh
# Starts Patroni, or the command that is given, with the passwords that are in files.
set -eu
read_secret() { cat "/run/secrets/$1"; }
PATRONI_SUPERUSER_PASSWORD=$(read_secret superuser_password)
PATRONI_REPLICATION_PASSWORD=$(read_secret replication_password)
PATRONI_REWIND_PASSWORD=$PATRONI_REPLICATION_PASSWORD
PATRONI_RESTAPI_PASSWORD=$(read_secret restapi_password)
WALLET_DATABASE_PASSWORD=$(read_secret database_password)
export PATRONI_SUPERUSER_PASSWORD PATRONI_REPLICATION_PASSWORD
export PATRONI_REWIND_PASSWORD PATRONI_RESTAPI_PASSWORD WALLET_DATABASE_PASSWORD
[ $# -gt 0 ] || set -- patroni patroni.yml
exec "$@"
