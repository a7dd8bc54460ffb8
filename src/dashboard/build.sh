#!/bin/sh
# What CMake does where the server gets a dashboard: build.sh FOLDER FILE.cpp
# Installs the packages of package-lock.json unless they are there, builds into FOLDER, makes FILE.cpp of that.
# NODE and NPM: which ones.
set -eu
cd "$(dirname "$0")"

# Build folders share node_modules: one at a time installs them.
exec 9<package-lock.json
flock 9
[ node_modules/.package-lock.json -nt package-lock.json ] || "${NPM:-npm}" ci --ignore-scripts --no-audit --no-fund --loglevel=error
flock -u 9

"${NODE:-node}" build.mjs "$1"
"${NODE:-node}" embed.mjs "$1" "$2"
