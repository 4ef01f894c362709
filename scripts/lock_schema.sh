#!/bin/sh
# Writes crates/facts/proto/lock.json anew after something was added to the schema of the journal's records.
# Refuses a schema that could not read what earlier releases wrote; docs/journal.md tells what may be added and how.
set -eu
cd "$(dirname "$0")/.."
ODDSENGINE_LOCK_SCHEMA=1 cargo test --quiet --locked -p oddsengine-facts --test evolution \
    the_schema_is_the_locked_one_or_adds_to_it
git diff --stat -- crates/facts/proto/lock.json
