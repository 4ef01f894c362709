#!/bin/sh
# Writes docs/markets from the templates: every market with its selections, view, settlement rule and an example. The test
# market_pages of the same crate fails while they are not as the templates.
set -eu
cd "$(dirname "$0")/.."
ODDSENGINE_WRITE_MARKET_PAGES=1 cargo test --quiet --locked -p oddsengine-markets --test market_pages
git diff --stat -- docs/markets
