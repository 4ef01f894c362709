//! Tickets of any kind of bet: plans, what they pay, one by one and in batches.

use numpy::PyArray1;
use oddsengine_types::bets::{
    Base, Bet, Bonus, BonusRule, DeductionBand, Deductions, Effect, LINES_MAX, LegReturn, NAMES,
    PLAN_LEGS_MAX, Parts, PlaceTerms, Price, Reductions, Rounding, Share, ToCome, ToComeFormula, check_bets,
    composed, expected_return, expected_riding, named, ordered_lines, payout_exact, payout_minor,
    place_grade, riding_minor, to_come_exact, unordered_lines,
};
use oddsengine_types::{
    BoundsError, Grade, MONEY_MINOR_MAX, ODDS_E4_MAX, ODDS_E4_MIN, Odds, STAKE_MINOR_MAX,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::arrays::{Matrix, Whole};
use crate::convert::is_strict;
use crate::errors::{OrRaise, raise_in_row};
use crate::odds::struck_odds;

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<BetPlan>()?;
    module.add_class::<PyLegReturn>()?;
    module.add_class::<PyBonus>()?;
    module.add_class::<PyDeductions>()?;
    module.add_function(wrap_pyfunction!(bets_names, module)?)?;
    module.add_function(wrap_pyfunction!(bets_leg, module)?)?;
    module.add_function(wrap_pyfunction!(bets_place_grade, module)?)?;
    module.add_function(wrap_pyfunction!(bets_place_terms, module)?)?;
    module.add_function(wrap_pyfunction!(bets_placed_price, module)?)?;
    module.add_function(wrap_pyfunction!(bets_better_price, module)?)?;
    module.add_function(wrap_pyfunction!(bets_reduced_odds, module)?)?;
    module.add_function(wrap_pyfunction!(bets_lay_liability, module)?)?;
    module.add_function(wrap_pyfunction!(bets_finish_lines, module)?)
}

/// The kinds of each batch row's grade, by number: the order of `settle.GRADES`.
const GRADES: [(&str, Grade); 5] = [
    ("won", Grade::WON),
    ("lost", Grade::LOST),
    ("void", Grade::VOID),
    ("half_won", Grade::HALF_WON),
    ("half_lost", Grade::HALF_LOST),
];

const PARTS: [&str; 4] = ["win", "place", "each_way", "equally_divided"];
const ROUNDINGS: [&str; 4] = ["down", "half_up", "half_even", "up"];
const FORMULAS: [&str; 3] = ["win_place", "equally_divided", "win_first"];
const BASES: [(&str, Base); 3] =
    [("return", Base::Return), ("winnings", Base::Winnings), ("stake", Base::Stake)];

fn place_of(what: &str, word: &str, words: &[&str]) -> Result<usize, BoundsError> {
    let found = words.iter().position(|known| *known == word);
    found.ok_or_else(|| BoundsError::new(format!("{what} {word:?} is none of {}", words.join(", "))))
}

fn grade_named(word: &str) -> Result<Grade, BoundsError> {
    match GRADES.iter().find(|(known, _)| *known == word) {
        Some((_, grade)) => Ok(*grade),
        None => {
            let known: Vec<&str> = GRADES.iter().map(|(known, _)| *known).collect();
            Err(BoundsError::new(format!("grade {word:?} is none of {}", known.join(", "))))
        }
    }
}

fn grade_of_parts((Whole(win), Whole(refund), Whole(of)): GradeParts) -> Result<Grade, BoundsError> {
    let wrong = || BoundsError::new(format!("grade ({win} + {refund}) / {of} is not a share of the stake"));
    Grade::new(win, refund, of).ok_or_else(wrong)
}

type GradeParts = (Whole<u16>, Whole<u16>, Whole<u16>);
/// A fraction of Python's: numerator and denominator.
type Ratio = (u64, u64);

/// What one leg returns, exactly: of a win part and of a place part.
#[pyclass(frozen, eq, hash, module = "oddsengine._core", name = "LegReturn")]
#[derive(Clone, PartialEq, Eq, Hash)]
struct PyLegReturn {
    leg: LegReturn,
}

