//! Records of every kind as rows: each fits its table, and any cut into batches adds up to the same.

use std::collections::BTreeMap;

use oddsengine_facts::{
    Body, Booking, BookingId, BookingKind, Channel, Command, Fact, GradedSelection, Origin, Record,
    TicketState, sample,
};
use oddsengine_projection::{Batch, Kind, Merge, Name, Numbered, Projector, Row, TABLES, Value};
use oddsengine_types::{AccountKind, Currency, CustomerId, FixtureId, SourceId, TicketId};

fn projected(projector: &mut Projector, records: &[Record], first_seq: u64) -> Batch {
    let mut batch = Batch::default();
    for (index, record) in records.iter().enumerate() {
        projector.project(Numbered { seq: first_seq + index as u64, record }, &mut batch);
    }
    batch
}

fn command(body: Body) -> Command {
    Command { time_ns: 1_000, origin: Origin::default(), body }
}

fn of_facts(facts: Vec<Fact>) -> Record {
    Record { command: command(Body::Tick { read_ns: 0 }), facts }
}

/// Rows of one table after all batches, as a store would have them.
type Stored = BTreeMap<&'static str, BTreeMap<Row, Row>>;

fn apply(stored: &mut Stored, batch: Batch) {
    for (table, rows) in batch.into_rows() {
        let key_len = table.key_len();
        let kept = stored.entry(table.name).or_default();
        for row in rows.whole {
            let key = row[..key_len].to_vec();
            match kept.get_mut(&key) {
                None => drop(kept.insert(key, row)),
                Some(old) => {
                    assert!(!table.is_appended, "{} has {key:?} twice", table.name);
                    for (column, (old, new)) in table.columns.iter().zip(old.iter_mut().zip(row)) {
                        match (column.merge, &*old, new) {
                            (Merge::Add, Value::Int(was), Value::Int(more)) => *old = Value::Int(was + more),
                            (_, _, new) => *old = new,
                        }
                    }
                }
            }
        }
        for (ticket, leg_count) in rows.cut {
            kept.retain(|key, _| key[0].text() != Some(&ticket) || key[1] < Value::Int(leg_count));
        }
        for row in rows.patches {
            let old =
                kept.get_mut(&row[..key_len]).unwrap_or_else(|| panic!("{} has no {row:?}", table.name));
            for (column, (old, new)) in table.columns.iter().zip(old.iter_mut().zip(row)).skip(key_len) {
                match (column.merge, &*old, new) {
                    (_, _, Value::Null) => {}
                    (Merge::Add | Merge::Count, Value::Int(was), Value::Int(more)) => {
                        *old = Value::Int(was + more);
                    }
                    (_, _, new) => *old = new,
                }
            }
        }
    }
}

/// A column that a row has no value for, or one of another kind, would stop a follower in front of a database.
#[test]
fn every_sample_fits_its_table() {
    let mut row_count = 0;
    let mut seen = std::collections::BTreeSet::new();
    for record in sample::records() {
        let batch = projected(&mut Projector::default(), std::slice::from_ref(&record), 7);
        for (table, rows) in batch.into_rows() {
            for row in rows.whole {
                assert_eq!(row.len(), table.columns.len(), "{}", table.name);
                for (column, value) in table.columns.iter().zip(&row) {
                    let fits = match value {
                        Value::Null => column.nullable,
                        Value::Int(_) => column.kind == Kind::Int,
                        Value::Text(_) | Value::Shared(_) => column.kind == Kind::Text,
                    };
                    assert!(fits, "{}.{} is {value:?}", table.name, column.name);
                }
                row_count += 1;
                seen.insert(table.name);
            }
            for row in rows.patches {
                for (column, value) in table.columns.iter().zip(&row) {
                    let is_patched =
                        matches!(column.merge, Merge::Key | Merge::Set | Merge::Add | Merge::Count);
                    assert!(is_patched || *value == Value::Null, "{}.{}", table.name, column.name);
                }
            }
        }
    }
    assert!(row_count > 20, "{row_count}");
    let missing: Vec<&str> =
        TABLES.iter().map(|table| table.name).filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "no sample makes a row of {missing:?}");
}

