//! The Gaussian copula: how likely several events are together, from their probabilities and correlations.
//!
//! An event of probability `p` is a standard normal variable below `quantile(p)`; the variables are jointly normal.
//! Two events: a one-dimensional integral, 20 nodes where `|rho| <= 0.925`. Three: the same conditioned on the first
//! variable and integrated over it. More: Genz's transformation on a fixed lattice, which tells its error.
//! Results are held within the Fréchet bounds: at most the least likely event, at least `sum - (n - 1)`.

use super::SameGameError;

/// Most events of one copula.
pub const EVENTS_MAX: usize = 12;

/// The probability of all events together, and the error estimate of the method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CopulaJoint {
    /// The probability that all events happen.
    pub probability: f64,
    /// Estimated absolute error: 1e-10 for up to three events, the spread over lattice shifts beyond.
    pub error: f64,
}

/// The probability that all events happen under a Gaussian copula.
///
/// `probabilities` are those of the events, 1 to 12, each in 0..=1; `correlations` is the symmetric matrix of the
/// normal variables, row by row, with ones on its diagonal.
///
/// # Errors
///
/// [`SameGameError::OutsideRange`] for a probability outside 0..=1 or a number of events outside 1..=12;
/// [`SameGameError::Correlation`] for a matrix of the wrong size, not symmetric or not positive definite.
///
/// Source: A. Genz, F. Bretz, "Computation of Multivariate Normal and t Probabilities" (Springer 2009), chapters 2
/// and 4. Reproduced in `tests/golden/same_game.json`.
///
/// ```
/// use oddsengine_pricing::same_game::gaussian_copula;
/// let joint = gaussian_copula(&[0.55, 0.48], &[1.0, 0.35, 0.35, 1.0]).unwrap();
/// assert!((joint.probability - 0.32030050213765).abs() < 1e-12);
/// ```
pub fn gaussian_copula(probabilities: &[f64], correlations: &[f64]) -> Result<CopulaJoint, SameGameError> {
    let count = probabilities.len();
    SameGameError::check("number of events", count as f64, 1.0, EVENTS_MAX as f64)?;
    for &probability in probabilities {
        SameGameError::check("probability of an event", probability, 0.0, 1.0)?;
    }
    check_matrix(count, correlations)?;
    Ok(joint(probabilities, correlations))
}

/// As [`gaussian_copula`], for a matrix that is known to be one.
pub(super) fn joint(probabilities: &[f64], correlations: &[f64]) -> CopulaJoint {
    let all = probabilities.len();
    // A certain event says nothing, an impossible one everything.
    let mut kept = [0; EVENTS_MAX];
    let mut count = 0;
    for (index, &probability) in probabilities.iter().enumerate() {
        if probability <= 0.0 {
            return CopulaJoint { probability: 0.0, error: 0.0 };
        }
        if probability < 1.0 {
            kept[count] = index;
            count += 1;
        }
    }
    let limit = |place: usize| quantile(probabilities[kept[place]]);
    let rho = |a: usize, b: usize| correlations[kept[a] * all + kept[b]];
    let (probability, error) = match count {
        0 => (1.0, 0.0),
        1 => (probabilities[kept[0]], 0.0),
        2 => (bivariate(limit(0), limit(1), rho(0, 1)), QUADRATURE_ERROR),
        3 => {
            let limits = [limit(0), limit(1), limit(2)];
            (trivariate(limits, [rho(0, 1), rho(0, 2), rho(1, 2)]), QUADRATURE_ERROR)
        }
        _ => {
            let mut factor = [[0.0; EVENTS_MAX]; EVENTS_MAX];
            cholesky(count, rho, &mut factor);
            let mut limits = [0.0; EVENTS_MAX];
            (0..count).for_each(|place| limits[place] = limit(place));
            lattice(&limits[..count], &factor)
        }
    };
    CopulaJoint { probability: within_frechet(probability, probabilities), error }
}

/// A joint probability moved into its Fréchet bounds.
pub(super) fn within_frechet(joint: f64, probabilities: &[f64]) -> f64 {
    let least = probabilities.iter().copied().fold(1.0, f64::min);
    let sum: f64 = probabilities.iter().sum();
    joint.min(least).max(sum - (probabilities.len() - 1) as f64).max(0.0)
}

/// P(X < x) of a standard normal variable.
#[inline]
pub fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// The density of a standard normal variable.
#[inline]
pub fn density(x: f64) -> f64 {
    const INVERSE_ROOT_TWO_PI: f64 = 0.398_942_280_401_432_7;
    INVERSE_ROOT_TWO_PI * libm::exp(-0.5 * x * x)
}

