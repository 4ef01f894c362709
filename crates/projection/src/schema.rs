//! The tables: the one definition that storage, checks and documentation follow.

/// Rises with every change of a table, a column or of what is written into one: a store of another version is built anew.
pub const SCHEMA_VERSION: u32 = 2;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A signed whole number of 64 bits.
    Int,
    /// Text.
    Text,
}

/// What a later row of the same key does to a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Names the row.
    Key,
    /// Takes the place of what was there. In a patch NULL leaves it.
    Set,
    /// As `Set`, and no patch has it.
    Fixed,
    /// A whole row sets it, a patch adds to it.
    Count,
    /// Is added to what was there.
    Add,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, with the unit.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// It may be NULL.
    pub nullable: bool,
    /// What a later row does to it.
    pub merge: Merge,
    /// What it says.
    pub note: &'static str,
}

/// One table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What a row is.
    pub note: &'static str,
    /// Rows are only ever added: the key is the place in the journal.
    pub is_appended: bool,
    /// The columns, those of the key first.
    pub columns: &'static [Column],
    /// Further indexes, each by the names of its columns.
    pub indexes: &'static [&'static [&'static str]],
}

impl Table {
    /// The position of a column.
    ///
    /// # Panics
    /// There is none of this name.
    pub fn position(&self, name: &str) -> usize {
        self.columns
            .iter()
            .position(|column| column.name == name)
            .unwrap_or_else(|| panic!("{} has no column {name}", self.name))
    }

    /// How many columns the key has.
    pub fn key_len(&self) -> usize {
        self.columns.iter().filter(|column| column.merge == Merge::Key).count()
    }
}

macro_rules! kind {
    (int) => {
        (Kind::Int, false)
    };
    (int?) => {
        (Kind::Int, true)
    };
    (text) => {
        (Kind::Text, false)
    };
    (text?) => {
        (Kind::Text, true)
    };
}

