#!/bin/sh
# The Debian package: deb_test.sh BUILD_FOLDER. What is in it, that it runs from where it is installed to, and that its unit
# and its scripts are sound. Installing it needs root and a clean Debian: docs/packaging.md says how that is tried.
set -eu

build=$1
folder=$(mktemp -d)
server=""
clean_up() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$folder"
}
trap clean_up EXIT

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

cpack --config "$build/CPackConfig.cmake" -B "$folder/made" >"$folder/log" 2>&1 || { cat "$folder/log"; fail "cpack"; }
package=$(ls "$folder"/made/*.deb)
version=$(dpkg-deb -f "$package" Version)
dpkg-deb -x "$package" "$folder/root"
dpkg-deb -e "$package" "$folder/control"

binary="$folder/root/usr/bin/battery-twin"
[ "$("$binary" --version)" = "battery-twin $version" ] || fail "the package is $version, the program $("$binary" --version)"
dpkg-deb -f "$package" Depends | grep -q libsqlite3 || fail "libraries are missing among the dependencies"
for file in usr/share/man/man1/battery-twin.1.gz usr/share/doc/battery-twin/README.md usr/share/doc/battery-twin/docs/models.md \
  usr/share/battery-twin/cells/pouch_5Ah.json usr/share/battery-twin/grafana/dashboards/overview.json; do
  [ -s "$folder/root/$file" ] || fail "$file is missing"
done
[ "$(cat "$folder/control/conffiles")" = /etc/battery-twin/battery-twin.toml ] || fail "the configuration is no conffile"
for script in postinst prerm postrm; do
  [ -x "$folder/control/$script" ] && sh -n "$folder/control/$script" || fail "$script"
done
# What the pages link to is there, from where they are.
documents=/usr/share/doc/battery-twin
(cd "$folder/root$documents" && find . -name '*.md') >"$folder/pages"
[ "$(wc -l <"$folder/pages")" -gt 15 ] || fail "pages are missing: $(cat "$folder/pages")"
links=0
while read -r page; do
  at=$(dirname "$folder/root$documents/$page")
  grep -oE '\]\([^)]+\)' "$folder/root$documents/$page" | sed 's/^](//; s/)$//; s/#.*//; /^$/d; /^https\{0,1\}:/d' >"$folder/links" || true
  while read -r link; do
    links=$((links + 1))
    case "$link" in
      /*) [ -e "$folder/root$link" ] || fail "$page links to $link" ;;
      *) [ -e "$at/$link" ] || fail "$page links to $link" ;;
    esac
  done <"$folder/links"
done <"$folder/pages"
[ "$links" -gt 50 ] || fail "only $links links were found in the pages"
! grep -nE '^build/' "$folder/root$documents/README.md" || fail "the page runs what was built, not what is installed"
grep -q 'it is `battery-twin' "$folder/root$documents/README.md" || fail "the page does not say what stands for make run"
grep -q '^# uds = "/run/battery-twin/' "$folder/root/etc/battery-twin/battery-twin.toml" || fail "the unit cannot make that socket"
# So are the files that the options' file names. It has no other paths than those.
grep -oE '/(usr|etc)/[A-Za-z0-9_./-]+' "$folder/root/etc/battery-twin/battery-twin.toml" >"$folder/paths"
grep -q /usr/share/battery-twin/cells "$folder/paths" || fail "the options' file does not say where cells are"
while read -r path; do
  [ -e "$folder/root$path" ] || fail "the options' file names $path"
done <"$folder/paths"
! grep -nE '(^|[^/a-z])(config|docs)/' "$folder/root/etc/battery-twin/battery-twin.toml" || fail "the options' file names the source's folders"

# Whose it is: also the JavaScript in the program, of which there is none without the dashboard.
for owner in 'battery-twin authors' Boost 'Niels Lohmann' SQLiteCpp spdlog fmt libpqxx CLI11; do
  grep -q "$owner" "$folder/root$documents/copyright" || fail "the copyright file does not name $owner"
done
if grep -q '^BATTERY_TWIN_DASHBOARD:BOOL=ON' "$build/CMakeCache.txt"; then
  for owner in 'Jason Miller' 'Preact Team' 'Leon Sorokin' 'SmartBear Software' 'Apache License' 'Jed Watson'; do
    grep -q "$owner" "$folder/root$documents/copyright" || fail "the copyright file does not name $owner"
  done
fi
# Nobody but root writes to what root runs.
[ -z "$(dpkg-deb -c "$package" | awk '$2 != "root/root" || substr($1, 9, 1) == "w"')" ] || fail "owners or rights"

unit="$folder/root/lib/systemd/system/battery-twin.service"
if command -v systemd-analyze >/dev/null; then
  # Without the package installed, only the paths are not as they will be.
  sed "s#/usr/bin/battery-twin#$binary#" "$unit" >"$folder/battery-twin.service"
  complaints=$(systemd-analyze verify --man=no "$folder/battery-twin.service" 2>&1 | grep battery-twin.service || true)
  [ -z "$complaints" ] || fail "$complaints"
fi

# As the unit starts it, but for the port and the user.
command=$(sed -n 's/^ExecStart=//p' "$unit" | sed "s# /etc/# $folder/root/etc/#; s#^/usr#$folder/root/usr#")
mkdir "$folder/state"
cd "$folder/state"
$command --port 0 >"$folder/out" 2>&1 &
server=$!
for _ in $(seq 100); do
  grep -q 'running on http' "$folder/out" && break
  sleep 0.1
done
url=$(sed -n 's/.*running on \(http[^ ]*\).*/\1/p' "$folder/out")
[ -n "$url" ] || { cat "$folder/out"; fail "it did not start"; }
curl -sf "$url/health" | grep -q "\"version\":\"$version\"" || fail "/health"
[ -s battery-twin.db ] || fail "the database is not in the working directory"
kill "$server"
wait "$server" || fail "it ended with $?"
server=""
echo "$(basename "$package") is as it should be"