/// The number below which a standard normal variable is with probability `p`; infinite at 0 and 1.
///
/// Source: M. Wichura, algorithm AS 241, Applied Statistics 37 (1988), and one Halley step.
pub fn quantile(p: f64) -> f64 {
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    let polynomial = |c: &[f64; 8], x: f64| c.iter().rev().fold(0.0, |sum, c| sum * x + c);
    let q = p - 0.5;
    let x = if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        q * polynomial(&CENTRE[0], r) / polynomial(&CENTRE[1], r)
    } else {
        let r = (-libm::log(if q < 0.0 { p } else { 1.0 - p })).sqrt();
        let size = if r <= 5.0 {
            polynomial(&MIDDLE[0], r - 1.6) / polynomial(&MIDDLE[1], r - 1.6)
        } else {
            polynomial(&TAIL[0], r - 5.0) / polynomial(&TAIL[1], r - 5.0)
        };
        if q < 0.0 { -size } else { size }
    };
    let slope = density(x);
    if slope == 0.0 {
        return x;
    }
    let newton = (cdf(x) - p) / slope;
    x - newton / (1.0 + 0.5 * x * newton)
}

/// P(X < h and Y < k) of standard normal variables with correlation `rho` in -1..=1.
///
/// Source: Z. Drezner, G. Wesolowsky, "On the computation of the bivariate normal integral", Journal of Statistical
/// Computation and Simulation 35 (1990): the integral of `exp(-(h^2 + k^2 - 2 h k sin) / (2 cos^2)) / (2 pi)` over
/// the angles 0 to `asin(rho)`. Beyond |rho| = 0.925 the interval is cut in pieces that halve towards the right angle.
pub fn bivariate(h: f64, k: f64, rho: f64) -> f64 {
    let (below_h, below_k) = (cdf(h), cdf(k));
    if h == f64::NEG_INFINITY || k == f64::NEG_INFINITY {
        return 0.0;
    }
    if h == f64::INFINITY || k == f64::INFINITY {
        return below_h.min(below_k);
    }
    if rho >= 1.0 {
        return below_h.min(below_k);
    }
    if rho <= -1.0 {
        return (below_h + below_k - 1.0).max(0.0);
    }
    let (squares, product) = (0.5 * (h * h + k * k), h * k);
    let integrand = |angle: f64| {
        let sine = libm::sin(angle);
        libm::exp((product * sine - squares) / (1.0 - sine * sine))
    };
    let end = libm::asin(rho.abs());
    let sign = rho.signum();
    let signed = |angle: f64| integrand(sign * angle);
    let mut integral = 0.0;
    if end <= 1.181 {
        integral = gauss_legendre(0.0, end, signed);
    } else {
        let (mut start, mut left) = (0.0, std::f64::consts::FRAC_PI_2);
        while start < end {
            left *= 0.5;
            let stop = (start + left).min(end);
            // The last piece ends where the next one would be narrower than a rounding error.
            let stop = if stop - start < 1e-15 { end } else { stop };
            integral += gauss_legendre(start, stop, signed);
            start = stop;
        }
    }
    let joint = below_h * below_k + sign * integral / std::f64::consts::TAU;
    within(joint, (below_h + below_k - 1.0).max(0.0), below_h.min(below_k))
}

/// `value` between its bounds, which rounding may have put in the wrong order by a bit: `clamp` panics there.
fn within(value: f64, low: f64, high: f64) -> f64 {
    value.max(low).min(high)
}

/// Claimed for up to three events; the tests reach 1e-12.
const QUADRATURE_ERROR: f64 = 1e-10;

/// Widest piece of an integral over a normal variable, and where its density is nothing.
const PIECE: f64 = 2.0;
const FAR: f64 = 9.0;

