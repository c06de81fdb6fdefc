#!/bin/sh
# Starts Patroni with the passwords that are in files.
set -eu
read_secret() { cat "/run/secrets/$1"; }
PATRONI_SUPERUSER_PASSWORD=$(read_secret superuser_password)
PATRONI_REPLICATION_PASSWORD=$(read_secret replication_password)
PATRONI_REWIND_PASSWORD=$PATRONI_REPLICATION_PASSWORD
WALLET_DATABASE_PASSWORD=$(read_secret database_password)
export PATRONI_SUPERUSER_PASSWORD PATRONI_REPLICATION_PASSWORD
export PATRONI_REWIND_PASSWORD WALLET_DATABASE_PASSWORD
exec patroni patroni.yml