#[pymethods]
impl PyLegReturn {
    /// Numerators of the win part and of the place part, and their denominator.
    fn parts(&self) -> (u64, u64, u64) {
        self.leg.parts()
    }

    fn __repr__(&self) -> String {
        let (win, place, of) = self.leg.parts();
        format!("LegReturn(win={win}/{of}, place={place}/{of})")
    }
}

/// A house bonus.
#[pyclass(frozen, module = "oddsengine._core", name = "Bonus")]
struct PyBonus {
    bonus: Bonus,
}

/// Legs, winners, voids, parts of places too, effect and its share.
type RuleParts = (Whole<u8>, (Whole<u8>, Whole<u8>), Whole<u8>, bool, String, (Whole<u32>, Whole<u32>));

#[pymethods]
impl PyBonus {
    #[new]
    fn new(rules: Vec<RuleParts>) -> PyResult<Self> {
        let rule = |(legs, winners, voids, is_for_places, effect, share): &RuleParts| {
            let share = Share::new(share.0.0, share.1.0)?;
            let effect = match effect.as_str() {
                "odds" => Effect::Odds { times: share },
                other => match BASES.iter().find(|(known, _)| *known == other) {
                    Some(&(_, of)) => Effect::Share { share, of },
                    None => {
                        let text = format!("effect {other:?} is none of odds, return, winnings, stake");
                        return Err(BoundsError::new(text));
                    }
                },
            };
            Ok(BonusRule {
                legs: legs.0,
                winners_min: winners.0.0,
                winners_max: winners.1.0,
                voids_max: voids.0,
                is_for_places: *is_for_places,
                effect,
            })
        };
        let rules = rules.iter().map(rule).collect::<Result<Vec<_>, BoundsError>>().or_raise()?;
        Bonus::new(&rules).or_raise().map(|bonus| Self { bonus })
    }
}

/// A Rule 4 table.
#[pyclass(frozen, module = "oddsengine._core", name = "Deductions")]
struct PyDeductions {
    table: Deductions,
}

#[pymethods]
impl PyDeductions {
    #[staticmethod]
    fn named(house: &str, version: Whole<u16>) -> PyResult<Self> {
        match Deductions::named(house, version.0) {
            Some(table) => Ok(Self { table }),
            None => {
                let known = oddsengine_types::bets::DEDUCTION_TABLES;
                let known: Vec<String> =
                    known.iter().map(|table| format!("{} {}", table.house, table.version)).collect();
                let text = format!("deduction table {house:?} {} is none of {}", version.0, known.join(", "));
                Err(BoundsError::new(text)).or_raise()
            }
        }
    }

    #[staticmethod]
    fn from_rows(
        rows: Vec<(f64, Option<f64>, Whole<u8>)>,
        step: f64,
        percent_max: Whole<u8>,
    ) -> PyResult<Self> {
        let e4 = |price: f64| {
            let e4 = (price * 10_000.0).round();
            let is_inside = (10_000.0..=f64::from(ODDS_E4_MAX)).contains(&e4);
            if is_inside {
                Ok(e4 as u32)
            } else {
                Err(BoundsError::outside("price of a band", price, 1, 1_000))
            }
        };
        let row = |(low, high, percent): &(f64, Option<f64>, Whole<u8>)| {
            let high_e4 = high.map_or(Ok(ODDS_E4_MAX), e4)?;
            Ok(DeductionBand { low_e4: e4(*low)?, high_e4, percent: percent.0 })
        };
        let rows = rows.iter().map(row).collect::<Result<Vec<_>, BoundsError>>().or_raise()?;
        if !(0.0001..=1.0).contains(&step) {
            return Err(BoundsError::outside("step of prices", step, 0.0001, 1)).or_raise();
        }
        let step_e4 = (step * 10_000.0).round() as u32;
        Deductions::from_rows(&rows, step_e4, percent_max.0).or_raise().map(|table| Self { table })
    }