/// P(all three below their limits); `rho` is (01, 02, 12).
fn trivariate(limits: [f64; 3], rho: [f64; 3]) -> f64 {
    // Conditioned on the variable that is least tied to the others, so that the inner one stays smooth.
    let ties =
        [rho[0].abs().max(rho[1].abs()), rho[0].abs().max(rho[2].abs()), rho[1].abs().max(rho[2].abs())];
    let first = (0..3).min_by(|&a, &b| ties[a].total_cmp(&ties[b])).unwrap_or(0);
    let (limits, rho) = match first {
        0 => (limits, rho),
        1 => ([limits[1], limits[0], limits[2]], [rho[0], rho[2], rho[1]]),
        _ => ([limits[2], limits[0], limits[1]], [rho[1], rho[2], rho[0]]),
    };
    let (left_1, left_2) = ((1.0 - rho[0] * rho[0]).sqrt(), (1.0 - rho[1] * rho[1]).sqrt());
    if left_1 == 0.0 || left_2 == 0.0 {
        // All three are one variable up to sign: the least tied one is tied fully.
        let sign = |r: f64| if r < 0.0 { -1.0 } else { 1.0 };
        let mut interval = (f64::NEG_INFINITY, limits[0]);
        for (limit, sign) in [(limits[1], sign(rho[0])), (limits[2], sign(rho[1]))] {
            if sign > 0.0 { interval.1 = interval.1.min(limit) } else { interval.0 = interval.0.max(-limit) }
        }
        return (cdf(interval.1) - cdf(interval.0)).max(0.0);
    }
    let rest = ((rho[2] - rho[0] * rho[1]) / (left_1 * left_2)).clamp(-1.0, 1.0);
    let end = limits[0].min(FAR);
    let pieces = libm::ceil((end + FAR) / PIECE).max(1.0) as usize;
    let width = (end + FAR) / pieces as f64;
    (0..pieces)
        .map(|piece| {
            let start = width * piece as f64 - FAR;
            gauss_legendre(start, start + width, |x| {
                let (h, k) = ((limits[1] - rho[0] * x) / left_1, (limits[2] - rho[1] * x) / left_2);
                density(x) * bivariate(h, k, rest)
            })
        })
        .sum()
}

/// Points of one lattice, and shifted copies of it.
const LATTICE_POINTS: usize = 1_021;
const LATTICE_SHIFTS: usize = 8;

/// Genz's separation of variables on a Richtmyer lattice (square roots of primes), folded by the tent map; the
/// shifts are fixed, so the result has the same bits everywhere.
fn lattice(limits: &[f64], factor: &[[f64; EVENTS_MAX]; EVENTS_MAX]) -> (f64, f64) {
    const PRIMES: [f64; EVENTS_MAX] = [2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0, 29.0, 31.0, 37.0];
    let mut means = [0.0; LATTICE_SHIFTS];
    for (shift, mean) in means.iter_mut().enumerate() {
        let offset = |place: usize| PRIMES[EVENTS_MAX - 1 - place].sqrt() * (shift as f64 + 0.5);
        let mut sum = 0.0;
        for point in 1..=LATTICE_POINTS {
            let coordinate = |place: usize| {
                let x = point as f64 * PRIMES[place].sqrt() + offset(place);
                (2.0 * (x - libm::floor(x)) - 1.0).abs()
            };
            sum += separated(limits, factor, coordinate);
        }
        *mean = sum / LATTICE_POINTS as f64;
    }
    let count = LATTICE_SHIFTS as f64;
    let mean: f64 = means.iter().sum::<f64>() / count;
    let spread: f64 = means.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (spread / (count * (count - 1.0))).sqrt())
}

fn separated(
    limits: &[f64],
    factor: &[[f64; EVENTS_MAX]; EVENTS_MAX],
    coordinate: impl Fn(usize) -> f64,
) -> f64 {
    let mut normals = [0.0; EVENTS_MAX];
    let mut product = 1.0;
    for (place, &limit) in limits.iter().enumerate() {
        let known: f64 = (0..place).map(|before| factor[place][before] * normals[before]).sum();
        let below = cdf((limit - known) / factor[place][place]);
        product *= below;
        if product == 0.0 {
            return 0.0;
        }
        normals[place] = quantile((coordinate(place) * below).clamp(1e-300, 1.0 - 1e-16));
    }
    product
}

/// Least pivot of a matrix that counts as positive definite.
const PIVOT_MIN: f64 = 1e-12;

fn check_matrix(count: usize, correlations: &[f64]) -> Result<(), SameGameError> {
    let bad = |what: &'static str, value: f64| Err(SameGameError::Correlation { what, value });
    if correlations.len() != count * count {
        return bad("number of correlations", correlations.len() as f64);
    }
    for row in 0..count {
        for column in 0..count {
            let value = correlations[row * count + column];
            if row == column && value != 1.0 {
                return bad("correlation of an event with itself", value);
            }
            if value.is_nan() || value.abs() > 1.0 || value != correlations[column * count + row] {
                return bad("correlation", value);
            }
        }
    }
    let mut factor = [[0.0; EVENTS_MAX]; EVENTS_MAX];
    let pivot = cholesky(count, |a, b| correlations[a * count + b], &mut factor);
    // Two events may be tied fully; the formulas for two do not divide by the pivot.
    if pivot < if count == 2 { 0.0 } else { PIVOT_MIN } {
        return bad("smallest pivot of the correlation matrix", pivot);
    }
    Ok(())
}

