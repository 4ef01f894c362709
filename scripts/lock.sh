#!/bin/sh
# Rewrites requirements/dev.txt and docs.txt: every Python package of the .venv, exact and with hashes.
# Usage: scripts/lock.sh                    the fewest changes that satisfy the inputs
#        scripts/lock.sh --upgrade          the newest versions of everything
#        scripts/lock.sh --upgrade-package numpy
set -eu
cd "$(dirname "$0")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/python" -m pip install --quiet 'pip-tools==7.6.2'

# The lock names no download host, so it also serves behind a mirror.
unset PIP_FIND_LINKS
compile() {
    CUSTOM_COMPILE_COMMAND=scripts/lock.sh "$tools/bin/pip-compile" --quiet --generate-hashes --strip-extras \
        --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options "$@"
}
compile --extra numba --extra plot --extra postgresql --extra parquet --extra sql --extra notebook \
    --output-file requirements/dev.txt "$@" pyproject.toml requirements/dev.in
# One .venv holds both, so where both need a package it has one version.
compile --constraint requirements/dev.txt --output-file requirements/docs.txt "$@" requirements/docs.in
