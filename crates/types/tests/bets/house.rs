//! Deductions, places, bonuses: rules of houses as data.

use oddsengine_types::bets::{
    Base, Bet, Bonus, BonusRule, DEDUCTION_TABLES, DeductionBand, Deductions, Effect, FIELD_TERMS, LegReturn,
    Parts, PlaceTerms, Price, REDUCED_ODDS_E4_MIN, Reductions, Rounding, Share, named, ordered_lines,
    payout_minor, place_grade, unordered_lines,
};
use oddsengine_types::{Grade, ODDS_E4_MAX, ODDS_E4_MIN};

use crate::enumeration::Random;

const fn row(low_e4: u32, high_e4: u32, percent: u8) -> DeductionBand {
    DeductionBand { low_e4, high_e4, percent }
}

// Case S07: printed tables differ and have gaps; a price in a gap was not deducted at all. Winner 10.00 at 4.00, non-runner at 2.22, 12.0.
#[test]
fn rule_4_tables_are_data_and_gaps_are_refused() {
    let pays = |odds_e4: u32, table: &Deductions, withdrawn: &[u32]| {
        let percent = Share::percent(table.percent_of(withdrawn).into()).unwrap();
        let leg = LegReturn::graded(odds_e4, Grade::WON).less(percent, percent).unwrap();
        payout_minor(&[Bet::singles(1, 1_000).unwrap()], &[leg], &[], Rounding::Down)
    };
    let printed = Deductions::named("decimal_waived_5", 1).unwrap();
    let tattersalls = Deductions::named("tattersalls", 1).unwrap();
    assert_eq!(pays(40_000, &printed, &[22_200]), 2_650);
    assert_eq!(pays(40_000, &tattersalls, &[120_000]), 3_850);
    assert_eq!(pays(40_000, &printed, &[120_000]), 4_000);
    assert_eq!(pays(22_500, &printed, &[12_500]), 1_250);
    // Another house's rows: 40 % from 2.20, nothing from 10.00.
    let rows = [row(10_100, 21_900, 50), row(22_000, 99_900, 40), row(100_000, ODDS_E4_MAX, 0)];
    let own = Deductions::from_rows(&rows, 100, 75).unwrap();
    assert_eq!((pays(40_000, &own, &[22_200]), pays(40_000, &own, &[120_000])), (2_800, 4_000));
    assert_eq!((own.percent_of(&[15_000, 30_000]), own.percent_max()), (75, 75));
    assert_eq!(own.percent(21_950), 50); // between two printed prices: the shorter band
    for (rows, message) in [
        (vec![], "number of bands 0 is outside 1..=64"),
        (vec![row(10_100, 54_000, 20), row(55_000, ODDS_E4_MAX, 0)], "bands leave a gap between 5.4 and 5.5"),
        (vec![row(10_100, 54_000, 20), row(54_000, ODDS_E4_MAX, 0)], "bands overlap from 5.4 to 5.4"),
        (
            vec![row(54_100, ODDS_E4_MAX, 0), row(10_100, 54_000, 20)],
            "band from 1.01 comes after the one from 5.41, out of order",
        ),
        (vec![row(10_100, 54_000, 20)], "bands end at 5.4, not at 1000"),
        (vec![row(54_000, 10_100, 20)], "band 5.4..=1.01 is no range"),
        (vec![row(10_100, ODDS_E4_MAX, 101)], "per cent 101 is outside 0..=100"),
    ] {
        assert_eq!(Deductions::from_rows(&rows, 100, 90).unwrap_err().to_string(), message);
    }
    for table in DEDUCTION_TABLES {
        assert!(
            table.lows.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 > pair[1].1),
            "{}",
            table.house
        );
        assert_eq!(table.lows[0].0, 10_000);
    }
    assert_eq!(Deductions::named("tattersalls", 2), None);
}