/// Lower triangular factor of a correlation matrix; returns the smallest pivot met, and stops at one below 0.
fn cholesky(
    count: usize,
    entry: impl Fn(usize, usize) -> f64,
    factor: &mut [[f64; EVENTS_MAX]; EVENTS_MAX],
) -> f64 {
    let mut least = f64::INFINITY;
    for row in 0..count {
        for column in 0..=row {
            let known: f64 = (0..column).map(|k| factor[row][k] * factor[column][k]).sum();
            let left = entry(row, column) - known;
            if row == column {
                least = least.min(left);
                if left < 0.0 {
                    return left;
                }
                factor[row][row] = left.sqrt();
            } else {
                factor[row][column] = left / factor[column][column].max(f64::MIN_POSITIVE);
            }
        }
    }
    least
}

/// The integral of a function by 20 Gauss-Legendre nodes.
#[inline]
fn gauss_legendre(start: f64, end: f64, function: impl Fn(f64) -> f64) -> f64 {
    let (half, middle) = (0.5 * (end - start), 0.5 * (end + start));
    let sum: f64 = NODES
        .iter()
        .map(|&(node, weight)| weight * (function(middle - half * node) + function(middle + half * node)))
        .sum();
    half * sum
}

const NODES: [(f64, f64); 10] = [
    (0.076_526_521_133_497_33, 0.152_753_387_130_725_85),
    (0.227_785_851_141_645_08, 0.149_172_986_472_603_74),
    (0.373_706_088_715_419_56, 0.142_096_109_318_382_05),
    (0.510_867_001_950_827_1, 0.131_688_638_449_176_63),
    (0.636_053_680_726_515, 0.118_194_531_961_518_42),
    (0.746_331_906_460_150_8, 0.101_930_119_817_240_44),
    (0.839_116_971_822_218_8, 0.083_276_741_576_704_75),
    (0.912_234_428_251_326, 0.062_672_048_334_109_06),
    (0.963_971_927_277_913_8, 0.040_601_429_800_386_94),
    (0.993_128_599_185_094_9, 0.017_614_007_139_152_118),
];

