# Makes the virtual environment if it is not there, and enters it.
# Use it as `source virtual.sh`, from bash or zsh and from any folder.

if [ -n "${ZSH_VERSION:-}" ]; then
  # Only zsh can read this line, so only zsh is asked to.
  eval '_wallet_folder="${${(%):-%x}:A:h}"'
else
  _wallet_folder="$(cd -- "$(dirname -- "${BASH_SOURCE[0]:-$0}")" && pwd)"
fi

if make --no-print-directory -C "$_wallet_folder" venv; then
  . "$_wallet_folder/.venv/bin/activate"
fi
unset _wallet_folder
