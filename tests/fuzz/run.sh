#!/bin/sh
# Fuzzes everything that reads foreign bytes with libFuzzer, target after target.
#
# Usage: tests/fuzz/run.sh [--seconds N] [--minimise] [TARGET ...]
#   --seconds N    so long per target (default 60)
#   --minimise     afterwards keep only the inputs that reach something of their own
#
# New inputs go to tests/fuzz/corpus/TARGET/, an input that breaks something to tests/fuzz/regressions/TARGET/,
# where `cargo test -p oddsengine-runtime --test service_fuzz_replay` replays it from then on.
# A stable toolchain is enough: the compiler's coverage pass needs no nightly, and libFuzzer's own runtime is built
# from source by the crate libfuzzer-sys, with the system's C++ compiler.
set -eu
cd "$(dirname "$0")"

seconds=60
minimise=no
targets=
while [ $# -gt 0 ]; do
    case "$1" in
    --seconds) seconds=$2; shift ;;
    --minimise) minimise=yes ;;
    --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "unknown option $1; see --help" >&2; exit 2 ;;
    *) targets="$targets $1" ;;
    esac
    shift
done
all="decode_ingest decode_order command snapshot service journal keys payout record"
targets=${targets:-$all}

if ! command -v c++ >/dev/null 2>&1; then
    echo "no C++ compiler: libFuzzer's runtime is C++ and is built here" >&2
    echo "Run: apt-get install -y g++" >&2
    exit 1
fi

target_dir=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
# Naming the host as target keeps the flags off build scripts, which could not link with them. Comparisons are not
# traced: it halves the speed, and the words of the messages are in the dictionary.
build() {
    CARGO_TARGET_DIR="$target_dir" \
        RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table" \
        cargo build --release --locked --quiet --target "$host" "$@"
}
# The writer of the seeds is no fuzz target, and gets no coverage runtime.
CARGO_TARGET_DIR="$target_dir" cargo build --release --locked --quiet --bin seeds
for target in $targets; do
    build --bin "$target"
done

seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
"$target_dir/release/seeds" "$seeds"

failed=
for target in $targets; do
    program=$target_dir/$host/release/$target
    corpus=corpus/$target
    mkdir -p "$corpus" "regressions/$target" "$seeds/$target"
    # Messages end at 64 KiB, stories and damages earlier; a hang is an input that takes longer than 10 s.
    case "$target" in
    decode_*) options="-max_len=70000 -dict=json.dict" ;;
    service) options="-max_len=2048 -dict=json.dict" ;;
    snapshot) options="-max_len=65536" ;;
    journal) options="-max_len=64" ;;
    record) options="-max_len=4096" ;;
    *) options="-max_len=1024" ;;
    esac
    log=$target_dir/$target.log
    # shellcheck disable=SC2086
    if "$program" $options -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=512 \
        -len_control=20 -print_final_stats=1 -artifact_prefix="regressions/$target/" \
        "$corpus" "$seeds/$target" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        echo "$target: $runs inputs in $seconds s, $coverage edges, $(find "$corpus" -type f | wc -l) kept"
    else
        echo "$target: FAILED, see $log" >&2
        grep -a -E 'panicked at|SUMMARY|Test unit written|ERROR' "$log" | head -n 5 >&2 || true
        failed="$failed $target"
    fi
    if [ "$minimise" = yes ]; then
        fresh=$(mktemp -d)
        # shellcheck disable=SC2086
        "$program" $options -merge=1 -rss_limit_mb=2048 "$fresh" "$corpus" "$seeds/$target" >>"$log" 2>&1
        rm -rf "$corpus"
        mv "$fresh" "$corpus"
        chmod 755 "$corpus"
    fi
done
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