#[rustfmt::skip]
const CENTRE: [[f64; 8]; 2] = [
    [3.387_132_872_796_366_5, 1.331_416_678_917_843_8e2, 1.971_590_950_306_551_3e3, 1.373_169_376_550_946e4,
     4.592_195_393_154_987e4, 6.726_577_092_700_87e4, 3.343_057_558_358_813e4, 2.509_080_928_730_122_7e3],
    [1.0, 4.231_333_070_160_091e1, 6.871_870_074_920_579e2, 5.394_196_021_424_751e3,
     2.121_379_430_158_659_7e4, 3.930_789_580_009_271e4, 2.872_908_573_572_194_3e4, 5.226_495_278_852_854e3],
];
#[rustfmt::skip]
const MIDDLE: [[f64; 8]; 2] = [
    [1.423_437_110_749_683_5, 4.630_337_846_156_546, 5.769_497_221_460_691, 3.647_848_324_763_204_5,
     1.270_458_252_452_368_4, 2.417_807_251_774_506e-1, 2.272_384_498_926_918_4e-2, 7.745_450_142_783_414e-4],
    [1.0, 2.053_191_626_637_759, 1.676_384_830_183_803_8, 6.897_673_349_851e-1,
     1.481_039_764_274_800_8e-1, 1.519_866_656_361_645_7e-2, 5.475_938_084_995_345e-4, 1.050_750_071_644_416_9e-9],
];
#[rustfmt::skip]
const TAIL: [[f64; 8]; 2] = [
    [6.657_904_643_501_103, 5.463_784_911_164_114, 1.784_826_539_917_291_3, 2.965_605_718_285_048_7e-1,
     2.653_218_952_657_612_4e-2, 1.242_660_947_388_078_4e-3, 2.711_555_568_743_487_6e-5, 2.010_334_399_292_288_1e-7],
    [1.0, 5.998_322_065_558_88e-1, 1.369_298_809_227_358e-1, 1.487_536_129_085_061_5e-2,
     7.868_691_311_456_133e-4, 1.846_318_317_510_054_8e-5, 1.421_511_758_316_446e-7, 2.044_263_103_389_939_8e-15],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(count: usize, rho: f64) -> Vec<f64> {
        (0..count * count).map(|i| if i / count == i % count { 1.0 } else { rho }).collect()
    }

    #[test]
    fn quantile_inverts_the_distribution() {
        for p in [1e-300, 1e-20, 1e-9, 0.001, 0.07, 0.075, 0.3, 0.5, 0.6, 0.93, 0.999, 1.0 - 1e-12] {
            let x = quantile(p);
            assert!((cdf(x) - p).abs() <= 4e-16 + 1e-13 * p.min(1.0 - p), "{p}: {x} {}", cdf(x));
        }
        assert!((quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    }

    /// At the origin the bivariate integral is 1/4 + asin(rho) / (2 pi); three variables add their pairs.
    #[test]
    fn orthants_have_their_closed_forms() {
        let angle = |rho: f64| rho.asin() / std::f64::consts::TAU;
        for rho in [-1.0, -0.999_999, -0.97, -0.5, 0.0, 0.35, 0.9, 0.93, 0.99, 1.0 - 1e-9, 1.0] {
            assert!((bivariate(0.0, 0.0, rho) - 0.25 - angle(rho)).abs() < 1e-12, "{rho}");
        }
        for rho in [[0.2, 0.3, 0.4], [-0.3, 0.5, -0.6], [0.8, 0.8, 0.7], [0.0, 0.0, 0.0]] {
            let want = 0.125 + 0.5 * rho.iter().map(|&rho| angle(rho)).sum::<f64>();
            assert!((trivariate([0.0; 3], rho) - want).abs() < 1e-12, "{rho:?}");
        }
    }

    /// Events that are conditionally independent given one normal factor: a plain integral is the truth.
    #[test]
    fn one_factor_models_agree_with_their_integral() {
        for (limits, loading) in [
            (vec![0.3, -0.4], 0.98_f64),
            (vec![1.5, 1.500_001], 0.999),
            (vec![-2.0, 1.0, 0.1], 0.7),
            (vec![0.5, 0.2, -0.3, 1.0], 0.6),
            (vec![0.5, 0.2, -0.3, 1.0, 0.0, 0.7], 0.4),
        ] {
            let spread = (1.0 - loading * loading).sqrt();
            let steps = 400_000;
            let mut want = 0.0;
            for step in 0..steps {
                let x = -9.0 + 18.0 * (step as f64 + 0.5) / steps as f64;
                let given: f64 = limits.iter().map(|limit| cdf((limit - loading * x) / spread)).product();
                want += density(x) * given * 18.0 / steps as f64;
            }
            let p: Vec<f64> = limits.iter().map(|&limit| cdf(limit)).collect();
            let got = gaussian_copula(&p, &equal(p.len(), loading * loading)).unwrap();
            let allowed = if p.len() <= 3 { 1e-10 } else { 1e-4 };
            assert!((got.probability - want).abs() < allowed, "{limits:?}: {got:?} {want}");
            assert!(got.error <= allowed);
        }
    }

    #[test]
    fn frechet_bounds_hold_at_the_ends() {
        for (p, q) in [(0.3, 0.6), (0.7, 0.6), (1e-9, 0.5), (1.0, 0.4), (0.0, 0.4)] {
            let joint = |rho: f64| gaussian_copula(&[p, q], &equal(2, rho)).unwrap().probability;
            assert!((joint(1.0) - f64::min(p, q)).abs() < 1e-15);
            assert!((joint(-1.0) - f64::max(p + q - 1.0, 0.0)).abs() < 1e-15);
            assert!((joint(0.0) - p * q).abs() < 1e-15);
            let mut last = 0.0;
            for step in -20..=20 {
                let now = joint(f64::from(step) / 20.0);
                assert!(now >= last - 1e-15);
                last = now;
            }
        }
    }

    #[test]
    fn impossible_matrices_are_refused() {
        let text = |p: &[f64], m: &[f64]| gaussian_copula(p, m).unwrap_err().to_string();
        assert_eq!(text(&[0.5, 1.2], &equal(2, 0.1)), "probability of an event 1.2 is outside 0..=1");
        assert_eq!(text(&[0.5; 3], &equal(2, 0.1)), "number of correlations 4 does not describe the events");
        assert_eq!(text(&[0.5; 2], &equal(2, 1.5)), "correlation 1.5 does not describe the events");
        assert!(gaussian_copula(&[0.5; 3], &equal(3, -0.9)).is_err());
        assert!(gaussian_copula(&[0.5; 2], &[1.0, 0.2, 0.3, 1.0]).is_err());
        assert!(gaussian_copula(&[0.5; 2], &equal(2, f64::NAN)).is_err());
        assert!(gaussian_copula(&[], &[]).is_err() && gaussian_copula(&[0.5; 13], &equal(13, 0.0)).is_err());
    }
}