    /// Per cent for all, at most the table's most.
    fn percent(&self, withdrawn: Vec<f64>) -> PyResult<u8> {
        let e4 = |&price: &f64| Odds::from_decimal_down(price).map(Odds::e4);
        let prices = withdrawn.iter().map(e4).collect::<Result<Vec<_>, BoundsError>>().or_raise()?;
        Ok(self.table.percent_of(&prices))
    }
}

/// The bets of a ticket, ready to be paid.
#[pyclass(frozen, module = "oddsengine._core", name = "BetPlan")]
struct BetPlan {
    bets: Vec<Bet>,
    to_come: Vec<ToCome>,
    /// Stake of one unit of the lines to come.
    unit_minor: i64,
    formula: ToComeFormula,
    bonuses: Vec<Bonus>,
    legs: usize,
    lines: u64,
    stake_minor: i64,
}

impl BetPlan {
    fn checked(mut self) -> Result<Self, BoundsError> {
        if !self.bets.is_empty() && self.to_come.is_empty() {
            check_bets(&self.bets, self.legs)?;
        }
        let mut quarters: i128 = 0;
        for line in &self.to_come {
            line.check(self.legs)?;
            quarters += i128::from(line.quarters) * i128::from(line.parts.bets());
        }
        let mut stake = i128::from(self.unit_minor) * quarters;
        for bet in &self.bets {
            let lines = i128::from(bet.lines()?);
            if 4 % bet.stake_of == 0 {
                stake += lines * i128::from(bet.stake_minor) * i128::from(4 / bet.stake_of);
            } else {
                stake += 4 * i128::from(bet.stake_total_minor()?);
            }
        }
        if stake % 4 != 0 || !(4..=4 * i128::from(STAKE_MINOR_MAX)).contains(&stake) {
            let text = stake as f64 / 4.0;
            return Err(BoundsError::outside("stake in minor units", text, 1, STAKE_MINOR_MAX));
        }
        if !(1..=LINES_MAX).contains(&self.lines) {
            return Err(BoundsError::outside("number of lines", self.lines, 1, LINES_MAX));
        }
        self.stake_minor = (stake / 4) as i64;
        Ok(self)
    }

    fn paid(&self, returns: &[LegReturn], rounding: Rounding) -> i64 {
        payout_minor(&self.bets, returns, &self.bonuses, rounding)
    }

    fn fit(&self, count: usize) -> Result<(), BoundsError> {
        if count == self.legs {
            return Ok(());
        }
        Err(BoundsError::new(format!("number of legs {count} is not {}, that of the plan", self.legs)))
    }
}

/// Names of grades as Python's own strings, so that a word is mostly told by its address.
static GRADE_WORDS: PyOnceLock<[Py<PyString>; 5]> = PyOnceLock::new();

fn leg_of(item: &Bound<'_, PyAny>) -> PyResult<LegReturn> {
    if let Ok(pair) = item.cast_exact::<PyTuple>()
        && pair.len() == 2
    {
        let (odds, grade) = (pair.get_borrowed_item(0)?, pair.get_borrowed_item(1)?);
        let odds = match odds.cast_exact::<PyFloat>() {
            Ok(odds) => odds.value(),
            Err(_) if odds.is_exact_instance_of::<PyInt>() => odds.extract()?,
            // Exact prices, NumPy's numbers, and what is none.
            Err(_) => return slow_leg(item),
        };
        let odds_e4 = struck_e4(odds).or_raise()?;
        if grade.is_instance_of::<PyString>() {
            let words = GRADE_WORDS.get_or_init(item.py(), || {
                GRADES.map(|(word, _)| PyString::intern(item.py(), word).unbind())
            });
            let known = words.iter().position(|word| word.is(&*grade));
            let grade = match known {
                Some(place) => GRADES[place].1,
                None => grade_named(&grade.extract::<String>()?).or_raise()?,
            };
            return Ok(LegReturn::graded(odds_e4, grade));
        }
        return match grade.extract::<GradeParts>() {
            Ok(parts) => Ok(LegReturn::graded(odds_e4, grade_of_parts(parts).or_raise()?)),
            Err(_) => slow_leg(item),
        };
    }
    if let Ok(leg) = item.cast::<PyLegReturn>() {
        return Ok(leg.get().leg);
    }
    slow_leg(item)
}

