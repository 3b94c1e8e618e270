#!/usr/bin/env bash
# Installs the Debian packages visavis needs and does not find: `run` (to start it), `browser` or `links` (tests).
set -euo pipefail

declare -A package_of=()
case "${1:?run, browser or links}" in
  run) package_of=([python3]=python3 [node]=nodejs [npm]=npm [espeak-ng]=espeak-ng) ;;
  browser) package_of=([chromium]=chromium) ;;
  links) package_of=([ip]=iproute2 [tc]=iproute2) ;;
  *) echo "install_system.sh: run, browser or links, not '$1'" >&2; exit 2 ;;
esac

missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
if [ "$1" = run ] && ! python3 -c 'import ensurepip' 2>/dev/null; then
  missing+=(python3-venv)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "Please install these with your package manager, then try again: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "Please install as root: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "==> installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
