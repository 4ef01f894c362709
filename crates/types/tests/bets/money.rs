//! Money at its edges: smallest stakes, largest liabilities, roundings, the one definition of a line.

use oddsengine_types::bets::cash_out::{self, Partial};
use oddsengine_types::bets::{
    Bet, LegReturn, Parts, Rounding, check_bets, first_legs, named, payout_minor as payout_of_bets,
    riding_minor,
};
use oddsengine_types::{Grade, Ladder, MONEY_MINOR_MAX, ODDS_E4_MAX, STAKE_MINOR_MAX, payout_minor};

use crate::enumeration::{Random, enumerated, random_return};

// Case M06: customers made money of tiny bets that were rounded up. 10,000 bets of one minor unit at every price of the exchange's ladder,
// and as doubles and patents: together never above the exact sum.
#[test]
fn smallest_bets_never_earn_by_rounding() {
    let patent = named("patent").unwrap().bet(3, 1).unwrap();
    for rung in 0..Ladder::Betfair.len() {
        let odds_e4 = Ladder::Betfair.price(rung).unwrap().e4();
        let single = i128::from(payout_minor(1, &[(odds_e4, Grade::WON)]));
        assert!(10_000 * single * 10_000 <= 10_000 * i128::from(odds_e4), "{odds_e4}");
        let returns = [LegReturn::graded(odds_e4, Grade::WON); 3];
        let paid = payout_of_bets(&[patent], &returns, &[], Rounding::Down);
        assert!(enumerated(&patent, &returns).floors_to(paid));
    }
}

// Case S04: a lay with 600 million of exposure was taken on a balance below 1,000, because a number had wrapped. Payouts around 2^31, 2^32,
// 2^53 and beyond are exact or saturate; stakes beyond the largest are refused.
#[test]
fn liabilities_at_the_edges_of_numbers_are_exact_or_saturate() {
    for edge in [1_i64 << 31, 1 << 32, 1 << 53] {
        for near in [edge - 1, edge, edge + 1] {
            if near <= STAKE_MINOR_MAX {
                let single = Bet::singles(1, near).unwrap();
                assert_eq!(payout_of_bets(&[single], &[LegReturn::VOID], &[], Rounding::Down), near);
                assert_eq!(payout_minor(near, &[(20_000, Grade::WON)]), 2 * near);
            } else {
                assert!(Bet::singles(1, near).is_err());
            }
        }
    }
    for near in [i64::MAX, i64::MAX - 1, i64::MIN, -1, 0] {
        assert!(Bet::singles(1, near).is_err() && Bet::accumulator(20, near).is_err());
    }
    let top = LegReturn::graded(ODDS_E4_MAX, Grade::WON);
    for legs in [1, 2, 5, 8, 20, 63] {
        let returns = vec![top; legs];
        for sizes in [vec![1], vec![legs as u32], vec![1, legs as u32]] {
            let bet = Bet::of_sizes(first_legs(legs).unwrap(), &sizes, 10_000_000).unwrap();
            let paid = payout_of_bets(&[bet], &returns, &[], Rounding::Up);
            assert!((0..=MONEY_MINOR_MAX).contains(&paid), "{legs} {sizes:?} {paid}");
            let (riding, _) = riding_minor(&[bet], &returns, 0);
            assert!((0..=MONEY_MINOR_MAX).contains(&riding));
        }
    }
    // A fuzz of stake x odds: the payout never falls when either rises.
    let mut random = Random::new(3);
    for _ in 0..20_000 {
        let (stake, odds) = (1 + random.below(9_999_999_999) as i64, 10_010 + random.below(9_989_990) as u32);
        let legs = vec![(odds, Grade::WON); 1 + random.below(20) as usize];
        let paid = payout_minor(stake, &legs);
        assert!(paid >= stake && paid <= payout_minor(stake + 1, &legs) && paid <= MONEY_MINOR_MAX);
    }
}