/// A leg as Python reads it.
#[cold]
fn slow_leg(item: &Bound<'_, PyAny>) -> PyResult<LegReturn> {
    let leg = item.py().import("oddsengine._bets")?.call_method1("_leg_return", (item,))?;
    Ok(leg.cast::<PyLegReturn>()?.get().leg)
}

fn legs_of(legs: &Bound<'_, PyAny>) -> PyResult<([LegReturn; PLAN_LEGS_MAX], usize)> {
    let mut found = [LegReturn::VOID; PLAN_LEGS_MAX];
    let mut count = 0;
    let mut add = |item: &Bound<'_, PyAny>| {
        if count == PLAN_LEGS_MAX {
            return Err(BoundsError::outside("number of legs", count + 1, 1, PLAN_LEGS_MAX)).or_raise();
        }
        found[count] = leg_of(item)?;
        count += 1;
        PyResult::Ok(())
    };
    if let Ok(list) = legs.cast_exact::<PyList>() {
        for item in list.iter() {
            add(&item)?;
        }
    } else {
        for item in legs.try_iter()? {
            add(&item?)?;
        }
    }
    Ok((found, count))
}

type BetParts = (u64, u64, u64, i64, u32, String, u16);

#[pymethods]
impl BetPlan {
    /// A plan by a name, or by sizes of lines; see `settle.plan`.
    #[staticmethod]
    #[pyo3(signature = (name, sizes, legs, bankers, stake_minor, total_minor, flexi, parts, bonus, every, formula))]
    #[allow(clippy::too_many_arguments)]
    fn make(
        name: Option<&str>,
        sizes: Vec<u32>,
        legs: Whole<usize>,
        bankers: Vec<usize>,
        stake_minor: Option<Whole<i64>>,
        total_minor: Option<Whole<i64>>,
        flexi: bool,
        parts: &str,
        bonus: Option<&PyBonus>,
        every: bool,
        formula: &str,
    ) -> PyResult<Self> {
        let request = Request {
            name,
            sizes: &sizes,
            legs: legs.0,
            bankers: &bankers,
            stake_minor: stake_minor.map(|stake| stake.0),
            total_minor: total_minor.map(|total| total.0),
            flexi,
            parts,
            every,
            formula,
        };
        let bonuses: Vec<Bonus> = bonus.map(|bonus| bonus.bonus.clone()).into_iter().collect();
        request.plan(bonuses).or_raise()
    }

    /// The bets of several plans on the same legs as one plan.
    #[staticmethod]
    fn joined(plans: Vec<PyRef<'_, BetPlan>>) -> PyResult<Self> {
        let join = || {
            let Some(first) = plans.first() else {
                return Err(BoundsError::outside("number of plans", 0, 1, oddsengine_types::bets::BETS_MAX));
            };
            let mut all = BetPlan {
                bets: Vec::new(),
                to_come: Vec::new(),
                unit_minor: first.unit_minor,
                formula: first.formula,
                bonuses: Vec::new(),
                legs: first.legs,
                lines: 0,
                stake_minor: 0,
            };
            for plan in &plans {
                all.fit(plan.legs)?;
                if !plan.to_come.is_empty() && (plans.len() > 1) {
                    return Err(BoundsError::new("a plan with any-to-come lines is a ticket of its own"));
                }
                let before = all.bonuses.len() as u16;
                all.bonuses.extend_from_slice(&plan.bonuses);
                all.to_come.extend_from_slice(&plan.to_come);
                all.bets.extend(plan.bets.iter().map(|bet| match bet.bonus {
                    0 => *bet,
                    bonus => bet.with_bonus(bonus + before),
                }));
                all.lines += plan.lines;
            }
            all.checked()
        };
        join().or_raise()
    }

    #[getter]
    fn legs(&self) -> usize {
        self.legs
    }

