#!/usr/bin/env bash
# Brings a Compose v2, for the tests, unless there is one: Debian 12's docker-compose is 1.29. It comes out of the package of the
# next Debian, from the mirror that this machine installs from; the machine's own list of sources stays as it is.
# Prints its path. Without any, says why on standard error, and its exit status is 1.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
program="$PWD/node_modules/.cache/compose/docker-compose"
if [ -x "$program" ]; then
  echo "$program"
  exit 0
fi
give_up() {
  echo "$1" >&2
  exit 1
}
command -v apt-get >/dev/null || give_up "this machine has no apt-get"
mirror=$(apt-get indextargets --format '$(LABEL) $(COMPONENT) $(IDENTIFIER) $(REPO_URI)' 2>/dev/null |
  awk '$1 == "Debian" && $2 == "main" && $3 == "Packages" { print $4; exit }')
[ -n "$mirror" ] || give_up "apt knows no Debian mirror (apt-get update was not run?)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work"/{lists,cache/archives}/partial
options=""
if [ -f "$keyring" ]; then options="[signed-by=$keyring] "; fi
echo "deb ${options}${mirror} $suite main" >"$work/sources.list"
cat >"$work/apt.conf" <<END
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$work/lists";
Dir::Cache "$work/cache";
Acquire::Languages "none";
Acquire::Retries "2";
APT::Sandbox::User "root";
END
cd "$work"
export APT_CONFIG="$work/apt.conf"
{ timeout 120 apt-get update -qq && timeout 120 apt-get download -qq docker-compose; } >"$work/log" 2>&1 ||
  give_up "$suite's docker-compose cannot be fetched: $(tail -1 "$work/log")"
dpkg-deb -x ./docker-compose_*.deb package
"$work/package/usr/bin/docker-compose" version --short >"$work/log" 2>&1 || give_up "it does not run here: $(tail -1 "$work/log")"
mkdir -p "$(dirname "$program")"
cp -L package/usr/bin/docker-compose "$program"
echo "$program"
