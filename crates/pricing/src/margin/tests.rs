//! The invariants every method keeps, over pseudo-random books, and faults seen in other libraries.

use super::*;

/// A linear congruential generator (Knuth's MMIX constants): the same books on every run.
struct Lcg(u64);

impl Lcg {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn probabilities(&mut self, count: usize) -> Vec<f64> {
        let weights: Vec<f64> = (0..count).map(|_| 0.02 + self.unit() * self.unit()).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

fn removed(method: MarginMethod, book: &[f64], target: f64) -> Result<Vec<f64>, MarginError> {
    let mut out = vec![0.0; book.len()];
    remove(method, book, target, &mut out).map(|()| out)
}

fn applied(method: MarginMethod, fair: &[f64], booksum: f64) -> Result<Vec<f64>, MarginError> {
    let mut out = vec![0.0; fair.len()];
    apply(method, fair, booksum, &mut out).map(|()| out)
}

fn books(method: MarginMethod) -> impl Iterator<Item = (Vec<f64>, f64)> {
    let mut lcg = Lcg(20_240_817);
    (0..4_000).map(move |index| {
        let count = [2, 3, 3, 6, 10, 20, 40][index % 7];
        let fair = lcg.probabilities(count);
        let booksum = 1.0 + 0.12 * lcg.unit();
        let implied =
            applied(method, &fair, booksum).or_else(|_| applied(MarginMethod::Power, &fair, booksum));
        (implied.expect("the power method applies to every book"), booksum)
    })
}

#[test]
fn fair_probabilities_sum_to_the_target_and_keep_the_order() {
    for method in MarginMethod::ALL {
        let mut solved = 0;
        for (book, booksum) in books(method) {
            assert!((sum(&book) - booksum).abs() <= 1e-12);
            let fair = match removed(method, &book, 1.0) {
                Ok(fair) => fair,
                Err(error) => {
                    assert_eq!(error.code(), "negative_probability", "{method}: {error}");
                    continue;
                }
            };
            solved += 1;
            assert!((sum(&fair) - 1.0).abs() <= 1e-12, "{method}");
            assert!(fair.iter().all(|p| *p > 0.0 && *p < 1.0));
            for (i, j) in (0..book.len()).flat_map(|i| (0..i).map(move |j| (i, j))) {
                assert!(
                    book[i] == book[j] || (book[i] < book[j]) == (fair[i] < fair[j]),
                    "{method}: {book:?}"
                );
            }
        }
        assert!(solved > 3_000, "{method} solved {solved} books only");
    }
}

#[test]
fn applying_the_margin_again_returns_the_book() {
    for method in MarginMethod::ALL {
        let mut checked = 0;
        for (book, _) in books(method) {
            let Ok(fair) = removed(method, &book, 1.0) else { continue };
            let again = applied(method, &fair, sum(&book)).expect("a removed margin can be applied");
            assert!(largest_difference(&again, &book) <= 1e-12, "{method}: {book:?} {again:?}");
            checked += 1;
        }
        assert!(checked > 3_000, "{method}");
    }
}

#[test]
fn a_book_at_its_target_stays_as_it_is() {
    let mut lcg = Lcg(7);
    for count in [2, 3, 8, 30] {
        let fair = lcg.probabilities(count);
        for method in MarginMethod::ALL {
            assert!(
                largest_difference(&removed(method, &fair, sum(&fair)).unwrap(), &fair) <= 1e-12,
                "{method}"
            );
            assert!(
                largest_difference(&applied(method, &fair, sum(&fair)).unwrap(), &fair) <= 1e-12,
                "{method}"
            );
        }
    }
}

#[test]
fn the_order_of_the_selections_does_not_matter() {
    for method in MarginMethod::ALL {
        for (book, _) in books(method).take(300) {
            let backwards: Vec<f64> = book.iter().rev().copied().collect();
            let (Ok(fair), Ok(mut other)) = (removed(method, &book, 1.0), removed(method, &backwards, 1.0))
            else {
                continue;
            };
            other.reverse();
            assert!(largest_difference(&fair, &other) <= 1e-12, "{method}");
        }
    }
}

#[test]
fn the_favourite_carries_least_margin_under_power_and_most_under_multiplicative() {
    for (book, booksum) in books(MarginMethod::Multiplicative).filter(|(book, _)| book.len() < 10) {
        let favourite = (0..book.len()).max_by(|i, j| book[*i].total_cmp(&book[*j])).unwrap();
        if book[favourite] < 0.4 || booksum < 1.01 {
            continue;
        }
        let [basic, shin, power] = [MarginMethod::Multiplicative, MarginMethod::Shin, MarginMethod::Power]
            .map(|m| removed(m, &book, 1.0).unwrap());
        assert!(basic[favourite] <= shin[favourite] + 1e-12 && basic[favourite] <= power[favourite] + 1e-12);
    }
}

#[test]
fn place_books_sum_to_the_number_of_places() {
    let book = [1.0 / 1.28, 1.0 / 1.55, 1.0 / 1.8, 1.0 / 2.3, 1.0 / 3.5, 1.0 / 5.5, 1.0 / 9.0, 1.0 / 14.0];
    for method in MarginMethod::ALL {
        let fair = removed(method, &book, 3.0).unwrap();
        assert!((sum(&fair) - 3.0).abs() <= 1e-12, "{method}");
        let again = applied(method, &fair, sum(&book)).unwrap();
        assert!(largest_difference(&again, &book) <= 1e-12, "{method}");
    }
}

/// `efficient_shin_conversion` of goto_conversion gives the 30 a higher chance than the 15 in this book.
#[test]
fn shin_keeps_the_order_when_a_price_is_below_half_the_margin() {
    let book: Vec<f64> = [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 15.0, 30.0].iter().map(|odds| 1.0 / odds).collect();
    let fair = removed(MarginMethod::Shin, &book, 1.0).unwrap();
    assert!(fair.windows(2).all(|pair| pair[0] > pair[1]), "{fair:?}");
}

/// The `shin` package returns probabilities that sum to 0.90 for this under-round book, without a warning.
#[test]
fn methods_that_need_a_margin_refuse_an_under_round_book() {
    let book = [1.0 / 1.5, 1.0 / 4.2, 1.0 / 60.0];
    for method in MarginMethod::ALL {
        let needs_margin =
            matches!(method, MarginMethod::Shin | MarginMethod::BalancedBook | MarginMethod::Goto);
        match removed(method, &book, 1.0) {
            Ok(fair) => assert!(!needs_margin && (sum(&fair) - 1.0).abs() <= 1e-12, "{method}"),
            Err(error) => assert!(needs_margin && error.code() == "under_round", "{method}: {error}"),
        }
        let fair = [0.6, 0.3, 0.1];
        assert_eq!(applied(method, &fair, 0.97).is_err(), needs_margin, "{method}");
    }
    let error = removed(MarginMethod::Shin, &book, 1.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "booksum 0.9214285714285714 is below 1, where the shin method is not defined"
    );
}

/// penaltyblog accepts a price under 1 in five of seven methods, and pybettor returns NaN for two-way Shin.
#[test]
fn impossible_prices_are_refused_by_every_method() {
    for method in MarginMethod::ALL {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.2, 1.0, 1.0 / 0.98] {
            assert_eq!(removed(method, &[0.5, bad, 0.3], 1.0).unwrap_err().code(), "inverse_odds");
            assert_eq!(applied(method, &[0.5, bad, 0.3], 1.05).unwrap_err().code(), "probability");
            assert!(removed(method, &[0.6, 0.3, 0.2], bad * 3.0).is_err());
        }
        assert_eq!(removed(method, &[0.5], 1.0).unwrap_err().code(), "selection_count");
        assert_eq!(removed(method, &[0.01; SELECTIONS_MAX + 1], 1.0).unwrap_err().code(), "selection_count");
        assert_eq!(remove(method, &[0.5, 0.6], 1.0, &mut [0.0; 3]).unwrap_err().code(), "output_count");
        assert_eq!(applied(method, &[0.5, 0.5], 2.0).unwrap_err().code(), "booksum");
        assert!(removed(method, &[0.55, 0.5], 1.0).unwrap().iter().all(|p| p.is_finite()));
    }
}

/// penaltyblog and others return a negative probability in a book with a 1.01 favourite.
#[test]
fn a_method_that_leaves_zero_to_one_says_so() {
    let book = [1.0 / 1.01, 1.0 / 21.0, 1.0 / 101.0];
    for method in [MarginMethod::Additive, MarginMethod::BalancedBook, MarginMethod::Goto] {
        let error = removed(method, &book, 1.0).unwrap_err();
        assert!(matches!(error, MarginError::NegativeProbability { index: 2, .. }), "{method}: {error}");
    }
    let error = applied(MarginMethod::Multiplicative, &[0.97, 0.02, 0.01], 1.06).unwrap_err();
    assert_eq!(error.code(), "probability_above_one");
    let error = applied(MarginMethod::Shin, &[0.97, 0.02, 0.01], 2.5).unwrap_err();
    assert_eq!(error.code(), "booksum_unreachable");
}

#[test]
fn neighbouring_books_have_neighbouring_probabilities() {
    for method in MarginMethod::ALL {
        for (book, _) in books(method).take(300) {
            let mut moved = book.clone();
            moved[0] += 1e-9;
            if let (Ok(fair), Ok(other)) = (removed(method, &book, 1.0), removed(method, &moved, 1.0)) {
                assert!(largest_difference(&fair, &other) < 1e-7, "{method}");
            }
        }
    }
}

#[test]
fn wide_and_extreme_books_are_solved() {
    let mut lcg = Lcg(99);
    for count in [200, SELECTIONS_MAX] {
        let fair = lcg.probabilities(count);
        for method in [
            MarginMethod::Multiplicative,
            MarginMethod::Power,
            MarginMethod::OddsRatio,
            MarginMethod::Shin,
            MarginMethod::Probit,
        ] {
            for booksum in [1.0001, 1.5, 3.0] {
                let book = applied(method, &fair, booksum).unwrap();
                let again = removed(method, &book, 1.0).unwrap();
                assert!(
                    (sum(&again) - 1.0).abs() <= 1e-12 && largest_difference(&again, &fair) <= 1e-12,
                    "{method}"
                );
            }
        }
    }
    let book = [1.0 / 1.001, 1.0 / 900.0, 1.0 / 1000.0, 1.0 / 1000.0];
    for method in [
        MarginMethod::Power,
        MarginMethod::OddsRatio,
        MarginMethod::Shin,
        MarginMethod::JensenShannon,
        MarginMethod::Probit,
    ] {
        assert!((sum(&removed(method, &book, 1.0).unwrap()) - 1.0).abs() <= 1e-12, "{method}");
    }
}

/// Rows of books with gaps here and there, some of which the method refuses.
fn rows(count: usize, row_count: usize, with_gaps: bool) -> Vec<f64> {
    let mut lcg = Lcg(count as u64);
    let mut rows = Vec::new();
    for index in 0..row_count {
        let booksum = if index % 13 == 12 { 0.97 } else { 1.0 + 0.15 * lcg.unit() };
        let mut odds: Vec<f64> = lcg.probabilities(count).iter().map(|p| 1.0 / (p * booksum)).collect();
        if index % 17 == 16 {
            odds[index % count] = [1.0, 0.9, f64::INFINITY, -2.0][index / 17 % 4];
        }
        if with_gaps && index % 3 == 0 {
            odds.iter_mut().for_each(|odds| *odds = if lcg.unit() < 0.2 { f64::NAN } else { *odds * 0.8 });
        }
        rows.extend(odds);
    }
    rows
}

#[test]
fn a_batch_has_the_bits_of_its_books() {
    for method in MarginMethod::ALL {
        for count in [2, 3, 5, 12, 30] {
            for (row_count, with_gaps) in [(0, false), (1, false), (8, false), (203, false), (203, true)] {
                let odds = rows(count, row_count, with_gaps);
                let mut fair = vec![0.0; odds.len()];
                let refused = fair_probabilities_rows(method, &odds, count, 1.0, &mut fair);
                let mut offered = vec![0.0; odds.len()];
                let refused_again = offered_odds_rows(method, &fair, count, 1.04, &mut offered);
                let mut refused_alone = (Vec::new(), Vec::new());
                for row in 0..row_count {
                    let range = row * count..(row + 1) * count;
                    let is_absent = |values: &[f64]| values.iter().all(|value| value.is_nan());
                    let mut alone = vec![0.0; count];
                    if fair_probabilities(method, &odds[range.clone()], 1.0, &mut alone).is_err() {
                        alone.fill(f64::NAN);
                        refused_alone.0.extend((!is_absent(&odds[range.clone()])).then_some(row));
                    }
                    assert_eq!(bits(&fair[range.clone()]), bits(&alone), "{method} {count} row {row}");
                    if offered_odds(method, &fair[range.clone()], 1.04, &mut alone).is_err() {
                        alone.fill(f64::NAN);
                        refused_alone.1.extend((!is_absent(&fair[range.clone()])).then_some(row));
                    }
                    assert_eq!(bits(&offered[range.clone()]), bits(&alone), "{method} {count} row {row}");
                }
                assert_eq!((refused, refused_again), refused_alone, "{method} {count}");
            }
        }
    }
}

#[test]
fn waiting_books_have_the_bits_of_each_alone() {
    let mut lcg = Lcg(77);
    let mut waiting = WaitingBooks::default();
    for round in 0..3 {
        waiting.clear();
        let mut alone = Vec::new();
        for index in 0..400 * round {
            let method = MarginMethod::ALL[(index / 3) % 9];
            let mut fair = lcg.probabilities([2, 2, 3, 2, 5, 8, 9, 30][index % 8]);
            if index % 50 == 49 {
                fair[0] = [1.0, 0.0, f64::NAN][index / 50 % 3];
            }
            let booksum =
                [1.05, 0.96, 1.0 + 0.3 * lcg.unit(), 7.5, f64::NAN][[0, 2, 2, 1, 2, 3, 4][index % 7]];
            let mut implied = vec![0.0; fair.len()];
            waiting.push(method, fair.iter().copied(), booksum);
            alone.push(apply(method, &fair, booksum, &mut implied).ok().map(|()| implied));
        }
        waiting.solve();
        for (index, alone) in alone.iter().enumerate() {
            assert_eq!(waiting.implied(index).map(bits), alone.as_deref().map(bits), "book {index}");
        }
        assert!(waiting.implied(alone.len()).is_none());
        assert!(round == 0 || alone.iter().any(Option::is_none) && alone.iter().flatten().count() > 200);
    }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn a_batch_that_no_book_fits_refuses_every_row() {
    let mut out = [0.0; 4];
    for (count, target) in [(1, 1.0), (2, 2.0), (2, f64::NAN), (4, -1.0)] {
        let refused = fair_probabilities_rows(MarginMethod::Power, &[1.9; 4], count, target, &mut out);
        assert_eq!(refused, (0..4 / count).collect::<Vec<_>>());
        assert!(out.iter().all(|fair| fair.is_nan()));
    }
    assert!(fair_probabilities_rows(MarginMethod::Power, &[], 0, 1.0, &mut []).is_empty());
}

/// The open search starts near the root on real books; these are not real.
#[test]
fn books_far_from_their_target_are_solved() {
    let mut lcg = Lcg(31);
    for count in [2, 3, 6, 25] {
        for _ in 0..300 {
            let book: Vec<f64> = (0..count).map(|_| 1e-5 + 0.9999 * lcg.unit().powi(3)).collect();
            let target = (0.01 + 0.98 * lcg.unit()) * count as f64;
            for method in [MarginMethod::Power, MarginMethod::OddsRatio, MarginMethod::Probit] {
                let moved = removed(method, &book, target).unwrap();
                assert!((sum(&moved) - target).abs() <= 1e-12, "{method} {book:?} {target}");
            }
            if sum(&book) > target {
                let moved = removed(MarginMethod::Shin, &book, target);
                match moved {
                    Ok(moved) => assert!((sum(&moved) - target).abs() <= 1e-12),
                    // Less than one winner leaves no room for so large a booksum.
                    Err(error) if target < 1.0 => {
                        assert!(["negative_probability", "not_solved"].contains(&error.code()), "{error}")
                    }
                    Err(error) => assert_eq!(error.code(), "probability_above_one", "{book:?} {target}"),
                }
            }
        }
    }
}

/// Odds of 1.00001 beside odds of 100,000, and odds that no product of two survives.
#[test]
fn the_closed_form_of_two_selections_holds_at_the_ends() {
    for (first, second) in [(0.999_99, 1e-5), (1e-200, 1e-200), (0.5, 1e-300), (1.0 - 1e-15, 1e-15)] {
        for target in [1.0, 0.4, 1.6] {
            if let Ok(moved) = removed(MarginMethod::OddsRatio, &[first, second], target) {
                assert!((sum(&moved) - target).abs() <= 1e-12, "{first} {second} {target}: {moved:?}");
            } else {
                assert!(target != 1.0 || second < 1e-100, "{first} {second}");
            }
        }
    }
}

#[test]
fn a_hold_is_a_booksum() {
    assert!((booksum_from_hold(0.05, 3.0).unwrap() - 3.0 / 0.95).abs() < 1e-15);
    assert!(booksum_from_hold(-0.01, 1.0).unwrap() < 1.0);
    for bad in [1.0, 2.0, f64::NAN, f64::NEG_INFINITY] {
        assert_eq!(booksum_from_hold(bad, 1.0).unwrap_err().code(), "hold");
    }
}

#[test]
fn every_name_is_read_back() {
    for method in MarginMethod::ALL {
        assert_eq!(method.as_str().parse(), Ok(method));
    }
    assert_eq!(
        MarginMethod::parse("shim").unwrap_err().to_string(),
        "margin method \"shim\" is none of multiplicative, additive, power, odds_ratio, shin, \
         balanced_book, goto, jensen_shannon, probit"
    );
}

/// `logarithmic` was refused while the other names of penaltyblog, *implied* and pybettor were known: whoever came from
/// one of them met an error for one method of seven.
#[test]
fn every_name_that_other_packages_use_is_known() {
    let penaltyblog = [
        "multiplicative",
        "additive",
        "power",
        "shin",
        "differential_margin_weighting",
        "odds_ratio",
        "logarithmic",
    ];
    let implied = ["basic", "shin", "bb", "wpo", "or", "power", "additive", "jsd"];
    let pybettor = ["mult", "mpto", "or", "power", "additive", "shin", "bb", "jsd"];
    for name in penaltyblog.into_iter().chain(implied).chain(pybettor).chain(["goto_conversion", "probit"]) {
        assert!(MarginMethod::parse(name).is_ok(), "{name}");
    }
    assert_eq!(MarginMethod::parse("logarithmic"), Ok(MarginMethod::OddsRatio));
    for (index, (alias, method)) in MarginMethod::ALIASES.into_iter().enumerate() {
        assert_eq!(MarginMethod::parse(alias), Ok(method));
        assert!(MarginMethod::ALL.iter().all(|method| method.as_str() != alias));
        assert!(MarginMethod::ALIASES[..index].iter().all(|(other, _)| *other != alias), "{alias} twice");
    }
}

/// The normal distribution by a sum over a grid and bisection, which share nothing with the quantile and the steps.
#[test]
fn the_probit_shift_is_that_of_a_bisection() {
    let below = |x: f64| {
        // Simpson's rule from 12 standard deviations below.
        let (low, count) = (-12.0, 4_000);
        let width = (x - low) / f64::from(count);
        let height = |place: u32| (-(low + width * f64::from(place)).powi(2) / 2.0).exp();
        let inner: f64 = (1..count).map(|place| height(place) * if place % 2 == 1 { 4.0 } else { 2.0 }).sum();
        (height(0) + inner + height(count)) * width / 3.0 / (2.0 * std::f64::consts::PI).sqrt()
    };
    let bisected = |function: &dyn Fn(f64) -> f64| {
        let (mut low, mut high) = (-10.0, 10.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if function(middle) < 0.0 { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    };
    for (odds, target) in
        [(vec![2.05, 3.5, 3.8], 1.0), (vec![1.05, 13.0, 34.0], 1.0), (vec![1.3, 1.6, 2.2, 4.0], 2.0)]
    {
        let book: Vec<f64> = odds.iter().map(|odds| 1.0 / odds).collect();
        let limits: Vec<f64> = book.iter().map(|value| bisected(&|x| below(x) - value)).collect();
        let shift = bisected(&|s| target - limits.iter().map(|limit| below(limit - s)).sum::<f64>());
        let wanted: Vec<f64> = limits.iter().map(|limit| below(limit - shift)).collect();
        let mut fair = vec![0.0; book.len()];
        let found = remove_with_parameter(MarginMethod::Probit, &book, target, &mut fair).unwrap();
        assert!(
            (found - shift).abs() < 1e-11 && largest_difference(&fair, &wanted) < 1e-11,
            "{fair:?} {wanted:?}"
        );
    }
}
