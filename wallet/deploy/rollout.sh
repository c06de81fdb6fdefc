#!/bin/sh
# Puts a new container in the place of each of the wallet's: first the new one is healthy,
# then the old one is stopped, which gives Traefik the time to hear that it leaves. The
# words given call Compose.
set -eu

remove() {
  docker stop "$1" >/dev/null
  docker rm "$1" >/dev/null
}

# Broken off, who serves goes on, and who leaves or did not become healthy is removed.
undo() {
  if [ -z "$done" ]; then
    echo 'The rollout was broken off; the containers that were serving go on. See make ps, make logs.' >&2
    for container in $("$@" ps --all --quiet wallet); do
      case $serving in
        *"$container"*) ;;
        *) remove "$container" || true ;;
      esac
    done
  fi
}

old=$("$@" ps --quiet wallet)
if [ -z "$old" ]; then
  echo 'No wallet runs: make up starts it.' >&2
  exit 1
fi
serving=$old
done=
trap 'undo "$@"' EXIT
trap 'exit 130' INT TERM
one_more=$(($(echo "$old" | wc -w) + 1))
for container in $old; do
  # With --no-deps, the next `make up` would take it for one of other settings, and make
  # it anew.
  "$@" up --detach --wait --no-recreate --scale "wallet=$one_more" wallet
  serving=$("$@" ps --quiet wallet | grep -v "$container")
  remove "$container"
done
done=yes
