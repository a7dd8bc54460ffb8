#!/bin/sh
# Runs the fuzz targets of build/fuzz. Usage: fuzz.sh run SECONDS [TARGET…] | fuzz.sh keep [TARGET…]
#   run   each target for that long; what it finds interesting collects in build/fuzz/corpus
#   keep  takes over into tests/fuzz/corpus the short inputs that reach code which those there do not, as few as will do
set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build/fuzz
wanted=${1:-}
shift || true
seconds=60
if [ "$wanted" = run ]; then
  seconds=${1:-60}
  shift || true
fi
[ $# -gt 0 ] || set -- $(cd "$here/corpus" && ls)

# No answer may take longer than a second; the sanitizers make everything several times slower.
limits="-timeout=10 -rss_limit_mb=2048"

for target in "$@"; do
  program=$build/tests/fuzz/fuzz_$target
  kept=$here/corpus/$target
  found=$build/corpus/$target
  if [ ! -x "$program" ] || [ ! -d "$kept" ]; then
    echo "There is no fuzz target $target; there are: $(cd "$here/corpus" && echo *)" >&2
    exit 2
  fi
  mkdir -p "$found" "$build/failures"
  case $wanted in
    run)
      echo "$target: $seconds s"
      log=$build/failures/$target.log
      # shellcheck disable=SC2086
      if ! "$program" $limits -max_len=5000 -max_total_time="$seconds" -dict="$here/$target.dict" -print_final_stats=1 \
        -artifact_prefix="$build/failures/$target-" "$found" "$kept" >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        echo "$target fails; the input: $(ls -t "$build/failures/$target-"* | head -n 1)" >&2
        exit 1
      fi
      grep -E '^stat::(number_of_executed_units|average_exec_per_sec|new_units_added|slowest_unit)' "$log"
      ;;
    keep)
      short=$(mktemp -d)
      find "$found" -type f -size -500c -exec cp -t "$short" {} +
      "$program" -set_cover_merge=1 -use_counters=0 "$kept" "$short" 2>&1 | tail -n 1
      rm -r "$short"
      ;;
    *)
      sed -n '2,4s/^# *//p' "$0" >&2
      exit 2
      ;;
  esac
done
