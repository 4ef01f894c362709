#!/bin/sh
# Writes tests/golden/records/<release>.txt: a record of every kind in the bytes of this release. Run it before a release; the
# file of a release that is out is never written again, since every later build must read it.
set -eu
cd "$(dirname "$0")/.."
ODDSENGINE_WRITE_GOLDEN_RECORDS=1 cargo test --quiet --locked -p oddsengine-facts --test records records_are_the_bytes
git diff --stat -- tests/golden/records