macro_rules! tables {
    ($(
        $(#[doc = $note:literal])*
        $how:ident $constant:ident $name:literal [$([$($index:literal),+]),*] {
            $($merge:ident $column:literal $kind:ident $(($null:tt))? $text:literal;)*
        }
    )*) => {
        /// The table of this place in [`TABLES`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(usize)]
        #[allow(missing_docs)] // the tables say it
        pub enum TableId { $($constant,)* }

        /// All tables.
        pub const TABLES: &[Table] = &[$(Table {
            name: $name,
            note: concat!($($note),*),
            is_appended: matches!(How::$how, How::Appended),
            columns: &[$(Column {
                name: $column,
                kind: kind!($kind $($null)?).0,
                nullable: kind!($kind $($null)?).1,
                merge: Merge::$merge,
                note: $text,
            },)*],
            indexes: &[$(&[$($index),+]),*],
        },)*];
    };
}

enum How {
    Appended,
    Merged,
}

tables! {
    /// A fixture, as it stands.
    Merged Fixtures "fixtures" [] {
        Key "fixture" text "its id";
        Fixed "sport" text "`football`, `tennis`, `racing`, `custom`";
        Fixed "competition" text "its name";
        Fixed "start_ns" int "the scheduled start";
        Fixed "home" text "the side named first";
        Fixed "away" text "the side named second; empty in a race";
        Fixed "added_seq" int "the record that announced it last";
        Set "started_ns" int "when the engine took the incident that started it; 0 before";
        Set "score_home" int (?) "the score that a feed told last: tennis sets; NULL before";
        Set "score_away" int (?) "the same, of the other side";
        Set "stops" text "why trading stands still, with commas; empty where it does not";
        Set "void" text "`nothing`, `everything`, `undecided`";
        Set "changed_seq" int "the record that changed this row last";
    }
    /// Something that happened on the field of play.
    Appended Incidents "incidents" [["fixture"]] {
        Key "seq" int "the record";
        Key "number" int "the fact within it, from 0";
        Set "time_ns" int "when the engine took it";
        Set "fixture" text "the fixture";
        Set "incident" text "its name on the wire";
        Set "clock_ms" int (?) "the match clock, if it was told";
        Set "score_home" int (?) "the score after it, if it was told";
        Set "score_away" int (?) "the same, of the other side";
        Set "source" text "who told it";
    }
    /// How a selection ended, as it stands.
    Merged Results "results" [] {
        Key "fixture" text "the fixture";
        Key "market" text "the market's key";
        Key "selection" text "the selection";
        Set "grade" text "`won`, `lost`, `void`, `half_won`, `half_lost`, `won_1/3` (a dead heat); `open` after it was taken back";
        Set "time_ns" int "when it was graded last";
        Set "seq" int "the record that graded it last";
        Add "graded_count" int "times that it was graded or taken back";
    }
    /// A ticket, as it stands.
    Merged Tickets "tickets" [["customer"], ["received_ns"]] {
        Key "ticket" text "its id";
        Fixed "customer" text "who bets";
        Fixed "currency" text "of stake and payment";
        Fixed "plan" text "`single`, `multiple`, `system` or `each_way`: how its bets follow from its legs";
        Fixed "leg_count" int "its legs, places of each-way legs among them";
        Fixed "line_count" int "lines of its bets, each-way ones counted twice; 1 where it is one bet on all legs";
        Fixed "bets" text "its bets in JSON: masks of `legs` and `bankers`, `sizes` by bit, `line_stake_minor`, `parts`; empty where it is one bet on all legs";
        Fixed "stake_minor" int "the stake";
        Fixed "bonus_minor" int "what of it came from a bonus";
        Fixed "free_minor" int "what of it is a free bet";
        Fixed "odds_change" text "what may happen when the odds have moved: `none`, `higher`, `any`, `within_N` hundredths of a percent";
        Fixed "odds_e4" int "the product of its legs' odds, rounded down after each leg; 0 where it was refused";
        Fixed "payout_minor_max" int "paid if every leg wins, stakes of all lines included";
        Fixed "received_ns" int "when it was received";
        Fixed "decided_ns" int "when it was accepted or refused; 0 while delayed";
        Fixed "reason" text "why it was refused; empty where it was not";
        Fixed "limit_level" text "the limit that bound its stake most; empty where none was looked at";
        Fixed "limit_stake_minor_max" int (?) "the largest stake that this limit allowed";
        Fixed "decided_seq" int "the record of its last decision";
        Fixed "channel" text "`feed`, `desk`, `runtime`: on which way it was decided";
        Fixed "asked_minor" int "the stake that was asked";
        Fixed "stake_window" text "the stake window that bound its stake most; empty where none did";
        Fixed "offer" text "what was offered instead: empty for nothing, `open`, `taken`, `ended`";
        Fixed "referral" text "a trader's word: empty where none was asked, `open`, `accept`, `part`, `counter`, `decline`, `expire`, `automatic`";
        Fixed "ruled_by" text "the trader who gave it; empty for nobody";
        Set "state" text "`delayed`, `referred`, `reoffered`, `refused`, `accepted`, `settled`, `cancelled`";
        Set "due_ns" int "when its bet delay ends; 0 without one";
        Set "paid_minor" int "what has been paid, stake included";
        Count "settlement_count" int "times that it was settled";
        Set "settled_ns" int "when it was settled last; 0 before";
        Set "payment_due_ns" int "until when its payment waits; 0 where none does";
        Set "is_stuck" int "1: the ledger would not settle it";
        Set "changed_seq" int "the record that changed this row last";
    }
    /// A leg of a ticket, as it stands.
    Merged Legs "legs" [["fixture"]] {
        Key "ticket" text "the ticket";
        Key "leg" int "its place, from 0";
        Fixed "fixture" text "the fixture";
        Fixed "market" text "the market's key";
        Fixed "selection" text "the selection";
        Fixed "odds_e4" int "the odds of the bet; 0 where it was refused";
        Fixed "place_of" int (?) "the leg whose place part it is; none where it is to win";
        Fixed "place_fraction_of" int "one part in so many of the odds is paid; 0 where it is to win";
        Fixed "fair_probability_e9" int "the fair probability at the decision, refunds set aside";
        Set "grade" text "as in `results`; `open` while undecided";
    }
    /// What a decision saw of a leg: the price evidence.
    Appended PriceDecisions "price_decisions" [["fixture"], ["ticket"]] {
        Key "seq" int "the record";
        Key "number" int "the fact within it, from 0";
        Key "leg" int "the leg, from 0";
        Set "time_ns" int "when it was decided";
        Set "ticket" text "the ticket";
        Set "state" text "what was decided: `delayed`, `accepted`, `refused`";
        Set "reason" text "why it was refused; empty where it was not";
        Set "fixture" text "the fixture";
        Set "market" text "the market's key";
        Set "selection" text "the selection";
        Set "requested_odds_e4" int "odds that the customer saw";
        Set "offered_odds_e4" int "odds offered at the decision; 0 for none";
        Set "odds_e4" int "odds of the bet; 0 where it was refused";
        Set "fair_probability_e9" int "the fair probability, refunds set aside";
        Set "quoted_epoch" int "the epoch of the board that the customer saw";
        Set "quoted_version" int "its version";
        Set "epoch" int "the epoch of the board at the decision";
        Set "version" int "its version";
        Set "score_home" int "the score at the decision";
        Set "score_away" int "the same, of the other side";
        Set "clock_ms" int "the match clock at the decision";
    }
    /// A settlement, its reversal, or what keeps one back.
    Appended Settlements "settlements" [["ticket"]] {
        Key "seq" int "the record";
        Key "number" int "the fact within it, from 0";
        Set "time_ns" int "when it was booked";
        Set "ticket" text "the ticket";
        Set "kind" text "`paid`; `resettled` (an earlier settlement was taken back for it); `reopened` (taken back, open again); `cancelled`; `payment_due` (waits); `payment_withheld` (no longer waits); `stuck`; `annulled` (legs void or cancelled, by an annulment); `annulment_taken_back`; `reinstated` (open again after it was cancelled); `stands` (a correction of its result came too late)";
        Set "paid_minor" int "what the ticket has been paid from then on, stake included";
        Set "due_ns" int "`payment_due`: until when it waits; otherwise 0";
        Set "cause" text "the command that led to it, by its name on the wire";
        Set "channel" text "`feed`, `desk` or `runtime`";
        Set "source" text "what its sender calls itself";
        Set "key_name" text "the key of its connection, or the socket";
        Set "service" text "the service behind the key, if told";
        Set "staff" text "the member of staff, if told";
    }
    /// What was voided or cancelled of many tickets at once, and whether it was taken back.
    Merged Annulments "annulments" [] {
        Key "number" int "its number, from 1";
        Set "annulment" text "the id that its sender chose";
        Set "effect" text "`void` (legs) or `cancel` (tickets)";
        Set "customer" text (?) "only of this customer";
        Set "fixture" text (?) "only on this fixture";
        Set "market" text (?) "only on this market of it";
        Set "from_ns" int (?) "accepted at this time or later";
        Set "until_ns" int (?) "accepted before this time";
        Set "why" text "why, in words";
        Add "changed_count" int "tickets that it changed, each time that it did";
        Set "state" text "`ordered`, `taken_back`, `final` (can be taken back no more)";
        Set "ordered_ns" int "when it was ordered";
        Set "changed_seq" int "the last record that changed it";
    }
    /// An instruction to the ledger that was carried out: money moved, reserved or released.
    Appended Postings "postings" [["debit_customer"], ["credit_customer"], ["transaction_id"]] {
        Key "seq" int "the record";
        Key "number" int "the fact within it, from 0";
        Key "booking" int "its place in the fact, from 0: all of a fact or none";
        Set "time_ns" int "when it was booked";
        Set "origin" text "what numbered it: `transfer` (a deposit, a withdrawal) or `ticket`";
        Set "transaction_id" text "the transfer's or ticket's id";
        Set "instruction" int "which instruction of it, from 0";
        Set "kind" text "`moved`, `reserved`, `posted` (moves what was reserved), `voided` (releases it)";
        Set "pending_instruction" int (?) "`posted`, `voided`: the instruction that reserved it, of the same transaction";
        Set "debit_account" text "the account that money leaves";
        Set "debit_customer" text (?) "whose it is; NULL for the house";
        Set "credit_account" text "the account that it reaches";
        Set "credit_customer" text (?) "whose it is; NULL for the house";
        Set "currency" text "ISO 4217";
        Set "amount_minor" int "how much, above 0";
        Set "cause" text "the command that led to it, by its name on the wire";
    }
    /// What is on an account: credits less debits, so that all accounts of a currency sum to 0.
    Merged Balances "balances" [] {
        Key "account" text "what it is for";
        Key "customer" text "whose it is; empty for the house";
        Key "currency" text "ISO 4217";
        Add "balance_minor" int "credits less debits of what was moved and posted";
        Add "reserved_minor" int "what is on its way out of it";
    }
    /// Settings of a scope, as they stand; NULL is inherited.
    Merged Limits "limits" [] {
        Key "scope" text "`sport:S`, `market_type:S/STEM`, `competition:NAME`, `fixture:ID`, `market:ID/KEY`";
        Set "margin_method" text (?) "how the margin is spread";
        Set "booksum_e4" int (?) "the sum of implied probabilities";
        Set "loss_minor_max" int (?) "the largest loss";
        Set "bet_delay_ms" int (?) "the bet delay in play";
        Set "feed_silence_ms" int (?) "the longest silence of a feed in play";
        Set "time_ns" int "since when";
        Set "seq" int "the record";
    }
    /// A customer's standing.
    Merged Customers "customers" [] {
        Key "customer" text "the customer";
        Set "factor_e3" int "the share of the limits, in thousandths; 0 is blocked";
        Set "time_ns" int "since when";
        Set "seq" int "the record";
    }
    /// A setting that changed: configuration, scopes, customers, markets, stops.
    Appended Changes "changes" [] {
        Key "seq" int "the record";
        Key "number" int "the fact within it, from 0";
        Set "time_ns" int "since when";
        Set "kind" text "`release_started`, `configured`, `scope_set`, `space_defined`, `customer_set`, `market_set`, `expectation_set`, `grades_told`, `fixture_voided`, `start_waived`, `stops_changed`, `source_reset`, `result_held`, `review_set`, `action_pending`, `action_ended`";
        Set "subject" text "what it is about: a scope, `fixture:ID`, `market:ID/KEY`, `customer:ID`, `action:NUMBER`, a space, a source; empty for the platform";
        Set "detail" text "the new values, a JSON object";
        Set "cause" text "the command that led to it, by its name on the wire";
        Set "channel" text "`feed`, `desk` or `runtime`";
        Set "source" text "what its sender calls itself";
        Set "key_name" text "the key of its connection, or the socket";
        Set "service" text "the service behind the key, if told";
        Set "staff" text "the member of staff, if told";
    }
    /// A command of the desk, and what came of it; bets, deposits and withdrawals where a member of staff is named.
    Appended StaffActions "staff_actions" [["staff"]] {
        Key "seq" int "the record";
        Set "time_ns" int "when it was received";
        Set "action" text "the command's name on the wire";
        Set "fixture" text (?) "the fixture that it is about";
        Set "market" text (?) "the market";
        Set "ticket" text (?) "the ticket";
        Set "customer" text (?) "the customer";
        Set "amount_minor" int (?) "the amount";
        Set "override_by" text "who answers for a price beyond the plausible; empty for nobody";
        Set "outcome" text "`done`, `refused`, `nothing` (all was so already)";
        Set "reason" text "why it was refused; empty where it was not";
        Set "source" text "what its sender calls itself";
        Set "key_name" text "the key of its connection, or the socket";
        Set "service" text "the service behind the key, if told";
        Set "staff" text "the member of staff, if told";
    }
    /// A command, a deposit or a withdrawal that was refused, a ticket whose id stands for another. Refused bets are tickets.
    Appended Refusals "refusals" [] {
        Key "seq" int "the record";
        Key "number" int "the fact within it, from 0";
        Set "time_ns" int "when";
        Set "kind" text "`command`, `deposit`, `withdraw`, `ticket`";
        Set "cause" text "the command, by its name on the wire";
        Set "reason" text "why";
        Set "detail" text "the value and the allowed range";
        Set "fixture" text (?) "the fixture that it is about";
        Set "ticket" text (?) "the ticket";
        Set "customer" text (?) "the customer";
        Set "transfer" text (?) "the transfer";
        Set "amount_minor" int (?) "the amount";
        Set "source" text "what its sender calls itself";
        Set "key_name" text "the key of its connection, or the socket";
    }
    /// Something that the desk had to hear of.
    Appended Alerts "alerts" [] {
        Key "seq" int "the record";
        Key "number" int "the fact within it, from 0";
        Set "time_ns" int "when";
        Set "alert" text "which";
        Set "fixture" text (?) "the fixture that it is about";
        Set "message" text "what happened, with its values";
    }
    /// A start of the engine.
    Appended Epochs "epochs" [] {
        Key "seq" int "the record";
        Key "number" int "the fact within it, from 0";
        Set "time_ns" int "when";
        Set "epoch" int "the epoch that began";
        Set "back_ns" int "how far the journal's time went back to the clock";
    }
    /// What the ids of selections stand for: texts of the templates of the fixtures and spaces so far.
    Merged Selections "selections" [] {
        Key "selection_id" text "the id in the journal: 16 hexadecimal digits";
        Set "market_id" text "the market's id: 16 hexadecimal digits";
        Set "market" text "the market's key";
        Set "selection" text "the selection";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_come_first_and_names_are_unique() {
        let names: BTreeSet<&str> = TABLES.iter().map(|table| table.name).collect();
        assert_eq!(names.len(), TABLES.len());
        for table in TABLES {
            let key = table.key_len();
            assert!(
                key > 0 && table.columns[..key].iter().all(|column| column.merge == Merge::Key),
                "{}",
                table.name
            );
            assert!(table.columns[..key].iter().all(|column| !column.nullable), "{}", table.name);
            let columns: BTreeSet<&str> = table.columns.iter().map(|column| column.name).collect();
            assert_eq!(columns.len(), table.columns.len(), "{}", table.name);
            for name in table.indexes.iter().copied().flatten() {
                table.position(name);
            }
            assert_eq!(table.is_appended, table.columns[0].name == "seq", "{}", table.name);
        }
    }
}
