//! Names, line counts, totals and what is refused.

use oddsengine_types::bets::{
    BETS_MAX, Bet, LINES_MAX, LegReturn, NAMES, PLAN_LEGS_MAX, Parts, Price, Rounding, ToComeFormula,
    check_bets, composed, first_legs, named, payout_minor, refund_minor, to_come_exact,
};
use oddsengine_types::{Grade, STAKE_MINOR_MAX};

use crate::enumeration::{Random, lines, random_bet};

// The number of lines of each name is printed on every coupon; a wrong mask would charge another stake than the customer wrote down.
#[test]
fn named_bets_have_their_lines() {
    let counts = [
        ("single", 1, 1),
        ("double", 2, 1),
        ("treble", 3, 1),
        ("fourfold", 4, 1),
        ("accumulator", 13, 1),
        ("singles", 7, 7),
        ("doubles", 5, 10),
        ("trebles", 9, 84),
        ("trixie", 3, 4),
        ("patent", 3, 7),
        ("yankee", 4, 11),
        ("lucky15", 4, 15),
        ("canadian", 5, 26),
        ("super_yankee", 5, 26),
        ("lucky31", 5, 31),
        ("heinz", 6, 57),
        ("lucky63", 6, 63),
        ("super_heinz", 7, 120),
        ("goliath", 8, 247),
        ("super_goliath", 9, 502),
        ("full_cover", 10, 1_013),
        ("full_cover_with_singles", 10, 1_023),
    ];
    for (name, legs, wanted) in counts {
        let bet = named(name).unwrap_or_else(|| panic!("{name}")).bet(legs, 3).unwrap();
        assert_eq!(bet.lines(), Ok(wanted), "{name}");
        assert_eq!(bet.stake_total_minor(), Ok(3 * wanted as i64));
        assert_eq!(bet.on_parts(Parts::EachWay).unwrap().lines(), Ok(2 * wanted));
        assert_eq!(lines(&bet).len() as u64, wanted);
    }
    for known in NAMES {
        assert_eq!(named(known.name), Some(&known).filter(|_| true), "{} is there once", known.name);
        let wrong = if known.legs == 0 { 64 } else { known.legs + 1 };
        assert!(known.bet(wrong, 3).is_err() && known.bet(0, 3).is_err(), "{}", known.name);
    }
    let mut random = Random::new(5);
    for _ in 0..2_000 {
        let legs = 1 + random.below(10) as usize;
        let bet = random_bet(&mut random, legs);
        assert_eq!(bet.lines().unwrap(), lines(&bet).len() as u64 * bet.parts.bets(), "{bet:?}");
    }
}

// 63 legs make 9 x 10^18 lines at once: the count is exact in 128 bits and refused, never wrapped.
#[test]
fn what_is_beyond_the_bounds_is_refused() {
    let all = first_legs(PLAN_LEGS_MAX).unwrap();
    for size in [5, 20, 31, 32, 58] {
        let error = Bet::of_sizes(all, &[size], 1).unwrap_err().to_string();
        assert!(error.ends_with("is outside 1..=1000000"), "{error}");
    }
    let every: Vec<u32> = (1..=63).collect();
    assert_eq!(
        Bet::of_sizes(all, &every, 1).unwrap_err().to_string(),
        "number of lines 9223372036854775807 is outside 1..=1000000"
    );
    let bet = Bet::of_sizes(all, &[1, 62, 63], 1).unwrap();
    assert_eq!(bet.lines(), Ok(127));
    for wrong in [
        Bet { legs: 0, ..bet },
        Bet { bankers: 1, ..bet },
        Bet { sizes: 0, ..bet },
        Bet { sizes: 1, ..bet },
        Bet { legs: 0b11, sizes: 0b1000, ..bet },
        Bet { legs: 1 << 63, sizes: 2, ..bet },
        Bet { stake_minor: 0, ..bet },
        Bet { stake_minor: -1, ..bet },
        Bet { stake_minor: i64::MAX, ..bet },
        Bet { stake_minor: STAKE_MINOR_MAX, ..bet },
        Bet { stake_of: 0, ..bet },
        Bet { legs: u64::MAX, ..bet },
        Bet { stake_of: 2, ..bet },
    ] {
        assert!(wrong.check(63).is_err(), "{wrong:?}");
    }
    assert!(bet.check(62).is_err() && bet.check(0).is_err() && bet.check(64).is_err());
    let single = Bet::singles(1, STAKE_MINOR_MAX).unwrap();
    assert!(check_bets(&[], 1).is_err() && check_bets(&[single; 2], 1).is_err());
    let many = vec![Bet::singles(1, 1).unwrap(); BETS_MAX + 1];
    assert!(check_bets(&many, 1).is_err() && check_bets(&many[1..], 1).is_ok());
    let wide = Bet::of_sizes(first_legs(23).unwrap(), &[12], 1);
    assert!(wide.is_err(), "1,352,078 lines are above {LINES_MAX}");
    let wide = Bet::of_sizes(first_legs(20).unwrap(), &[8, 9, 10, 11, 12], 1).unwrap();
    assert!(check_bets(&[wide, wide], 20).is_err(), "the lines of a ticket add up");
}

