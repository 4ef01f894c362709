//! What the engines beside the live one see refused: a fact that is missing, a fact that is another one, a board.

use std::collections::{BTreeMap, BTreeSet};

use oddsengine_engine::{Engine, Fact, Reason, Record, StopSet};
use oddsengine_sim::shadows::{FACTS_REDECIDE_ALIKE, Shadows, fold, redecide};
use oddsengine_sim::workload;

/// Facts that are told and change no state: missing ones are seen by deciding again alone.
const TOLD_ONLY: [&str; 3] = ["Alerted", "MoneyRefused", "TicketConflict"];
/// So many of each kind are tampered with.
const OF_EACH_KIND: usize = 8;

fn kind_of(fact: &Fact) -> String {
    let text = format!("{fact:?}");
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// The fact with another value that folds as well as the true one.
fn changed(fact: &Fact) -> Option<Fact> {
    let mut fact = fact.clone();
    match &mut fact {
        Fact::EpochStarted { epoch, .. } => *epoch += 1,
        Fact::Configured(config) => config.legs_max += 1,
        Fact::ScopeSet { settings, .. } => settings.bet_delay_ms = Some(1_234),
        Fact::FixtureAdded(request) => request.home.push('!'),
        Fact::ParametersSet { parameters, .. } => {
            // By the least bit of one number.
            let list = parameters.lists.iter_mut().map(|(_, list)| list).find(|list| !list.is_empty())?;
            list[0] = f64::from_bits(list[0].to_bits() + 1);
        }
        Fact::StopsChanged { stops, .. } => {
            *stops = if stops.is_empty() { StopSet::MISSED } else { StopSet::default() }
        }
        Fact::IncidentTaken { interrupts, .. } => *interrupts = !*interrupts,
        Fact::MarketSet { interrupts, .. } => *interrupts = !*interrupts,
        Fact::GradesTold { by_desk, .. } => *by_desk = !*by_desk,
        Fact::FixtureVoided { interrupts, .. } => *interrupts = !*interrupts,
        Fact::Graded { selections, .. } => drop(selections.pop()),
        Fact::CustomerSet { factor_e3, .. } => *factor_e3 += 1,
        Fact::TicketDecided { ticket, .. } => ticket.payout_minor_max += 1,
        Fact::LegsGraded { legs, .. } => {
            // What rides on an open leg of a ticket that lost by another one is nothing by its payment, whatever it was.
            let graded = legs.iter().position(|leg| leg.grade.is_some());
            legs[graded.unwrap_or(0)].unit_minor += 1;
        }
        Fact::TicketPaid { paid_minor, .. } => *paid_minor += 1,
        Fact::PaymentDue { due_ns, .. } => *due_ns = due_ns.map(|due_ns| due_ns + 1),
        Fact::Booked { bookings } => bookings[0].amount_minor += 1,
        Fact::Refused { reason, .. } => *reason = Reason::CustomerBlocked,
        Fact::SourceHeard { numbered: Some((number, _)), .. } => *number = number.wrapping_add(1),
        _ => return None,
    }
    Some(fact)
}

/// Both ways to look at a record that was tampered with: whether deciding again finds it, and whether the folded state does.
fn found(before: &Engine, after: &Engine, tampered: &Record) -> (bool, bool) {
    let by_deciding = match redecide(&mut before.clone(), tampered) {
        Ok(()) => false,
        Err(why) => why.contains(FACTS_REDECIDE_ALIKE),
    };
    let mut folded = before.clone();
    let mut by_folding = fold(&mut folded, tampered).is_err() || folded.state_hash() != after.state_hash();
    // Books are derived: they are compared with the tickets.
    folded.price_changed();
    by_folding |= folded.invariants().iter().any(|(_, holds)| holds.is_err());
    (by_deciding, by_folding)
}

#[test]
fn a_fact_that_is_dropped_or_changed_is_found() {
    let records =
        workload::records(&workload::universe(), 5, 2_500).unwrap_or_else(|failure| panic!("{failure}"));
    let mut before = Engine::default();
    // By kind: how often a fact was dropped, and how often the folded state showed it.
    let mut dropped: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut altered: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for record in &records {
        let mut after = before.clone();
        fold(&mut after, record).unwrap();
        for (place, fact) in record.facts.iter().enumerate() {
            let kind = kind_of(fact);
            let count = dropped.entry(kind.clone()).or_default();
            if count.0 < OF_EACH_KIND {
                let mut tampered = record.clone();
                tampered.facts.remove(place);
                let (by_deciding, by_folding) = found(&before, &after, &tampered);
                assert!(by_deciding, "{kind} is dropped from {record:?}");
                *count = (count.0 + 1, count.1 + usize::from(by_folding));
            }
            let count = altered.entry(kind.clone()).or_default();
            if let Some(other) = changed(fact).filter(|other| other != fact && count.0 < OF_EACH_KIND) {
                let mut tampered = record.clone();
                tampered.facts[place] = other;
                let (by_deciding, by_folding) = found(&before, &after, &tampered);
                assert!(by_deciding, "{kind} is changed in {record:?}");
                *count = (count.0 + 1, count.1 + usize::from(by_folding));
            }
        }
        before = after;
    }
    // Who is heard twice at one time is heard once: the state may be the same without a sign of life, and not always.
    let unseen: BTreeSet<&String> =
        dropped.iter().filter(|(_, (_, by_folding))| *by_folding == 0).map(|(kind, _)| kind).collect();
    let expected: Vec<&str> = TOLD_ONLY.into_iter().filter(|kind| dropped.contains_key(*kind)).collect();
    assert_eq!(unseen.into_iter().collect::<Vec<_>>(), expected, "{dropped:?}");
    let missed = altered.iter().filter(|(kind, (count, by_folding))| {
        // A refusal counts whatever its reason.
        *count > 0 && by_folding < count && kind.as_str() != "Refused"
    });
    let missed: Vec<_> = missed.collect();
    assert!(missed.is_empty(), "changed and not seen in the folded state: {missed:?}");
    assert!(dropped.len() >= 28, "{} kinds of facts: {:?}", dropped.len(), dropped.keys());
    assert!(altered.values().filter(|(count, _)| *count > 0).count() >= 15, "{altered:?}");
}

#[test]
fn an_engine_beside_the_live_one_that_differs_is_found() {
    let records =
        workload::records(&workload::universe(), 4, 300).unwrap_or_else(|failure| panic!("{failure}"));
    let mut live = Engine::default();
    let mut shadows = Shadows::default();
    for record in &records {
        fold(&mut live, record).unwrap();
        shadows.take(record.clone()).unwrap();
    }
    live.price_changed();
    shadows.audit(&live).unwrap();
    assert_eq!(shadows.replay(&live), Ok(live.state_hash()));
    // The record of a command that is not taken by one of them.
    let folds_again = |record: &&Record| fold(&mut live.clone(), record).is_ok();
    let one_more = records.iter().rev().find(folds_again).unwrap();
    let mut ahead = live.clone();
    fold(&mut ahead, one_more).unwrap();
    ahead.price_changed();
    assert!(shadows.audit(&ahead).unwrap_err().contains("state hash of the folding engine"));
    assert!(shadows.recover(&ahead).is_ok(), "a snapshot of the live engine is the live engine");
    assert!(
        shadows.recover(&ahead).is_ok(),
        "and so it is with the records after it, of which there are none"
    );
    assert!(shadows.recover(&ahead).is_err(), "what is folded from the records is not");
    assert!(shadows.replay(&ahead).unwrap_err().contains("state hash folded from record 0"));
    // A record that is lost from the middle.
    let place =
        records.iter().position(|record| record.facts.iter().any(|fact| kind_of(fact) == "TicketPaid"));
    let mut lossy = Shadows::default();
    let kept = records.iter().enumerate().filter(|(index, _)| Some(*index) != place);
    let refused = kept.map(|(_, record)| record.clone()).try_for_each(|record| lossy.take(record));
    assert!(refused.is_err(), "{place:?}");
}