    #[getter]
    fn lines(&self) -> u64 {
        self.lines
    }

    #[getter]
    fn stake_minor(&self) -> i64 {
        self.stake_minor
    }

    /// Legs, bankers and sizes as bits, the line stake and its divisor, parts, and the bonus counted from 1.
    fn bets(&self) -> Vec<BetParts> {
        let parts = |bet: &Bet| {
            let on = PARTS[bet.parts as usize].to_string();
            (bet.legs, bet.bankers, bet.sizes, bet.stake_minor, bet.stake_of, on, bet.bonus)
        };
        self.bets.iter().map(parts).collect()
    }

    fn is_rounded_here(&self) -> bool {
        self.to_come.is_empty()
    }

    /// What the plan pays for legs of (odds, grade) or leg returns.
    fn payout(&self, legs: &Bound<'_, PyAny>, rounding: &str) -> PyResult<i64> {
        let (returns, count) = legs_of(legs)?;
        self.fit(count).and_then(|()| self.only_bets()).or_raise()?;
        let rounding = match rounding {
            "down" => Rounding::Down,
            other => Rounding::ALL[place_of("rounding", other, &ROUNDINGS).or_raise()?],
        };
        self.money(self.paid(&returns[..count], rounding)).or_raise()
    }

    /// The exact return: bytes of numerator and denominator, of bets in minor units and of lines to come in units.
    fn exact(&self, legs: &Bound<'_, PyAny>) -> PyResult<ExactBytes> {
        let (returns, count) = legs_of(legs)?;
        self.fit(count).or_raise()?;
        let returns = &returns[..count];
        let bytes = |limbs: Vec<u64>| limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect::<Vec<u8>>();
        let bets = if self.bets.is_empty() {
            (vec![], vec![1])
        } else {
            payout_exact(&self.bets, returns, &self.bonuses)
        };
        let to_come = to_come_exact(&self.to_come, returns, self.formula);
        Ok(((bytes(bets.0), bytes(bets.1)), (bytes(to_come.0), bytes(to_come.1)), self.unit_minor))
    }

    /// Per leg, what rides on its win part and its place part.
    fn riding(&self, legs: &Bound<'_, PyAny>) -> PyResult<Vec<(i64, i64)>> {
        let (returns, count) = legs_of(legs)?;
        self.fit(count).and_then(|()| self.only_bets()).or_raise()?;
        Ok((0..count).map(|leg| riding_minor(&self.bets, &returns[..count], leg)).collect())
    }

    /// Expected return and what rides on each leg, for expected returns of (win, place).
    fn expected(&self, returns: Vec<(f64, f64)>) -> PyResult<(f64, Vec<(f64, f64)>)> {
        self.fit(returns.len()).and_then(|()| self.only_bets()).or_raise()?;
        let riding = (0..returns.len()).map(|leg| expected_riding(&self.bets, &returns, leg)).collect();
        Ok((expected_return(&self.bets, &returns), riding))
    }

    /// Payouts of many tickets of this plan: a row of odds and a row of grades by number each.
    fn payouts<'py>(
        &self,
        py: Python<'py>,
        odds: &Bound<'py, PyAny>,
        grades: &Bound<'py, PyAny>,
        rounding: &str,
        errors: &str,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let (odds, grades) = (Matrix::<f64>::named(odds, "odds")?, Matrix::<u8>::named(grades, "grades")?);
        let is_strict = is_strict(errors)?;
        let rounding = Rounding::ALL[place_of("rounding", rounding, &ROUNDINGS).or_raise()?];
        self.only_bets().or_raise()?;
        let ((odds, rows, legs), (grades, grade_rows, grade_legs)) = (odds.parts()?, grades.parts()?);
        if (rows, legs) != (grade_rows, grade_legs) {
            let text =
                format!("odds of shape ({rows}, {legs}) and grades of ({grade_rows}, {grade_legs}) differ");
            return Err(BoundsError::new(text)).or_raise();
        }
        self.fit(legs).or_raise()?;
        let row = |row: usize| {
            let mut returns = [LegReturn::VOID; PLAN_LEGS_MAX];
            let at = row * legs;
            let (odds, grades) = (&odds[at..at + legs], &grades[at..at + legs]);
            for ((leg, &odds), &grade) in returns.iter_mut().zip(odds).zip(grades) {
                let Some(&(_, grade)) = GRADES.get(usize::from(grade)) else {
                    return Err(BoundsError::outside("number of a grade", grade, 0, GRADES.len() - 1));
                };
                *leg = LegReturn::graded(struck_e4(odds)?, grade);
            }
            self.money(self.paid(&returns[..legs], rounding))
        };
        let mut paid = Vec::with_capacity(rows);
        for index in 0..rows {
            match row(index) {
                Ok(amount) => paid.push(amount),
                Err(error) if is_strict => return Err(raise_in_row(py, &error, "row", index)),
                Err(_) => paid.push(-1),
            }
        }
        Ok(PyArray1::from_vec(py, paid))
    }
}

