#!/bin/sh
# Installs the Debian packages that are missing for one of: run, test, bench, fuzz.
set -eu

packages="g++ cmake ninja-build ccache libboost1.81-dev nlohmann-json3-dev libspdlog-dev libcli11-dev zlib1g-dev libssl-dev libsqlitecpp-dev libpqxx-dev"
# Node.js builds the dashboard. Where there is one already, perhaps not Debian's, it has brought its npm.
node=""
if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; then
  node="nodejs npm ca-certificates"  # Debian's Node.js trusts what that brings
fi
case "${1:-run}" in
  run) packages="$packages $node" ;;
  test) packages="$packages $node libgtest-dev librapidcheck-dev curl openssl python3 python3-fastapi python3-uvicorn python3-wsproto python3-dotenv libfaketime postgresql chromium dpkg-dev file" ;;
  bench) packages="$packages $node wrk nginx postgresql python3 python3-fastapi python3-uvicorn python3-uvloop python3-httptools valgrind" ;;
  fuzz) packages="$packages clang-14 libclang-rt-14-dev" ;;
  *)
    echo "usage: $0 run|test|bench|fuzz" >&2
    exit 2
    ;;
esac

missing=""
for package in $packages; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "These packages are missing, and installing them needs root:$missing" >&2
    exit 1
  fi
  sudo=sudo
fi
# Clusters that Debian's PostgreSQL has already, in words as "15/main".
postgresql_clusters() {
  for folder in /etc/postgresql/*/*/; do
    [ -e "${folder}start.conf" ] || continue
    folder=${folder%/}
    echo "${folder#/etc/postgresql/}"
  done
}
clusters_before=" $(postgresql_clusters | tr '\n' ' ')"

echo "Installing$missing"
echo "and what they need, which takes some minutes: reading the lists of packages"
$sudo apt-get update -qq
# Stage by stage, so that nobody takes it for stuck.
apt_get() {
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" $missing >/dev/null
}
echo "Downloading"
apt_get --download-only
echo "Unpacking and setting up"
apt_get

# Debian starts nginx and will do so at every boot. The benchmark starts its own; one that was there before is left alone.
case "$missing " in
  *" nginx "*)
    $sudo service nginx stop >/dev/null 2>&1 || true
    $sudo update-rc.d nginx disable >/dev/null 2>&1 || true
    ;;
esac

# So it does with PostgreSQL, under the name of main. The tests start their own.
case "$missing " in
  *" postgresql "*)
    for cluster in $(postgresql_clusters); do
      case "$clusters_before" in *" $cluster "*) continue ;; esac
      echo manual | $sudo tee "/etc/postgresql/$cluster/start.conf" >/dev/null
      $sudo pg_ctlcluster "${cluster%/*}" "${cluster#*/}" stop >/dev/null 2>&1 || true
    done
    ;;
esac
