#!/bin/sh
# Puts a new container in the place of each of the wallet's. First the new one is healthy,
# then the old one says that it leaves, and is stopped when Traefik, which asks every two
# seconds, has heard it. The words given call Compose.
set -eu

wallets() { # …, divided by blanks
  "$@" ps --quiet wallet | tr '\n' ' '
}

# Broken off, nobody leaves, and what did not become healthy is removed.
undo() {
  if [ -z "$done" ]; then
    echo 'The rollout was broken off; the containers that were serving go on. See make ps, make logs.' >&2
    for container in $("$@" ps --all --quiet wallet); do
      case " $healthy" in
        *" $container "*) docker exec "$container" rm -f /tmp/leaving || true ;;
        *) docker rm --force "$container" >/dev/null || true ;;
      esac
    done
  fi
}

old=$(wallets "$@")
if [ -z "$old" ]; then
  echo 'No wallet runs: make up starts it.' >&2
  exit 1
fi
healthy=$old
done=
trap 'undo "$@"' EXIT
trap 'exit 130' INT TERM
one_more=$(($(echo "$old" | wc -w) + 1))
for container in $old; do
  "$@" up --detach --wait --no-deps --no-recreate --scale "wallet=$one_more" wallet
  healthy=$(wallets "$@")
  docker exec "$container" touch /tmp/leaving
  sleep 4
  docker stop "$container" >/dev/null
  docker rm "$container" >/dev/null
done
done=yes
