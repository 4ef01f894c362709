//! The models against each other, and against plain numerical integration and simulation.

use super::*;

const WIN: [f64; 6] = [0.36, 0.22, 0.16, 0.11, 0.09, 0.06];

/// A field of `count` with probabilities falling geometrically from first to last by `ratio`.
fn field(count: usize, ratio: f64) -> Vec<f64> {
    let weights: Vec<f64> =
        (0..count).map(|runner| libm::pow(ratio, runner as f64 / (count - 1) as f64)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

fn kinds() -> [ModelKind; 3] {
    [ModelKind::Sequential(Exponents::HARVILLE), ModelKind::Sequential(Exponents::NORMAL), ModelKind::Henery]
}

#[test]
fn every_sum_is_what_it_must_be() {
    for kind in kinds() {
        for (count, ratio) in
            [(2, 0.5), (2, 1e-6), (3, 0.3), (4, 1.0), (6, 0.05), (12, 0.02), (12, 1e-5), (16, 0.3)]
        {
            let win = field(count, ratio);
            let model = OrderModel::new(kind, &win).unwrap();
            let near = |got: f64, expected: f64, what: &str| {
                assert!(
                    (got - expected).abs() < 2e-10,
                    "{kind:?} {count} {ratio} {what}: {got} is not {expected}"
                );
            };
            let mut positions = vec![[0.0; POSITIONS]; count];
            model.positions(&mut positions).unwrap();
            for position in 0..POSITIONS.min(count) {
                near(positions.iter().map(|row| row[position]).sum(), 1.0, "position");
            }
            let (mut exactas, mut ahead) = (vec![0.0; count * count], vec![0.0; count * count]);
            let mut trifectas = vec![0.0; count * count * count];
            model.exactas(&mut exactas).unwrap();
            model.ahead(&mut ahead).unwrap();
            model.trifectas(&mut trifectas).unwrap();
            for i in 0..count {
                near(positions[i][0], win[i], "win");
                near(exactas[i * count..(i + 1) * count].iter().sum(), win[i], "exactas of a winner");
                near(
                    (0..count).map(|j| exactas[j * count + i]).sum(),
                    positions[i][1],
                    "exactas of a second",
                );
                for j in (0..count).filter(|&j| j != i) {
                    near(ahead[i * count + j] + ahead[j * count + i], 1.0, "match");
                    if count > 2 {
                        let of_pair = &trifectas[(i * count + j) * count..][..count];
                        near(of_pair.iter().sum(), exactas[i * count + j], "trifectas of a pair");
                    }
                }
                if count > 2 {
                    let third = (0..count * count).map(|pair| trifectas[pair * count + i]).sum();
                    near(third, positions[i][2], "trifectas of a third");
                }
                let mut without = vec![0.0; count];
                model.without(i, &mut without).unwrap();
                near(without.iter().sum(), 1.0, "without a runner");
            }
        }
    }
}

/// Times by a fit from probabilities that are exact to the last digits, and back.
#[test]
fn henery_finds_the_times_again() {
    for count in [2, 3, 5, 12, 24, 40] {
        for spread in [0.0, 0.3, 1.0, 3.0] {
            let times: Vec<f64> = (0..count)
                .map(|runner| spread * (runner as f64 / count as f64 + libm::sin(7.0 * runner as f64)))
                .collect();
            let model = HeneryModel::from_times(&times).unwrap();
            let mut win = vec![0.0; count];
            model.fill_win(&mut win);
            if win.iter().any(|&win| win < WIN_PROBABILITY_MIN) {
                continue;
            }
            let found = HeneryModel::from_win(&win).unwrap();
            for (found, time) in found.times().iter().zip(model.times()) {
                assert!((found - time).abs() < 1e-8, "{count} {spread}: {found} {time}");
            }
        }
    }
}

/// Probabilities of winning from 1e-9 to nearly 1, fields of every size: the fit always ends.
#[test]
fn henery_fits_any_field() {
    let mut seed = 7_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1_u64 << 53) as f64
    };
    for round in 0..400 {
        let count = 2 + round % 39;
        let power = 1.0 + 9.0 * random();
        let weights: Vec<f64> = (0..count).map(|_| libm::pow(random(), power).max(1e-8)).collect();
        let sum: f64 = weights.iter().sum();
        let win: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
        let model = HeneryModel::from_win(&win).unwrap_or_else(|error| panic!("{win:?}: {error}"));
        let mut got = vec![0.0; count];
        model.fill_win(&mut got);
        for (got, win) in got.iter().zip(&win) {
            assert!((got / win - 1.0).abs() < 1e-9, "{got} {win}");
        }
    }
    for count in 2..=RUNNERS_MAX {
        let mut win = vec![1e-9; count];
        win[count / 2] = 1.0 - 1e-9 * (count - 1) as f64;
        HeneryModel::from_win(&win).unwrap();
    }
}