// One definition: what a ticket of one line pays is what the engine pays it today, by every road.
#[test]
fn one_line_pays_what_payout_minor_pays() {
    let mut random = Random::new(99);
    for _ in 0..5_000 {
        let count = 1 + random.below(20) as usize;
        let grades =
            [Grade::WON, Grade::HALF_WON, Grade::VOID, Grade::new(1, 0, 3).unwrap(), Grade::HALF_LOST];
        let legs: Vec<(u32, Grade)> =
            (0..count).map(|_| (10_010 + random.below(400_000) as u32, random.pick(&grades))).collect();
        let stake = 1 + random.below(1_000_000) as i64;
        let wanted = payout_minor(stake, &legs);
        let returns: Vec<LegReturn> =
            legs.iter().map(|&(odds, grade)| LegReturn::graded(odds, grade)).collect();
        let bet = Bet::accumulator(count, stake).unwrap();
        assert_eq!(payout_of_bets(&[bet], &returns, &[], Rounding::Down), wanted);
        // The general road: the line in two bets of which one is of nothing that returns.
        let halves = [Bet { stake_minor: stake, stake_of: 2, ..bet }; 2];
        assert_eq!(payout_of_bets(&halves, &returns, &[], Rounding::Down), wanted);
        let banker = Bet { bankers: 1, legs: bet.legs & !1, sizes: bet.sizes >> 1, ..bet };
        assert_eq!(payout_of_bets(&[banker], &returns, &[], Rounding::Down), wanted);
        assert!(enumerated(&bet, &returns).floors_to(wanted));
    }
}

// Rounding happens once a ticket and by its name: a sum of rounded lines loses up to a unit each.
#[test]
fn roundings_are_what_their_names_say() {
    let leg = LegReturn::graded(15_000, Grade::WON);
    let single = Bet::singles(1, 1).unwrap();
    let paid =
        |stake_minor: i64, rounding| payout_of_bets(&[Bet { stake_minor, ..single }], &[leg], &[], rounding);
    let all = |stake| Rounding::ALL.map(|rounding| paid(stake, rounding));
    assert_eq!(all(1), [1, 2, 2, 2]); // 1.5
    assert_eq!(all(3), [4, 5, 4, 5]); // 4.5
    assert_eq!(all(2), [3; 4]);
    // Three singles of 1.5 are 4.5 together, not 3.
    let three = Bet::singles(3, 1).unwrap();
    assert_eq!(payout_of_bets(&[three], &[leg; 3], &[], Rounding::Down), 4);
    let mut random = Random::new(12);
    for _ in 0..500 {
        let returns: Vec<LegReturn> = (0..6).map(|_| random_return(&mut random)).collect();
        let bet = named("lucky63").unwrap().bet(6, 13).unwrap().on_parts(Parts::EachWay).unwrap();
        let [down, half_up, half_even, up] =
            Rounding::ALL.map(|rule| payout_of_bets(&[bet], &returns, &[], rule));
        assert!(down <= half_even && half_even <= half_up && half_up <= up && up <= down + 1);
    }
}

// Cashed-out ratios are of the whole and only grow (a feed's cancel ratios are): 0.4 and then 0.3 more is 0.7, never 0.4 + 0.3 of the rest.
#[test]
fn cash_out_ratios_are_of_the_whole() {
    assert_eq!(Partial::new(4_000, 7_000).unwrap().paid_minor(10_000), 3_000);
    for (before, to) in [(4_000, 4_000), (4_000, 3_000), (0, 0), (0, 10_001), (10_000, 10_000), (u32::MAX, 5)]
    {
        assert!(Partial::new(before, to).is_err(), "{before} {to}");
    }
    assert_eq!(cash_out::left_minor(5_000, 4_000), 3_000);
    assert_eq!(cash_out::left_minor(i64::MAX, 0), i64::MAX);
    // In parts it never pays more than at once.
    for offer in [1, 7, 99, 12_115, MONEY_MINOR_MAX] {
        let steps = [0, 1, 333, 5_000, 9_999, 10_000];
        let paid: i64 =
            steps.windows(2).map(|pair| Partial::new(pair[0], pair[1]).unwrap().paid_minor(offer)).sum();
        assert!(paid <= offer && paid + 5 >= offer);
    }
    for (fair, margin) in
        [(f64::NAN, 0.1), (-1.0, 0.1), (1.0, -0.1), (1.0, 1.1), (1.0, f64::NAN), (f64::INFINITY, 0.0)]
    {
        assert!(cash_out::offer_minor(fair, margin).is_err(), "{fair} {margin}");
    }
    assert_eq!(cash_out::offer_minor(1e300, 0.0), Ok(MONEY_MINOR_MAX));
    assert!(cash_out::fair_minor(&[Bet::singles(1, 5).unwrap()], &[(f64::NAN, 0.0)]).is_err());
    assert!(cash_out::price_ratio_minor(5_000, 2.5, 1.0).is_err());
    assert!((cash_out::price_ratio_minor(5_000, 2.5, 1.45).unwrap() - 8_620.689_655_172_413).abs() < 1e-9);
    assert_eq!(check_bets(&[Bet::singles(1, 5).unwrap()], 1).unwrap().stake_minor, 5);
}
