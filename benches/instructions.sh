#!/usr/bin/env bash
# Counts the instructions of the hot operations under callgrind and compares them with benches/results/instructions.json:
# clocks of a shared machine tell little, instruction counts are the same in good and in bad minutes.
#
#   benches/instructions.sh             fails when an operation takes more than what was recorded, see instructions.py
#   benches/instructions.sh --update    records what it finds
#   benches/instructions.sh OP...       only these operations
#
# Each operation runs 200 and 1,000 times in a process of its own; the difference is 800 operations without start-up.
# Valgrind shows every program the same processor, with AVX2 if the machine has it and never with AVX-512, so that only a
# machine without AVX2 and another rustc count otherwise: there nothing is compared, loudly. Record again with a new rustc.
set -euo pipefail
cd "$(dirname "$0")/.."

recorded=benches/results/instructions.json
update=
ops=()
for argument in "$@"; do
  case "$argument" in
    --update) update=1 ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) ops+=("$argument") ;;
  esac
done
command -v valgrind >/dev/null || { printf 'valgrind is missing\nhint: apt-get install valgrind\n' >&2; exit 2; }

# What is counted is what ships, so the profile is that of Cargo.toml whatever the shell says.
unset "${!CARGO_PROFILE_RELEASE_@}"
cargo build --quiet --release --locked -p oddsengine-benches
export BENCH=${CARGO_TARGET_DIR:-target}/release/oddsengine-benches
[ "${#ops[@]}" -gt 0 ] || mapfile -t ops < <("$BENCH" ops)

count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$BENCH" op "$1" "$2" 2>&1 |
    sed -n 's/.*refs: *\([0-9,]*\)$/\1/p' | tr -d ,
}
count_op() {
  set -euo pipefail
  local few many
  few=$(count "$1" 200) many=$(count "$1" 1000)
  echo "$1 $(((many - few) / 800))"
}
export -f count count_op

found=$(mktemp)
trap 'rm -f "$found"' EXIT
# An operation that panics, because its answer is wrong, ends this too.
printf '%s\n' "${ops[@]}" | xargs -P "$(nproc)" -I '{}' bash -c 'count_op {}' >"$found"

processor=$(uname -m)
if grep -qw avx2 /proc/cpuinfo 2>/dev/null; then processor+=" avx2"; fi
"${PYTHON:-python3}" benches/instructions.py "$recorded" "$found" "$(rustc --version)" "$processor" ${update:+--update}
