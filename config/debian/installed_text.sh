#!/bin/sh
# installed_text.sh FROM TO: a page or an options' file as it is installed. Files of the source that are installed stand
# where they are then, and what leads to the others is no link.
set -eu

mkdir -p "$(dirname "$2")"
sed -E \
  -e 's#\]\((\.\./)?config/battery-twin\.toml\)#](/etc/battery-twin/battery-twin.toml)#g' \
  -e 's#\]\((\.\./)?config/(cells|grafana)\)#](/usr/share/battery-twin/\2)#g' \
  -e 's#\[([^]]*)\]\((\.\./(src|tests|config)/[^)]*|[^/)]*\.py)\)#\1#g' \
  -e 's#(\$PWD/)?\bconfig/(cells|grafana)\b#/usr/share/battery-twin/\2#g' \
  -e 's#\bconfig/battery-twin\.toml#/etc/battery-twin/battery-twin.toml#g' \
  "$1" >"$2"
case "$2" in
  *.toml) sed -E -i 's#\bdocs/#/usr/share/doc/battery-twin/docs/#g' "$2" ;;
esac
