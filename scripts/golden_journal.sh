#!/bin/sh
# Writes tests/journals/<release>/: a small journal with every kind of fact and command and a snapshot, and what it leads to.
# Run it before a release; the journal of a release that is out is never written again, since every later build must open it
# to the same state. Journals of earlier releases are left alone: where this build stores its state in another layout, the
# hash of that layout is added to their state_hash.txt, once balances, tickets and exposure are the same.
set -eu
cd "$(dirname "$0")/.."
ODDSENGINE_WRITE_GOLDEN_JOURNAL=1 cargo test --quiet --locked -p oddsengine-runtime --test golden_journals \
  the_journal_of_this_release_is_what_its_script_makes
git status --short -- tests/journals
