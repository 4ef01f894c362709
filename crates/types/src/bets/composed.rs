//! Bets composed of others: flags, round robins, union jacks and what else betting shops take, as data.

use crate::bounds::BoundsError;

use super::named::{is_alike, named};
use super::plan::{Bet, PLAN_LEGS_MAX, Parts};
use super::to_come::{TO_COME_MAX, ToCome};

/// One piece of a composed bet.
enum Piece {
    /// A named bet, or another composed one, on some of the legs; on all of them where the list is empty.
    Of(&'static str, &'static [u8]),
    /// Every choice of `size` legs, with so many quarter units.
    Every { size: u32, quarters: u8 },
    /// Every run of neighbouring legs, of any length.
    Runs,
    /// A bet on every choice of so many legs.
    Perm(&'static str, u32),
    /// The accumulator of all legs, each-way whatever the ticket is, with so many quarter units.
    EachWayAccumulator { quarters: u8 },
    /// Both ways about every pair, with so many half units carried.
    Pairs { carried_halves: u8 },
    /// Each leg, any to come on the next, and the last on the first.
    Lap { carried_halves: u8 },
    /// Every choice of `first` legs, any to come on one line of all the others.
    ToRest { first: u32, carried_halves: u8, quarters: u8 },
    /// Every leg, any to come on each line of a trixie of the other three.
    ToTrixie { carried_halves: u8, quarters: u8 },
}

struct Composition {
    name: &'static str,
    /// 0 is any number from 2 on.
    legs: usize,
    pieces: &'static [Piece],
}

use Piece::{EachWayAccumulator, Every, Lap, Of, Pairs, Perm, Runs, ToRest, ToTrixie};

const fn of(name: &'static str, legs: usize, pieces: &'static [Piece]) -> Composition {
    Composition { name, legs, pieces }
}

const SINGLE_ABOUT: Piece = Pairs { carried_halves: 2 };
const DOUBLE_ABOUT: Piece = Pairs { carried_halves: 4 };
const ROUND: Piece = ToRest { first: 1, carried_halves: 2, quarters: 4 };
const ROUNDABOUT: Piece = ToRest { first: 1, carried_halves: 4, quarters: 4 };
const TRIXIE: Piece = Of("trixie", &[]);

/// Pieces of a union jack: rows, columns and diagonals of three by three legs.
macro_rules! union_jack {
    ($($name:literal),+) => {
        &[$(
            Of($name, &[0, 1, 2]), Of($name, &[3, 4, 5]), Of($name, &[6, 7, 8]),
            Of($name, &[0, 3, 6]), Of($name, &[1, 4, 7]), Of($name, &[2, 5, 8]),
            Of($name, &[0, 4, 8]), Of($name, &[2, 4, 6]),
        )+]
    };
}

const COMPOSITIONS: [Composition; 42] = [
    of("fivespot", 5, &[Runs]),
    of("pontoon", 6, &[Runs]),
    of("magnificent7", 7, &[Runs]),
    of("single_stakes_about", 0, &[SINGLE_ABOUT]),
    of("double_stakes_about", 0, &[DOUBLE_ABOUT]),
    of("round_robin", 3, &[TRIXIE, SINGLE_ABOUT]),
    of("flag", 4, &[Of("yankee", &[]), SINGLE_ABOUT]),
    of("super_flag", 5, &[Of("canadian", &[]), SINGLE_ABOUT]),
    of("heinz_flag", 6, &[Of("heinz", &[]), SINGLE_ABOUT]),
    of("super_heinz_flag", 7, &[Of("super_heinz", &[]), SINGLE_ABOUT]),
    of("goliath_flag", 8, &[Of("goliath", &[]), SINGLE_ABOUT]),
    of("blanket_yankee", 4, &[Of("flag", &[]), Every { size: 1, quarters: 4 }]),
    of("single_lap", 0, &[Lap { carried_halves: 2 }]),
    of("double_lap", 0, &[Lap { carried_halves: 4 }]),
    of("rounder", 3, &[ROUND]),
    of("roundabout", 3, &[ROUNDABOUT]),
    of("round_the_clock", 0, &[ROUND]),
    of("gyroscope", 5, &[ToRest { first: 2, carried_halves: 2, quarters: 4 }]),
    of("banko", 3, &[TRIXIE, ROUNDABOUT]),
    of("comedy", 3, &[TRIXIE, SINGLE_ABOUT, ROUNDABOUT]),
    of("liverpool_round_the_clock", 3, &[TRIXIE, ROUNDABOUT, DOUBLE_ABOUT]),
    of("union_jack", 9, union_jack!("treble")),
    of("union_jack_treble", 9, union_jack!("treble")),
    of("union_jack_trixie", 9, union_jack!("trixie")),
    of("union_jack_triple_plus", 9, union_jack!("trixie", "treble")),
    of("union_jack_patent", 9, union_jack!("patent")),
    of("union_jack_round_robin", 9, union_jack!("round_robin")),
    of(
        "alphabet",
        6,
        &[
            Of("patent", &[0, 1, 2]),
            Of("patent", &[3, 4, 5]),
            Of("yankee", &[1, 2, 3, 4]),
            Of("sixfold", &[]),
        ],
    ),
    of("fido", 5, &[Every { size: 2, quarters: 4 }, Every { size: 3, quarters: 4 }]),
    of("sitter", 0, &[Every { size: 2, quarters: 4 }, Every { size: 3, quarters: 4 }]),
    of(
        "poly",
        6,
        &[
            Of("double", &[0, 1]),
            Of("double", &[1, 2]),
            Of("double", &[2, 3]),
            Of("double", &[3, 4]),
            Of("double", &[4, 5]),
            Of("treble", &[0, 2, 4]),
            Of("treble", &[0, 2, 5]),
            Of("treble", &[0, 3, 5]),
            Of("treble", &[1, 3, 5]),
            Of("fourfold", &[0, 1, 4, 5]),
        ],
    ),
    of(
        "lucky7_bingo",
        7,
        &[
            Of("double", &[0, 1]),
            Of("double", &[1, 6]),
            Of("double", &[5, 6]),
            Of("double", &[0, 5]),
            Of("double", &[0, 6]),
            Of("double", &[1, 5]),
            Of("trebles_as_doubles", &[2, 3, 4]),
            Of("treble", &[0, 3, 6]),
            Of("treble", &[1, 3, 5]),
            Of("fivefold", &[0, 1, 3, 5, 6]),
            Of("sevenfold", &[]),
        ],
    ),
    of("trebles_as_doubles", 3, &[Every { size: 2, quarters: 4 }]),
    of("mix", 4, &[Of("yankee", &[]), Of("fourfold", &[])]),
    of("sundial", 7, &[Of("patent", &[0, 1, 2]), Of("yankee", &[3, 4, 5, 6])]),
    of(
        "triple_yankee",
        6,
        &[Of("yankee", &[0, 1, 2, 3]), Of("yankee", &[2, 3, 4, 5]), Of("yankee", &[0, 1, 4, 5])],
    ),
    of("perm_patent", 0, &[Perm("patent", 3)]),
    of("perm_yankee", 0, &[Perm("yankee", 4)]),
    of("perm_round_robin", 0, &[Perm("round_robin", 3)]),
    of("arkle", 4, &[Of("perm_patent", &[]), EachWayAccumulator { quarters: 4 }]),
    of(
        "bookies_nightmare",
        9,
        &[
            Of("patent", &[0, 1, 2]),
            Of("round_robin", &[3, 4, 5]),
            Of("patent", &[6, 7, 8]),
            Of("yankee", &[0, 1, 2, 3]),
            Of("yankee", &[5, 6, 7, 8]),
            Of("ninefold", &[]),
        ],
    ),
    of(
        "dundee_shuffle",
        4,
        &[
            ToTrixie { carried_halves: 1, quarters: 1 },
            ToRest { first: 2, carried_halves: 4, quarters: 2 },
            Every { size: 3, quarters: 2 },
            EachWayAccumulator { quarters: 2 },
        ],
    ),
];

/// A composed bet on given legs: bets, whose stakes count in quarter units, and "any to come" lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composed {
    /// Bets: a `stake_minor` of 4 is one unit.
    pub bets: Vec<Bet>,
    /// Lines that run on.
    pub to_come: Vec<ToCome>,
}

