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
  -e 's#^build/release/battery-twin #battery-twin #' \
  "$1" >"$2"
case "$2" in
  # The unit's user may write to one folder below /run only.
  */README.md)
    installed='The package is installed, so there is nothing to make: where this page says `make run ARGS="…"` it is `battery-twin …`, and the\
service runs already (`systemctl status battery-twin`; its options are in `/etc/battery-twin/battery-twin.toml`).'
    sed -E -i -e "1a\\\n$installed" "$2"
    ;;
  *.toml) sed -E -i -e 's#\bdocs/#/usr/share/doc/battery-twin/docs/#g' -e 's#/run/battery-twin\.sock#/run/battery-twin/socket#' "$2" ;;
esac
