#!/usr/bin/env bash
# Installs the Debian packages visavis needs and does not find: `run` (to start it), `browser` or `links` (tests),
# `training` (the voices and texts that the speech corpus is made with).
set -euo pipefail

declare -A package_of=()
voices_and_texts=(
  espeak-ng flite festival festival-czech
  festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts festvox-italp16k festvox-itapc16k
  festvox-czech-dita festvox-czech-krb festvox-czech-machac festvox-suopuhe-lj festvox-suopuhe-mv
  fortunes fortunes-bg fortunes-br fortunes-cs fortunes-de fortunes-eo fortunes-es fortunes-ga fortunes-it
  fortunes-pl fortunes-ru fortunes-zh gnupg-l10n iso-codes wamerican
)
case "${1:?run, browser, links or training}" in
  run) package_of=([python3]=python3 [node]=nodejs [npm]=npm [espeak-ng]=espeak-ng) ;;
  browser) package_of=([chromium]=chromium) ;;
  links) package_of=([ip]=iproute2 [tc]=iproute2) ;;
  training) for package in "${voices_and_texts[@]}"; do package_of[$package]=$package; done ;;
  *) echo "install_system.sh: run, browser, links or training, not '$1'" >&2; exit 2 ;;
esac

missing=()
for program in "${!package_of[@]}"; do
  # Most voices and texts are no programs.
  command -v "$program" >/dev/null || dpkg -s "$program" >/dev/null 2>&1 || missing+=("${package_of[$program]}")
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
