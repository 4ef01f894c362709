//! Bets of tickets against plain enumeration of their lines.

mod enumeration;
mod house;
mod lines;
mod money;
