#!/bin/sh
# Installs what FOLDER/package-lock.json names, unless it is there: npm-install.sh FOLDER
# NPM: which one.
set -eu
cd "$1"

# Build folders share node_modules: one at a time looks, and installs.
exec 9<package-lock.json
flock 9
# By content: git gives files new times, and npm empties node_modules before it knows whether it can fill it again.
installed=node_modules/.installed-lock.json # written last
cmp -s package-lock.json $installed && exit

if errors=$("${NPM:-npm}" ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error 2>&1 >/dev/null); then
  cp package-lock.json $installed
  exit
fi
without="-DBATTERY_TWIN_DASHBOARD=OFF builds without it."
case $errors in
  *ENOTFOUND* | *EAI_AGAIN* | *ECONN* | *ETIMEDOUT* | *ENETUNREACH* | *EHOSTUNREACH* | *ENOTCACHED* | *ERR_SOCKET_TIMEOUT*)
    echo "The npm registry could not be reached, from which $PWD gets its packages; $without" ;;
  *) printf '%s\nnpm could not install the packages of %s; %s\n' "$errors" "$PWD" "$without" ;;
esac >&2
exit 1
