#!/bin/sh
# Puts a new container in the place of each of the wallet's. First the new one is healthy,
# then the old one says that it leaves, and is stopped when Traefik, which asks every two
# seconds, has heard it. The words given call Compose.
set -eu

old=$("$@" ps --quiet wallet)
if [ -z "$old" ]; then
  echo 'No wallet runs: make up starts it.' >&2
  exit 1
fi
one_more=$(($(echo "$old" | wc -l) + 1))
for container in $old; do
  "$@" up --detach --wait --no-deps --no-recreate --scale "wallet=$one_more" wallet
  docker exec "$container" touch /tmp/leaving
  sleep 4
  docker stop "$container" >/dev/null
  docker rm "$container" >/dev/null
done
