#!/bin/sh
# What CMake does where the server gets a dashboard: build.sh FOLDER FILE.cpp
# Builds into FOLDER, makes FILE.cpp of that, and says in FOLDER.json what was built of what, in FILE.cpp.d the same for CMake.
# NODE and NPM: which ones.
set -eu
cd "$(dirname "$0")"

../../config/npm-install.sh .
"${NODE:-node}" build.mjs "$1" "$1.json"
"${NODE:-node}" embed.mjs "$1" "$2" "$1.json"