impl Composed {
    /// What it stakes, in quarter units.
    ///
    /// # Errors
    /// Too many lines.
    pub fn quarters(&self) -> Result<i64, BoundsError> {
        let bets = self.bets.iter().map(Bet::stake_total_minor).sum::<Result<i64, _>>()?;
        let to_come = self.to_come.iter().map(|line| i64::from(line.quarters) * line.parts.bets() as i64);
        Ok(bets + to_come.sum::<i64>())
    }
}

/// Most legs of a composed bet that takes any number of them: both ways about every pair of 20 is 380 lines.
const ANY_LEGS_MAX: usize = 20;

/// The bet of a name, plain ([`super::NAMES`]) or composed, on `legs` legs; `None` when there is no such name.
///
/// # Errors
/// Another number of legs than it takes, or too many lines.
///
/// ```
/// # use oddsengine_types::bets::{Parts, composed};
/// let flag = composed("Flag", 4, Parts::Win)?.unwrap();
/// assert_eq!(flag.quarters()? / 4, 23);
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
pub fn composed(name: &str, legs: usize, parts: Parts) -> Result<Option<Composed>, BoundsError> {
    let mut found = Composed::default();
    if !(1..=PLAN_LEGS_MAX).contains(&legs) {
        return Err(BoundsError::outside("number of legs", legs, 1, PLAN_LEGS_MAX));
    }
    let all: Vec<u8> = (0..legs as u8).collect();
    Ok(add(&mut found, name, &all, parts)?.then_some(found))
}