type ExactBytes = ((Vec<u8>, Vec<u8>), (Vec<u8>, Vec<u8>), i64);

/// Odds rounded down to four decimals, as bets are struck; the common two decimals without a division.
fn struck_e4(odds: f64) -> Result<u32, BoundsError> {
    let e4 = odds * 10_000.0;
    let nearest = e4.round();
    if (e4 - nearest).abs() <= 1e-7 && (f64::from(ODDS_E4_MIN)..=f64::from(ODDS_E4_MAX)).contains(&nearest) {
        return Ok(nearest as u32);
    }
    struck_odds(odds).map(Odds::e4)
}

impl BetPlan {
    fn only_bets(&self) -> Result<(), BoundsError> {
        match self.to_come.is_empty() {
            true => Ok(()),
            false => Err(BoundsError::new("a plan with any-to-come lines has no sum over lines")),
        }
    }

    /// A payout; the engine's stop at the largest amount, here it is a number that would be too low.
    fn money(&self, payout_minor: i64) -> Result<i64, BoundsError> {
        match payout_minor {
            MONEY_MINOR_MAX => {
                let what = format!(
                    "payout of {MONEY_MINOR_MAX} minor units or more is outside 0..{MONEY_MINOR_MAX}"
                );
                Err(BoundsError::new(what))
            }
            payout_minor => Ok(payout_minor),
        }
    }
}

struct Request<'a> {
    name: Option<&'a str>,
    sizes: &'a [u32],
    legs: usize,
    bankers: &'a [usize],
    stake_minor: Option<i64>,
    total_minor: Option<i64>,
    flexi: bool,
    parts: &'a str,
    every: bool,
    formula: &'a str,
}