// A total that does not divide was charged as the next lower one by a shop's till; here it is refused, or split exactly by the rule "flexi".
#[test]
fn totals_divide_or_are_split_exactly() {
    let yankee = named("yankee").unwrap().bet(4, 1).unwrap();
    assert_eq!(yankee.for_total(2_200).unwrap().stake_minor, 200);
    assert_eq!(
        yankee.for_total(2_205).unwrap_err().to_string(),
        "total stake of 2205 minor units is no multiple of its 11 lines; 2200 is"
    );
    assert!(yankee.for_total(0).is_err() && yankee.for_total(-11).is_err());
    let flexi = yankee.flexi(300).unwrap();
    assert_eq!((flexi.stake_minor, flexi.stake_of), (300, 11));
    assert_eq!((flexi.stake_total_minor(), refund_minor(&[flexi])), (Ok(300), 300));
    // All void: every line returns 300/11, together 300 and not 11 x 27.
    assert_eq!(payout_minor(&[flexi], &[LegReturn::VOID; 4], &[], Rounding::Down), 300);
    // Doubles, trebles and the fourfold with 3.00 in all on each; the last leg lost: 26.25/4 + 57.5/6 ways to 33.07 less the rounding.
    let odds = [30_000, 25_000, 35_000];
    let mut returns: Vec<LegReturn> = odds.iter().map(|&odds| LegReturn::graded(odds, Grade::WON)).collect();
    returns.push(LegReturn::LOST);
    let bets = [("fourfold", 4), ("doubles", 4), ("trebles", 4)]
        .map(|(name, legs)| named(name).unwrap().bet(legs, 1).unwrap().flexi(300).unwrap());
    assert_eq!(check_bets(&bets, 4).unwrap().stake_minor, 900);
    assert_eq!(payout_minor(&bets, &returns, &[], Rounding::Down), 3_306);
    assert_eq!(payout_minor(&bets, &returns, &[], Rounding::HalfUp), 3_306);
}

// Every trixie out of nine selections has each double seven times; taking each line once charged 120 of 336 stakes.
#[test]
fn every_choice_of_a_named_bet_counts_its_lines_as_often_as_they_occur() {
    for (name, wanted) in
        [("trixie", 336), ("yankee", 1_386), ("canadian", 3_276), ("goliath", 2_223), ("patent", 588)]
    {
        let bets = named(name).unwrap().every_of(9, 1).unwrap();
        assert_eq!(check_bets(&bets, 9).unwrap().stake_minor, wanted, "{name}");
    }
    assert!(named("trixie").unwrap().every_of(2, 1).is_err());
    assert!(named("doubles").unwrap().every_of(5, 1).is_err());
    assert!(named("treble").unwrap().every_of(63, i64::MAX).is_err());
}

// Composed bets are only names for plain lines and lines that run on; the figures are those that all legs win.
#[test]
fn composed_bets_return_what_their_pieces_do() {
    let odds = |count: u64| (0..count).map(|leg| Price::new(leg + 2, 1).unwrap());
    // (name, legs, units, return in hundredths of a unit)
    let wins = [
        ("round_robin", 3, 10, 8_000),
        ("flag", 4, 23, 0),
        ("rounder", 3, 3, 3_200),
        ("roundabout", 3, 3, 5_500),
        ("gyroscope", 5, 10, 72_500),
        ("fivespot", 5, 15, 149_200),
        ("lucky7_bingo", 7, 13, 4_239_600),
        ("double_lap", 4, 4, 3_400),
        ("liverpool_round_the_clock", 3, 13, 14_700),
        ("union_jack", 9, 8, 178_800),
        ("union_jack_triple_plus", 9, 40, 445_000),
        ("union_jack_patent", 9, 56, 280_600),
        ("double_stakes_about", 3, 6, 4_200),
        ("super_flag", 5, 46, 0),
        ("bookies_nightmare", 9, 47, 0),
        ("alphabet", 6, 26, 0),
        ("perm_yankee", 5, 55, 0),
        ("perm_round_robin", 4, 40, 0),
    ];
    for (name, legs, units, wanted) in wins {
        let plan = composed(name, legs as usize, Parts::Win).unwrap().unwrap_or_else(|| panic!("{name}"));
        assert_eq!(plan.quarters().unwrap(), 4 * units, "{name}");
        let returns: Vec<LegReturn> =
            odds(legs).map(|price| LegReturn::priced(price, Grade::WON).unwrap()).collect();
        if wanted > 0 {
            // Stakes of quarters of 100: hundredths of a unit.
            let quarter_stakes = plan
                .bets
                .iter()
                .map(|bet| Bet { stake_minor: bet.stake_minor * 25, ..*bet })
                .collect::<Vec<_>>();
            let bets = if quarter_stakes.is_empty() {
                0
            } else {
                payout_minor(&quarter_stakes, &returns, &[], Rounding::Down)
            };
            let (above, below) = to_come_exact(&plan.to_come, &returns, ToComeFormula::EquallyDivided);
            let value =
                |limbs: &[u64]| limbs.iter().rev().fold(0.0, |sum, &limb| sum * 2_f64.powi(64) + limb as f64);
            let to_come = if plan.to_come.is_empty() { 0.0 } else { 100.0 * value(&above) / value(&below) };
            assert!((bets as f64 + to_come - wanted as f64).abs() < 1e-6, "{name} {bets} {to_come}");
        }
        // All void: every stake comes back, also of what runs on.
        let void = vec![LegReturn::VOID; legs as usize];
        let (above, below) = to_come_exact(&plan.to_come, &void, ToComeFormula::WinPlace);
        let run_on: u64 = plan.to_come.iter().map(|line| u64::from(line.quarters)).sum();
        assert_eq!(above.first().copied().unwrap_or(0) * 4, run_on * below[0], "{name}");
    }
    assert!(composed("flag", 5, Parts::Win).is_err() && composed("round_the_clock", 21, Parts::Win).is_err());
    assert!(composed("flag", 0, Parts::Win).is_err() && composed("single_lap", 1, Parts::Win).is_err());
    assert_eq!(composed("no such bet", 4, Parts::Win), Ok(None));
}
