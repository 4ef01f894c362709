#!/usr/bin/env bash
# Counts the instructions of the hot operations under callgrind and compares them with benches/results/instructions.json:
# clocks of a shared machine tell little, instruction counts are the same in good and in bad minutes.
#
#   benches/instructions.sh             fails when an operation takes more than 5 % more than recorded
#   benches/instructions.sh --update    records what it finds
#   benches/instructions.sh OP...       only these operations
#
# Each operation runs 200 and 400 times in a process of its own; the difference is 200 operations without start-up.
# Counts depend on compiler and processor features: record them again with a new rustc.
set -euo pipefail
cd "$(dirname "$0")/.."

recorded=benches/results/instructions.json
update=
ops=()
for argument in "$@"; do
  case "$argument" in
    --update) update=1 ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) ops+=("$argument") ;;
  esac
done
command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 2; }

cargo build --quiet --release --locked -p oddsengine-benches
bench=${CARGO_TARGET_DIR:-target}/release/oddsengine-benches
[ "${#ops[@]}" -gt 0 ] || mapfile -t ops < <("$bench" ops)

count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$bench" op "$1" "$2" 2>&1 |
    sed -n 's/.*refs: *\([0-9,]*\)$/\1/p' | tr -d ,
}

found=$(mktemp)
trap 'rm -f "$found"' EXIT
for op in "${ops[@]}"; do
  echo "$op $((($(count "$op" 400) - $(count "$op" 200)) / 200))" >>"$found"
done
python3 benches/instructions.py "$recorded" "$found" "$(rustc --version)" ${update:+--update}