fn mask(legs: &[u8]) -> u64 {
    legs.iter().fold(0, |mask, leg| mask | 1 << leg)
}

/// Adds a bet on legs; `false` when there is no such name.
fn add(found: &mut Composed, name: &str, legs: &[u8], parts: Parts) -> Result<bool, BoundsError> {
    if let Some(plain) = named(name) {
        let bet = plain.bet(legs.len(), 4)?;
        // The same lines on these legs.
        found.bets.push(Bet { legs: mask(legs), ..bet }.on_parts(parts)?);
        return Ok(true);
    }
    let Some(composition) = COMPOSITIONS.iter().find(|known| is_alike(known.name, name)) else {
        return Ok(false);
    };
    let fits = if composition.legs == 0 {
        (2..=ANY_LEGS_MAX).contains(&legs.len())
    } else {
        legs.len() == composition.legs
    };
    if !fits {
        let (low, high) =
            if composition.legs == 0 { (2, ANY_LEGS_MAX) } else { (composition.legs, composition.legs) };
        return Err(BoundsError::outside(
            &format!("number of legs of a {}", composition.name),
            legs.len(),
            low,
            high,
        ));
    }
    for piece in composition.pieces {
        add_piece(found, piece, legs, parts)?;
    }
    if found.to_come.len() > TO_COME_MAX {
        return Err(BoundsError::outside("number of any-to-come lines", found.to_come.len(), 0, TO_COME_MAX));
    }
    Ok(true)
}

fn add_piece(found: &mut Composed, piece: &Piece, legs: &[u8], parts: Parts) -> Result<(), BoundsError> {
    let every = |size: u32, quarters: u8| Bet::of_sizes(mask(legs), &[size], i64::from(quarters));
    let line = |first: u64, second: u64, carried_halves: u8, quarters: u8| ToCome {
        first,
        second,
        carried_halves,
        quarters,
        parts,
    };
    let all = mask(legs);
    match *piece {
        Of(name, places) => {
            let own: Vec<u8> = places.iter().map(|&place| legs[usize::from(place)]).collect();
            let is_known = add(found, name, if places.is_empty() { legs } else { &own }, parts)?;
            assert!(is_known, "a piece is a name of the tables");
        }
        Every { size, quarters } => found.bets.push(every(size, quarters)?.on_parts(parts)?),
        EachWayAccumulator { quarters } => {
            found.bets.push(every(legs.len() as u32, quarters)?.on_parts(Parts::EachWay)?);
        }
        Runs => {
            for length in 1..=legs.len() {
                for run in legs.windows(length) {
                    found.bets.push(Bet::of_sizes(mask(run), &[length as u32], 4)?.on_parts(parts)?);
                }
            }
        }
        Perm(name, size) => {
            if legs.len() < size as usize {
                return Err(BoundsError::outside("number of legs", legs.len(), size, ANY_LEGS_MAX));
            }
            if let Some(plain) = named(name) {
                for bet in plain.every_of(legs.len(), 4)? {
                    found.bets.push(Bet { legs: all, ..bet }.on_parts(parts)?);
                }
                return Ok(());
            }
            for chosen in choices(legs, size) {
                add(found, name, &chosen, parts)?;
            }
        }
        Pairs { carried_halves } => {
            for (place, &a) in legs.iter().enumerate() {
                for &b in &legs[place + 1..] {
                    found.to_come.push(line(1 << a, 1 << b, carried_halves, 4));
                    found.to_come.push(line(1 << b, 1 << a, carried_halves, 4));
                }
            }
        }
        Lap { carried_halves } => {
            for (place, &leg) in legs.iter().enumerate() {
                let next = legs[(place + 1) % legs.len()];
                found.to_come.push(line(1 << leg, 1 << next, carried_halves, 4));
            }
        }
        ToRest { first, carried_halves, quarters } => {
            for chosen in choices(legs, first) {
                let chosen = mask(&chosen);
                found.to_come.push(line(chosen, all & !chosen, carried_halves, quarters));
            }
        }
        ToTrixie { carried_halves, quarters } => {
            for &leg in legs {
                let rest: Vec<u8> = legs.iter().copied().filter(|&other| other != leg).collect();
                for chosen in choices(&rest, 2).into_iter().chain(choices(&rest, 3)) {
                    found.to_come.push(line(1 << leg, mask(&chosen), carried_halves, quarters));
                }
            }
        }
    }
    Ok(())
}

/// Every choice of `size` of at most [`ANY_LEGS_MAX`] legs.
fn choices(legs: &[u8], size: u32) -> Vec<Vec<u8>> {
    let chosen = (0..1_u32 << legs.len()).filter(|choice| choice.count_ones() == size);
    let picked = |choice: u32| legs.iter().enumerate().filter(move |(place, _)| choice >> place & 1 == 1);
    chosen.map(|choice| picked(choice).map(|(_, &leg)| leg).collect()).collect()
}