// A deduction is from the winnings: 9.00 less 25 % is 1 + 8 x 0.75, and a bet without winnings loses nothing of what it returns.
#[test]
fn deductions_leave_the_stake() {
    let quarter = Share::percent(25).unwrap();
    assert_eq!(LegReturn::graded(90_000, Grade::WON).less(quarter, quarter).unwrap().parts(), (7, 7, 1));
    for leg in [LegReturn::VOID, LegReturn::LOST, LegReturn::graded(30_000, Grade::HALF_LOST)] {
        let ((win, _, of), (kept, _, kept_of)) = (leg.parts(), leg.less(quarter, quarter).unwrap().parts());
        assert_eq!(kept * of, win * kept_of);
    }
    assert!(LegReturn::graded(90_000, Grade::WON).less(Share::new(101, 100).unwrap(), quarter).is_err());
    // Of the whole return, as some houses take it.
    let leg =
        LegReturn::graded(14_000, Grade::WON).less_of_return(Share::percent(69).unwrap(), quarter).unwrap();
    assert_eq!(payout_minor(&[Bet::singles(1, 400).unwrap()], &[leg], &[], Rounding::HalfUp), 174);
}

// Case X01: a non-runner of 75.18 % took a bet matched at 3.20 to 0.79. No sequence of removals leaves a price below 1.01.
#[test]
fn reduced_prices_stay_at_1_01() {
    assert_eq!(Reductions::Win.reduced_odds_e4(32_000, 7_518), 10_100);
    let returned = payout_minor(
        &[Bet::singles(1, 1_000).unwrap()],
        &[LegReturn::graded(10_100, Grade::WON)],
        &[],
        Rounding::Down,
    );
    assert_eq!(returned, 1_010);
    let mut random = Random::new(1);
    for _ in 0..20_000 {
        let market = random.pick(&[Reductions::Win, Reductions::Place]);
        let mut odds_e4 = ODDS_E4_MIN + random.below(u64::from(ODDS_E4_MAX - ODDS_E4_MIN)) as u32;
        for _ in 0..1 + random.below(8) {
            let reduced = market.reduced_odds_e4(odds_e4, random.below(12_000) as u32);
            assert!(reduced >= REDUCED_ODDS_E4_MIN && reduced <= odds_e4.max(REDUCED_ODDS_E4_MIN));
            odds_e4 = reduced;
        }
    }
}

// Case X02: place and starting-price bets have rules of their own at a non-runner.
#[test]
fn win_place_and_starting_price_bets_have_their_own_reductions() {
    assert_eq!(Reductions::Win.lay_liability_minor(9_000, 1_000, 5_000), 4_000);
    assert_eq!(Reductions::Place.lay_liability_minor(9_000, 1_000, 5_000), 4_500);
    assert_eq!(Reductions::Win.reduced_odds_e4(50_000, 249), 50_000);
    assert_eq!(Reductions::Win.reduced_odds_e4(50_000, 250), 48_750);
    assert_eq!(Reductions::Place.reduced_odds_e4(50_000, 100), 49_600);
    assert_eq!([399, 400].map(|factor| Reductions::Place.cancels_unmatched_lays(factor)), [false, true]);
    for (own, removed) in [(10_000, 5_000), (9_000, 5_000), (0, 10_000), (u32::MAX, u32::MAX)] {
        assert!((0..=9_000).contains(&Reductions::Win.lay_liability_minor(9_000, own, removed)));
        assert!((0..=9_000).contains(&Reductions::Place.lay_liability_minor(9_000, own, removed)));
    }
}