impl Request<'_> {
    fn plan(&self, bonuses: Vec<Bonus>) -> Result<BetPlan, BoundsError> {
        let parts = Parts::ALL[place_of("parts", self.parts, &PARTS)?];
        let formula = match place_of("formula", self.formula, &FORMULAS)? {
            0 => ToComeFormula::WinPlace,
            1 => ToComeFormula::EquallyDivided,
            _ => ToComeFormula::WinFirst,
        };
        if self.stake_minor.is_some() == self.total_minor.is_some() {
            return Err(BoundsError::new("give either the stake of a line or the stake in all"));
        }
        let unit_minor = self.stake_minor.unwrap_or(1);
        if !(1..=STAKE_MINOR_MAX).contains(&unit_minor) {
            return Err(BoundsError::outside("stake in minor units", unit_minor, 1, STAKE_MINOR_MAX));
        }
        if !(1..=PLAN_LEGS_MAX).contains(&self.legs) {
            return Err(BoundsError::outside("number of legs", self.legs, 1, PLAN_LEGS_MAX));
        }
        let mut bankers = 0_u64;
        for &leg in self.bankers {
            if leg >= self.legs {
                return Err(BoundsError::outside("leg of a banker", leg, 0, self.legs - 1));
            }
            bankers |= 1 << leg;
        }
        let mut plan = BetPlan {
            bets: Vec::new(),
            to_come: Vec::new(),
            unit_minor,
            formula,
            bonuses,
            legs: self.legs,
            lines: 0,
            stake_minor: 0,
        };
        let chosen = self.legs - bankers.count_ones() as usize;
        let on_legs = |bet: Bet| Bet { legs: spread(bet.legs, bankers), bankers, parts, ..bet };
        match self.name {
            None => {
                let bet = Bet::of_sizes(oddsengine_types::bets::first_legs(chosen)?, self.sizes, unit_minor)?;
                plan.bets.push(on_legs(bet));
            }
            Some(name) => match (named(name), self.every) {
                (Some(known), false) => plan.bets.push(on_legs(known.bet(chosen, unit_minor)?)),
                (Some(known), true) => {
                    plan.bets.extend(known.every_of(chosen, unit_minor)?.into_iter().map(on_legs));
                }
                (None, false) if bankers == 0 => match composed(name, self.legs, parts)? {
                    Some(found) => {
                        plan.lines = (found.quarters()? / 4) as u64;
                        plan.to_come = found.to_come;
                        let staked = |bet: &Bet| {
                            let stake = bet.stake_minor.saturating_mul(unit_minor);
                            match stake % 4 {
                                0 => Bet { stake_minor: stake / 4, ..*bet },
                                _ => Bet { stake_minor: stake, stake_of: 4, ..*bet },
                            }
                        };
                        plan.bets = found.bets.iter().map(staked).collect();
                    }
                    None => return Err(unknown(name)),
                },
                _ => return Err(unknown(name)),
            },
        }
        if plan.lines == 0 {
            for bet in &plan.bets {
                plan.lines += bet.lines()? * (bet.stake_minor / unit_minor) as u64;
            }
        }
        if let Some(total) = self.total_minor {
            let lines = plan.lines as i64;
            if self.flexi && plan.to_come.is_empty() && !self.every {
                plan.bets = match plan.bets.as_slice() {
                    [bet] => vec![bet.flexi(total)?],
                    _ => return Err(BoundsError::new("a composed bet is staked by the line, not flexi")),
                };
            } else if total > 0 && total % lines == 0 {
                let again = Request { stake_minor: Some(total / lines), total_minor: None, ..*self };
                return again.plan(plan.bonuses);
            } else {
                let lower = total.max(0) / lines * lines;
                return Err(BoundsError::new(format!(
                    "total stake of {total} minor units is no multiple of its {lines} lines; {lower} is"
                )));
            }
        }
        if !plan.bonuses.is_empty() {
            for bet in &mut plan.bets {
                bet.bonus = 1;
            }
        }
        plan.checked()
    }
}

/// The lowest bits of a mask on the places that are no bankers.
fn spread(mask: u64, bankers: u64) -> u64 {
    let free = (0..PLAN_LEGS_MAX).filter(|place| bankers >> place & 1 == 0);
    let chosen = free.enumerate().filter(|(index, _)| mask >> index & 1 == 1);
    chosen.fold(0, |spread, (_, place)| spread | 1 << place)
}

#[cold]
fn unknown(name: &str) -> BoundsError {
    BoundsError::new(format!("bet {name:?} is none of settle.BETS"))
}

/// Every plain name: (name, legs or 0, sizes as bits).
#[pyfunction]
fn bets_names() -> Vec<(&'static str, usize, u64)> {
    let composed = oddsengine_types::bets::composed_names().map(|(name, legs)| (name, legs, 0));
    NAMES.iter().map(|named| (named.name, named.legs, named.sizes)).chain(composed).collect()
}

/// Numerator and denominator of the win and of the place price, the grades, deductions of both parts, and whether they are from the return.
type LegRequest = ((Ratio, GradeParts), (Ratio, GradeParts), (Whole<u32>, Whole<u32>), bool);

