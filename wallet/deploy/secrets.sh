#!/bin/sh
# Makes every secret that is not there yet, and never touches one that is; further ones
# are named as arguments.
set -eu
umask 077

deploy=$(dirname "$0")
folder=$deploy/secrets
made=

# Containers read these as users of their own, whatever umask they were checked out under.
for readable in "$deploy"/*/; do
  [ "$readable" = "$folder/" ] || chmod -R a+rX "$readable"
done

if ! command -v openssl >/dev/null; then
  echo "openssl is missing, and it makes the secrets: install it." >&2
  exit 1
fi
mkdir -p "$folder"
chmod 0700 "$folder"

# keep NAME: takes the text on standard input, whole or not at all.
# Others may read the file, because a container's user is not root: the folder is closed.
keep() {
  cat >"$folder/.$1.$$"
  [ -s "$folder/.$1.$$" ]
  chmod 0444 "$folder/.$1.$$"
  # A link, unlike a move, does not replace what another run has made meanwhile.
  ln "$folder/.$1.$$" "$folder/$1" || true
  rm -f "$folder/.$1.$$"
  [ -s "$folder/$1" ]
}

# missing NAME: tells whether a secret has to be made; an empty one is a broken one.
missing() {
  [ -e "$folder/$1" ] || return 0
  [ -s "$folder/$1" ] && return 1
  echo "$folder/$1 is empty: put the secret back, or remove the file to get a new one." >&2
  exit 1
}

for name in operator_token secret_key metrics_token database_password "$@"; do
  if missing "$name"; then
    openssl rand -hex 32 | keep "$name"
    made=yes
  fi
done
if missing traefik_users; then
  if missing admin_password; then
    openssl rand -hex 16 | keep admin_password
  fi
  # On standard input, because everyone can read a list of processes.
  hash=$(openssl passwd -apr1 -stdin <"$folder/admin_password")
  printf 'admin:%s\n' "$hash" | keep traefik_users
  made=yes
fi

if missing tls_certificate; then
  if missing tls_key; then
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | keep tls_key
  fi
  # For every host that Traefik serves.
  hosts=$(sed -n 's/.*[.]rule: Host(`\([a-z.]*\)`).*/DNS:\1/p' "$deploy"/../docker-compose*.yml \
    | sort -u | paste -sd, -)
  openssl req -x509 -new -key "$folder/tls_key" -days 825 -subj /CN=wallet.localhost \
    -addext "subjectAltName=$hosts" \
    -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth \
    | keep tls_certificate
  made=yes
fi
# Retired secret keys, separated by commas: at first there is none.
[ -e "$folder/secret_key_fallbacks" ] || (umask 022 && : >"$folder/secret_key_fallbacks")

if [ -n "$made" ]; then
  echo "Secrets are new in $folder: \`make credentials\` tells how to see them."
fi
