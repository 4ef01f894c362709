#!/usr/bin/env bash
# Runs the benches and prints percentiles with their conditions; leaves JSON and a summary in benches/results.
#
#   benches/run.sh [--quick] [all | rust | zmq | python | NAME...]
#
# NAME is a bench of `oddsengine-benches`: memory basket board stages price bets decode ledger durable replay snapshots.
# Instruction counts are apart: benches/instructions.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=()
names=()
for argument in "$@"; do
  case "$argument" in
    --quick) quick=(--quick) ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) names+=("$argument") ;;
  esac
done
[ "${#names[@]}" -gt 0 ] || names=(all)

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
rust=()
for name in "${names[@]}"; do
  case "$name" in
    all) rust=(all); zmq=1; python=1 ;;
    rust) rust=(all) ;;
    zmq) zmq=1 ;;
    python) python=1 ;;
    *) rust+=("$name") ;;
  esac
done

if [ "${#rust[@]}" -gt 0 ]; then
  cargo run --quiet --release --locked -p oddsengine-benches -- "${rust[@]}" "${quick[@]}" --json "$out/rust.json"
fi
if [ -n "${zmq:-}" ]; then
  echo
  python benches/zmq/latency.py "${quick[@]}" --json "$out/latency.json"
  echo
  python benches/zmq/bets.py "${quick[@]}" --json "$out/bets.json"
fi
if [ -n "${python:-}" ]; then
  echo
  if [ "${#quick[@]}" -gt 0 ]; then
    python -m pytest -q benches/python/bench_*.py
  else
    python -m pytest -q --benchmark-enable --benchmark-json "$out/python.json" benches/python/bench_*.py
  fi
fi
if [ "${#quick[@]}" -eq 0 ] && [ "${names[*]}" = all ]; then
  python benches/summary.py "$out"
fi