fn ticket(id: u128, state: TicketState, leg_count: usize) -> Fact {
    let mut found =
        sample::records().into_iter().flat_map(|record| record.facts).find_map(|fact| match fact {
            Fact::TicketDecided { ticket, .. } if !ticket.legs.is_empty() => Some(ticket),
            _ => None,
        });
    let mut ticket = found.take().expect("a sample has a ticket");
    ticket.id = TicketId(id);
    ticket.state = state;
    ticket.legs = vec![ticket.legs[0]; leg_count];
    (ticket.settlement_count, ticket.paid_minor) = (0, 0);
    Fact::TicketDecided { ticket, forgotten: None }
}

fn booking(number: u32, kind: BookingKind, amount_minor: i64) -> Fact {
    let customer = CustomerId(u64::MAX);
    let id = BookingId { source: SourceId(2), transaction: 9, number };
    Fact::Booked {
        bookings: vec![Booking {
            id,
            kind,
            debit: AccountKind::CustomerCash(customer),
            credit: AccountKind::CustomerOpenStakes(customer),
            currency: Currency::EUR,
            amount_minor,
        }],
    }
}

/// A life with everything that is joined in memory within a batch and read back between two: legs that go, states that turn, counts
/// that add up, money that is reserved, posted and voided.
fn life() -> Vec<Record> {
    let (id, reserved) = (TicketId(5), BookingId { source: SourceId(2), transaction: 9, number: 0 });
    let graded = |grade| Fact::Graded {
        fixture: FixtureId(1),
        selections: vec![GradedSelection { selection: oddsengine_markets::SelectionId(3), grade }],
    };
    let won = Some(oddsengine_types::Grade::WON);
    let legs = |grade, count| Fact::LegsGraded {
        ticket: id,
        legs: vec![oddsengine_facts::GradedLeg { grade, unit_minor: 0 }; count],
    };
    vec![
        of_facts(vec![ticket(5, TicketState::Refused(oddsengine_facts::Reason::NoPrice), 3)]),
        of_facts(vec![ticket(5, TicketState::Delayed, 2), booking(0, BookingKind::Reserved, 70)]),
        of_facts(vec![Fact::TicketHeld { ticket: id, due_ns: 99 }]),
        of_facts(vec![
            Fact::DelayEnded { ticket: id },
            booking(1, BookingKind::Posted { pending: reserved }, 70),
            ticket(5, TicketState::Open, 2),
        ]),
        of_facts(vec![graded(won), legs(won, 2)]),
        of_facts(vec![Fact::PaymentDue { ticket: id, due_ns: Some(123) }]),
        of_facts(vec![Fact::TicketPaid { ticket: id, paid_minor: 200, takes_back: false }]),
        of_facts(vec![graded(None), legs(None, 2), Fact::TicketReopened { ticket: id }]),
        of_facts(vec![Fact::TicketStuck { ticket: id }]),
        of_facts(vec![Fact::TicketPaid { ticket: id, paid_minor: 150, takes_back: false }]),
        of_facts(vec![
            booking(2, BookingKind::Reserved, 30),
            booking(3, BookingKind::Voided { pending: reserved }, 30),
        ]),
        of_facts(vec![Fact::TicketPaid { ticket: id, paid_minor: 0, takes_back: true }]),
        of_facts(vec![Fact::TicketCancelled { ticket: id }]),
    ]
}

fn column(stored: &Stored, table: &str, name: &str) -> Vec<Value> {
    let definition = TABLES.iter().find(|definition| definition.name == table).expect("the table is there");
    stored[table].values().map(|row| row[definition.position(name)].clone()).collect()
}

#[test]
fn any_cut_into_batches_adds_up_to_the_same() {
    let records = life();
    let mut whole = Stored::new();
    apply(&mut whole, projected(&mut Projector::default(), &records, 1));
    assert_eq!(column(&whole, "tickets", "state"), ["cancelled".into()]);
    assert_eq!(column(&whole, "tickets", "settlement_count"), [Value::Int(3)]);
    assert_eq!(column(&whole, "legs", "leg"), [Value::Int(0), Value::Int(1)]);
    assert_eq!(column(&whole, "legs", "grade"), ["open".into(), "open".into()]);
    assert_eq!(column(&whole, "results", "graded_count"), [Value::Int(2)]);
    assert_eq!(column(&whole, "balances", "balance_minor"), [Value::Int(-70), Value::Int(70)]);
    assert_eq!(column(&whole, "balances", "reserved_minor"), [Value::Int(0), Value::Int(0)]);
    // The largest id of a customer is one.
    assert_eq!(column(&whole, "balances", "customer")[0].text(), Some("18446744073709551615"));
    // Every set of places where a batch may end.
    for ends in 0..1_u32 << (records.len() - 1) {
        let (mut stored, mut begin) = (Stored::new(), 0);
        for end in 1..=records.len() {
            if end == records.len() || ends & (1 << (end - 1)) != 0 {
                // Another follower each time: it knows what the rows say.
                let part = projected(&mut Projector::default(), &records[begin..end], begin as u64 + 1);
                apply(&mut stored, part);
                begin = end;
            }
        }
        assert_eq!(stored, whole, "ends {ends:b}");
    }
}

