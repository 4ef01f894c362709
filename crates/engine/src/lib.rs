//! Commands, events and the deterministic state machine that applies them.