// Case S06: 50.00 at 2.50 with two tied for first is 62.50; 50.00 at 3.00 for a top ten that six tie for with three places left is 75.00.
#[test]
fn ties_share_the_places_that_are_left() {
    let pays = |bet: Bet, legs: &[(u32, Grade)]| {
        let returns: Vec<LegReturn> =
            legs.iter().map(|&(odds, grade)| LegReturn::graded(odds, grade)).collect();
        payout_minor(&[bet], &returns, &[], Rounding::Down)
    };
    let (first, top_ten) = (place_grade(Some(1), 2, 1).unwrap(), place_grade(Some(8), 6, 10).unwrap());
    let (single, double) = (Bet::singles(1, 5_000).unwrap(), Bet::accumulator(2, 5_000).unwrap());
    assert_eq!(pays(single, &[(25_000, first)]), 6_250);
    assert_eq!(pays(single, &[(30_000, top_ten)]), 7_500);
    assert_eq!(pays(double, &[(25_000, first), (20_000, Grade::WON)]), 12_500);
    assert_eq!(pays(double, &[(30_000, top_ten), (20_000, Grade::WON)]), 15_000);
    // Every place is paid exactly once, whoever ties.
    for places in 1..=6_u16 {
        for position in 1..=8_u16 {
            for tied in 1..=5_u16 {
                let (win, refund, of) = place_grade(Some(position), tied, places).unwrap().parts();
                let paid = u32::from(tied) * u32::from(win);
                let left = (i32::from(places) + 1 - i32::from(position)).clamp(0, i32::from(tied)) as u32;
                assert_eq!((paid, refund), (left * u32::from(of), 0), "{places} {position} {tied}");
            }
        }
    }
    assert!(place_grade(Some(0), 1, 1).is_err() && place_grade(Some(1), 0, 1).is_err());
    assert!(place_grade(Some(1), 1, 0).is_err());
    assert_eq!(place_grade(None, 1, 3), Ok(Grade::VOID));
}

// Place odds are exact: 1 + 8/5 of 9.00 at a fifth, where four decimals would do; 100/30 at a sixth is 25/18, where none would.
#[test]
fn place_odds_and_the_better_price_are_exact() {
    assert_eq!(Price::from_e4(90_000).placed(Share::new(1, 5).unwrap()).parts(), (13, 5));
    let odd = Price::new(130, 30).unwrap();
    assert_eq!(odd.placed(Share::new(1, 6).unwrap()).parts(), (14, 9));
    assert_eq!(Price::from_e4(20_000).better(odd), odd);
    assert_eq!(odd.better(Price::from_e4(43_333)), odd);
    assert_eq!(odd.better(Price::from_e4(43_334)), Price::from_e4(43_334));
    for (above, below) in [(1, 1), (3, 4), (0, 0), (5, 0), (u64::MAX, 1), (1_001, 1)] {
        assert!(Price::new(above, below).is_err(), "{above}/{below}");
    }
    let each_way =
        LegReturn::each_way((odd, Grade::LOST), (odd.placed(Share::new(1, 6).unwrap()), Grade::WON));
    assert_eq!(each_way.unwrap().parts(), (0, 14, 9));
    assert!(LegReturn::from_ratios((1, 0), (1, 1)).is_err());
    assert!(LegReturn::from_ratios((u128::MAX, 3), (u128::MAX, 7)).is_err());
    let longest = Price::from_e4(9_999_999).placed(Share::new(1, 7).unwrap());
    let tied = Grade::new(3, 0, 7).unwrap();
    let leg = LegReturn::each_way((Price::from_e4(9_999_999), tied), (longest, tied)).unwrap();
    assert!(leg.less(Share::percent(37).unwrap(), Share::percent(37).unwrap()).is_ok());
}

#[test]
fn place_terms_follow_the_field() {
    let terms = |runners, handicap| {
        let terms = PlaceTerms::of_field("uk_standard", 1, runners, handicap).unwrap();
        (terms.places, terms.fraction.parts())
    };
    assert_eq!([terms(1, false), terms(4, true)], [(1, (1, 1)); 2]);
    assert_eq!([terms(5, false), terms(7, true)], [(2, (1, 4)); 2]);
    assert_eq!([terms(8, true), terms(30, false)], [(3, (1, 5)); 2]);
    assert_eq!([terms(12, true), terms(15, true)], [(3, (1, 4)); 2]);
    assert_eq!(terms(16, true), (4, (1, 4)));
    assert_eq!(PlaceTerms::of_field("uk_standard", 9, 16, true), None);
    assert!(PlaceTerms::new(0, Share::ONE).is_err() && PlaceTerms::new(3, Share::ZERO).is_err());
    assert!(PlaceTerms::new(3, Share::new(5, 4).unwrap()).is_err());
    for terms in FIELD_TERMS {
        assert!(terms.bands.windows(2).all(|pair| pair[0].runners_min < pair[1].runners_min));
    }
}