#[pyfunction]
fn bets_leg(request: LegRequest) -> PyResult<PyLegReturn> {
    let make = || {
        let ((win, win_grade), (place, place_grade), (win_percent, place_percent), is_of_return) = request;
        let (win_off, place_off) = (Share::percent(win_percent.0)?, Share::percent(place_percent.0)?);
        let price = |(above, below): Ratio, off: Share| {
            let price = Price::new(above, below)?;
            Ok::<_, BoundsError>(if is_of_return { price } else { price.less(off) })
        };
        let win = (price(win, win_off)?, grade_of_parts(win_grade)?);
        let place = (price(place, place_off)?, grade_of_parts(place_grade)?);
        let leg = LegReturn::each_way(win, place)?;
        if is_of_return { leg.less_of_return(win_off, place_off) } else { Ok(leg) }
    };
    make().or_raise().map(|leg| PyLegReturn { leg })
}

#[pyfunction]
fn bets_place_grade(
    position: Option<Whole<u16>>,
    tied: Whole<u16>,
    places: Whole<u16>,
) -> PyResult<(u16, u16, u16)> {
    let grade = place_grade(position.map(|position| position.0), tied.0, places.0).or_raise()?;
    Ok(grade.parts())
}

#[pyfunction]
fn bets_place_terms(
    house: &str,
    version: Whole<u16>,
    runners: Whole<u16>,
    is_handicap: bool,
) -> PyResult<(u16, (u32, u32))> {
    match PlaceTerms::of_field(house, version.0, runners.0, is_handicap) {
        Some(terms) => Ok((terms.places, terms.fraction.parts())),
        None => {
            let known = oddsengine_types::bets::FIELD_TERMS;
            let known: Vec<String> =
                known.iter().map(|terms| format!("{} {}", terms.house, terms.version)).collect();
            let text = format!("place terms {house:?} {} are none of {}", version.0, known.join(", "));
            Err(BoundsError::new(text)).or_raise()
        }
    }
}

#[pyfunction]
fn bets_placed_price(price: Ratio, fraction: (Whole<u32>, Whole<u32>)) -> PyResult<Ratio> {
    let placed = || {
        let fraction = Share::new(fraction.0.0, fraction.1.0)?;
        PlaceTerms::new(1, fraction)?;
        Ok::<_, BoundsError>(Price::new(price.0, price.1)?.placed(fraction).parts())
    };
    placed().or_raise()
}

#[pyfunction]
fn bets_better_price(taken: Ratio, starting: Ratio) -> PyResult<Ratio> {
    let better =
        || Ok::<_, BoundsError>(Price::new(taken.0, taken.1)?.better(Price::new(starting.0, starting.1)?));
    better().or_raise().map(Price::parts)
}

fn market_of(market: &str) -> PyResult<Reductions> {
    match place_of("market", market, &["win", "place"]).or_raise()? {
        0 => Ok(Reductions::Win),
        _ => Ok(Reductions::Place),
    }
}

#[pyfunction]
fn bets_reduced_odds(market: &str, odds: f64, factors_bips: Vec<u32>) -> PyResult<f64> {
    let market = market_of(market)?;
    let odds_e4 = struck_odds(odds).or_raise()?.e4();
    let reduced = factors_bips.iter().fold(odds_e4, |odds_e4, &bips| market.reduced_odds_e4(odds_e4, bips));
    Ok(f64::from(reduced) / 10_000.0)
}

#[pyfunction]
fn bets_lay_liability(market: &str, liability_minor: i64, own_bips: u32, removed_bips: u32) -> PyResult<i64> {
    if !(0..=MONEY_MINOR_MAX).contains(&liability_minor) {
        return Err(BoundsError::outside("liability in minor units", liability_minor, 0, MONEY_MINOR_MAX))
            .or_raise();
    }
    Ok(market_of(market)?.lay_liability_minor(liability_minor, own_bips, removed_bips))
}

/// Lines of a bet on the first finishers of a race, in order or in any.
#[pyfunction]
fn bets_finish_lines(runners: Whole<usize>, places: Whole<usize>, is_ordered: bool) -> PyResult<u64> {
    let lines = if is_ordered { ordered_lines } else { unordered_lines };
    lines(runners.0, places.0).or_raise()
}