/// A leg is told by the names that its selection had when its fixture was announced, also by a follower that started later.
#[test]
fn names_are_remembered_and_given_back() {
    let fixtures: Vec<Record> = sample::records()
        .into_iter()
        .filter(|record| record.facts.iter().any(|fact| matches!(fact, Fact::FixtureAdded(_))))
        .collect();
    assert!(!fixtures.is_empty());
    let mut stored = Stored::new();
    apply(&mut stored, projected(&mut Projector::default(), &fixtures, 1));
    let names: Vec<Name> = stored["selections"]
        .values()
        .map(|row| Name {
            selection_id: u64::from_str_radix(row[0].text().unwrap(), 16).unwrap(),
            market: row[2].text().unwrap().into(),
            selection: row[3].text().unwrap().into(),
        })
        .collect();
    let first = names.first().expect("a template has selections").clone();
    let graded = of_facts(vec![Fact::Graded {
        fixture: FixtureId(1),
        selections: vec![GradedSelection {
            selection: oddsengine_markets::SelectionId(first.selection_id),
            grade: Some(oddsengine_types::Grade::HALF_LOST),
        }],
    }]);
    let mut resumed = Stored::new();
    let mut projector = Projector::resume(names);
    apply(&mut resumed, projected(&mut projector, std::slice::from_ref(&graded), 50));
    assert_eq!(column(&resumed, "results", "market")[0].text(), Some(&*first.market));
    assert_eq!(column(&resumed, "results", "selection")[0].text(), Some(&*first.selection));
    assert_eq!(column(&resumed, "results", "grade")[0].text(), Some("half_lost"));
    // What was announced again is no news.
    let again = projected(&mut projector, &fixtures, 51);
    let (_, rows) = again.into_rows().into_iter().find(|(table, _)| table.name == "selections").unwrap();
    assert!(rows.whole.is_empty());
    // What nobody announced is told by its id.
    let mut unknown = Stored::new();
    apply(&mut unknown, projected(&mut Projector::default(), &[graded], 50));
    assert_eq!(column(&unknown, "results", "market")[0].text(), Some("unknown"));
}

/// Services book bets and money all day long; what a person did is what the list is for.
#[test]
fn of_services_only_what_a_member_of_staff_did_is_a_staff_action() {
    let action = |channel, staff: &str, body: Body| {
        let mut record = Record { command: command(body), facts: Vec::new() };
        record.command.origin.channel = channel;
        record.command.origin.principal.staff = staff.to_owned();
        let mut stored = Stored::new();
        apply(&mut stored, projected(&mut Projector::default(), &[record], 1));
        stored["staff_actions"].len()
    };
    let suspend = || Body::Suspend { fixture: FixtureId(1), market: None };
    let withdraw = || {
        let found = sample::records().into_iter().map(|record| record.command.body);
        found.into_iter().find(|body| matches!(body, Body::Withdraw(_))).expect("a sample withdraws")
    };
    assert_eq!(action(Channel::Desk, "", suspend()), 1);
    assert_eq!(action(Channel::Feed, "", suspend()), 0);
    assert_eq!(action(Channel::Desk, "", withdraw()), 0);
    assert_eq!(action(Channel::Desk, "alice", withdraw()), 1);
}

#[test]
fn bytes_that_are_no_record_add_nothing() {
    let mut batch = Batch::default();
    assert!(Projector::default().take(1, b"no record", &mut batch).is_err());
    assert_eq!(batch.record_count, 0);
    assert!(batch.into_rows().iter().all(|(_, rows)| rows.whole.is_empty() && rows.patches.is_empty()));
}