/// A step eight times finer, in plain form, changes nothing.
#[test]
fn the_step_of_the_quadrature_is_fine_enough() {
    for (count, ratio) in [(3, 0.01), (12, 0.02), (40, 0.05), (40, 1.0)] {
        let model = HeneryModel::from_win(&field(count, ratio)).unwrap();
        let mut positions = vec![[0.0; POSITIONS]; count];
        model.fill_positions(&mut positions);
        let step = 1.0 / 64.0;
        let times = model.times();
        for runner in [0, count / 2, count - 1] {
            let mut exact = [0.0; POSITIONS];
            for node in -12 * 64..12 * 64 {
                let x = f64::from(node) * step;
                let tail =
                    |runner: usize| 0.5 * libm::erfc((x - times[runner]) * std::f64::consts::FRAC_1_SQRT_2);
                let mut ahead = [1.0, 0.0, 0.0, 0.0];
                for other in (0..count).filter(|&other| other != runner) {
                    let tail = tail(other);
                    ahead = std::array::from_fn(|k| {
                        ahead[k] * tail + if k > 0 { ahead[k - 1] * (1.0 - tail) } else { 0.0 }
                    });
                }
                let z = x - times[runner];
                let density = libm::exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt();
                exact.iter_mut().zip(ahead).for_each(|(exact, ahead)| *exact += step * density * ahead);
            }
            for (got, exact) in positions[runner].iter().zip(exact) {
                assert!((got - exact).abs() < 1e-12, "{count} {ratio} {runner}: {got} {exact}");
            }
        }
    }
}

/// A simulated race, so that an error in the idea itself would show.
#[test]
fn henery_agrees_with_simulated_running_times() {
    let model = HeneryModel::from_win(&WIN).unwrap();
    let times = model.times();
    let (mut trifectas, mut positions) = ([0.0; 216], [[0.0; POSITIONS]; 6]);
    model.fill_trifectas(&mut trifectas);
    model.fill_positions(&mut positions);
    let mut seed = 11_u64;
    let mut uniform = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    let races = 200_000;
    let mut counts = [0.0; 216];
    let mut fourth = [0.0; 6];
    for _ in 0..races {
        let mut order: Vec<(f64, usize)> = times
            .iter()
            .enumerate()
            .map(|(runner, time)| {
                let radius = (-2.0 * libm::log(uniform())).sqrt();
                (time + radius * libm::cos(2.0 * std::f64::consts::PI * uniform()), runner)
            })
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        counts[(order[0].1 * 6 + order[1].1) * 6 + order[2].1] += 1.0;
        fourth[order[3].1] += 1.0;
    }
    let close = |probability: f64, count: f64| {
        let error = 5.0 * (probability * (1.0 - probability) / f64::from(races)).sqrt() + 1e-9;
        assert!((probability - count / f64::from(races)).abs() < error, "{probability} {count}");
    };
    trifectas.iter().zip(counts).for_each(|(&probability, count)| close(probability, count));
    positions.iter().zip(fourth).for_each(|(row, count)| close(row[3], count));
}

#[test]
fn a_withdrawn_runner_leaves_a_smaller_race() {
    let withdrawn = [false, true, false, false, false, false];
    for kind in kinds() {
        let model = OrderModel::new(kind, &WIN).unwrap().starting(&withdrawn).unwrap();
        let mut win = [0.0; 5];
        model.win(&mut win).unwrap();
        assert!((win.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        // Normal times: whoever is near the withdrawn runner gains more from its absence than in proportion.
        let share = win[0] / (0.36 / 0.78);
        let expected = if kind == ModelKind::Henery { 0.95..0.97 } else { 1.0 - 1e-15..1.0 + 1e-15 };
        assert!(expected.contains(&share), "{kind:?}: {share}");
    }
    let model = OrderModel::new(ModelKind::Henery, &WIN).unwrap();
    assert_eq!(model.starting(&[true; 6]).unwrap_err().to_string(), "0 runners are outside 2..=40");
}

#[test]
fn bad_calls_are_named() {
    let model = OrderModel::new(ModelKind::Henery, &WIN).unwrap();
    let mut out = [0.0; 6];
    let text = |result: Result<(), RacingError>| result.unwrap_err().to_string();
    assert_eq!(text(model.places(5, &mut out)), "places 5 is outside 1..=4");
    assert_eq!(text(model.places(2, &mut out[..5])), "5 numbers were given, not 6");
    assert_eq!(text(model.without(6, &mut out)), "runner 6 is outside 0..6");
    assert_eq!(
        ModelKind::parse("plackett").unwrap_err().to_string(),
        "racing model \"plackett\" is none of harville, lo_bacon_shone, henery"
    );
    let odds = |odds: &[f64]| text(win_probabilities(odds, MarginMethod::Shin, &mut [0.0; 2]));
    assert_eq!(odds(&[1.0, 2.0]), "odds 1 of runner 0 are not above 1");
    assert_eq!(
        odds(&[3.0, 2.0]),
        "booksum 0.8333333333333333 is below 1, where the shin method is not defined"
    );
    let times = |times: &[f64]| HeneryModel::from_times(times).unwrap_err().to_string();
    assert_eq!(times(&[0.0, 50.0]), "mean running time 0 is outside -20..=20");
    assert_eq!(times(&[0.0, 30.0]), "spread of mean running times 30 is outside 0..=20");
}