// Both orders of an each-way double: 8.00 win and 8.00 place on 3/1 (placed at 1/4) and 4/1 (won, 1/5).
#[test]
fn each_way_runs_on_both_ways() {
    let leg = |odds_e4: u32, win: Grade, below: u32| {
        let price = Price::from_e4(odds_e4);
        let place = price.placed(Share::new(1, below).unwrap());
        LegReturn::each_way((price, win), (place, Grade::WON)).unwrap()
    };
    let returns = [leg(40_000, Grade::LOST, 4), leg(50_000, Grade::WON, 5)];
    let double = Bet::accumulator(2, 800).unwrap();
    let paid = |parts| payout_minor(&[double.on_parts(parts).unwrap()], &returns, &[], Rounding::Down);
    assert_eq!(paid(Parts::EachWay), 800 * 175 * 180 / 10_000); // 0 + 1.75 x 1.80
    assert_eq!(paid(Parts::EquallyDivided), 4_760); // 16.00 x 0.875 x 3.40
    assert_eq!(paid(Parts::Place), 2_520);
    assert_eq!(double.on_parts(Parts::EachWay).unwrap().stake_total_minor(), Ok(1_600));
}

// Bonuses are the house's: one winner of a Lucky 15 at double the odds, ten per cent on all four; nothing where a leg is void.
#[test]
fn lucky_bonuses_are_data() {
    let rule = |winners, effect| BonusRule {
        legs: 4,
        winners_min: winners,
        winners_max: winners,
        voids_max: 0,
        is_for_places: false,
        effect,
    };
    let double_odds = rule(1, Effect::Odds { times: Share::new(2, 1).unwrap() });
    let tenth = rule(4, Effect::Share { share: Share::percent(10).unwrap(), of: Base::Return });
    let consolation = rule(0, Effect::Share { share: Share::percent(50).unwrap(), of: Base::Stake });
    let bonus = Bonus::new(&[double_odds, tenth, consolation]).unwrap();
    let bet = named("lucky15").unwrap().bet(4, 100).unwrap().with_bonus(1);
    let paid = |legs: [(u32, Grade); 4]| {
        let returns = legs.map(|(odds, grade)| LegReturn::graded(odds, grade));
        payout_minor(&[bet], &returns, std::slice::from_ref(&bonus), Rounding::Down)
    };
    let (won, lost) = (Grade::WON, Grade::LOST);
    assert_eq!(paid([(50_000, won), (30_000, lost), (45_000, lost), (80_000, lost)]), 900);
    assert_eq!(paid([(20_000, won), (30_000, won), (25_000, won), (40_000, won)]), 22_990);
    assert_eq!(paid([(20_000, lost), (30_000, lost), (25_000, lost), (40_000, lost)]), 750);
    // With a void leg no rule fits: 5.00 single and double with the void.
    assert_eq!(paid([(50_000, won), (30_000, lost), (45_000, Grade::VOID), (80_000, lost)]), 1_100);
    for wrong in [vec![], vec![tenth; 17], vec![BonusRule { winners_min: 5, ..tenth }]] {
        assert!(Bonus::new(&wrong).is_err());
    }
    for (above, below) in [(1, 2), (11, 1), (4, 3)] {
        let effect = Effect::Odds { times: Share::new(above, below).unwrap() };
        assert!(Bonus::new(&[rule(1, effect)]).is_err(), "{above}/{below}");
    }
}

#[test]
fn forecasts_and_tricasts_have_their_lines() {
    assert_eq!(
        [ordered_lines(2, 2), ordered_lines(4, 2), ordered_lines(3, 3), ordered_lines(6, 3)],
        [Ok(2), Ok(12), Ok(6), Ok(120)]
    );
    assert_eq!([unordered_lines(2, 2), unordered_lines(6, 3)], [Ok(1), Ok(20)]);
    for (runners, places) in [(1, 2), (0, 0), (3, 0), (1_000, 4), (usize::MAX, 5)] {
        assert!(ordered_lines(runners, places).is_err(), "{runners} {places}");
    }
    assert!(unordered_lines(1_000, 3).is_err() && unordered_lines(2, 3).is_err());
}
