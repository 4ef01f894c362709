//! A sport as data: an outcome space, views and markets that somebody else defined.
//!
//! The definition holds what a sport's module holds as code: how many outcomes there are, which of them each view
//! tells apart, and the grade of every selection on every cell of its view. Risk, bets and settlement treat it like
//! any other sport. What may still happen is told by the feed, as ranges of outcomes; prices come as probabilities of
//! the outcomes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use oddsengine_types::bounds::{KEY_BYTES_MAX, NAME_BYTES_MAX};
use oddsengine_types::{
    BoundsError, Decode, DecodeError, Encode, Grade, Reader, StateHash, codec_enum, codec_struct,
};

use crate::format::CUSTOM;
use crate::joint::{JointSpace, MAIN_CELLS_MAX, ViewMap};
use crate::live::{IncidentError, LiveChange, LivePhase, LiveSummary};
use crate::template::{
    GRADES_MAX, MarketDefinition, MarketId, Rules, SELECTIONS_MAX, SelectionId, Template, VIEW_CELLS_MAX,
    View, text_id,
};

/// Most views of a space.
pub const VIEWS_MAX: usize = 255;
/// Most selections of a space.
pub const SPACE_SELECTIONS_MAX: usize = 20_000;
/// Most numbers of a live state.
pub const STATE_VALUES_MAX: usize = 32;

/// The name of a space as a number: what fixtures carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceId(pub u64);

impl Encode for SpaceId {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for SpaceId {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u64::decode(input).map(Self)
    }
}

impl SpaceId {
    /// The id of a name.
    pub fn of(name: &str) -> Self {
        Self(text_id(&[name.as_bytes()]))
    }
}

/// An outcome space with its markets, as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceDefinition {
    /// The name that fixtures refer to.
    pub name: String,
    /// Number of outcomes, 2..=65,535.
    pub outcome_count: u32,
    /// The views.
    pub views: Vec<SpaceView>,
    /// The markets, at least one.
    pub markets: Vec<SpaceMarket>,
}
codec_struct!(SpaceDefinition { name, outcome_count, views, markets });

/// A projection of the outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceView {
    /// The name, for display.
    pub name: String,
    /// The cell of every outcome; every cell from 0 to the largest occurs.
    pub cell_of_outcome: Vec<u8>,
}
codec_struct!(SpaceView { name, cell_of_outcome });

/// A market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceMarket {
    /// Its name within the fixture.
    pub key: String,
    /// Index of the view that its selections live on.
    pub view: u8,
    /// How many selections win.
    pub winners: u8,
    /// The selections, at least one.
    pub selections: Vec<SpaceSelection>,
}
codec_struct!(SpaceMarket { key, view, winners, selections });

/// A selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceSelection {
    /// Its name within the market.
    pub name: String,
    /// Its grade on every cell of the view.
    pub grades: Vec<Grade>,
}
codec_struct!(SpaceSelection { name, grades });

impl SpaceDefinition {
    /// The id of its name.
    pub fn id(&self) -> SpaceId {
        SpaceId::of(&self.name)
    }

    /// What is wrong with it, if anything is.
    ///
    /// # Errors
    /// The first part outside its range, named.
    pub fn check(&self) -> Result<(), BoundsError> {
        check_text("name of the space", &self.name, NAME_BYTES_MAX)?;
        check_count("outcome_count", self.outcome_count as usize, 2, MAIN_CELLS_MAX)?;
        check_count("views", self.views.len(), 1, VIEWS_MAX)?;
        check_count("markets", self.markets.len(), 1, usize::from(u16::MAX) - 1)?;
        let cell_counts: Vec<usize> =
            self.views.iter().map(|view| self.check_view(view)).collect::<Result<_, _>>()?;
        let mut known = Known { grades: vec![Grade::LOST], ..Known::default() };
        self.markets.iter().try_for_each(|market| check_market(market, &cell_counts, &mut known))?;
        check_count("selections", known.selections.len(), 1, SPACE_SELECTIONS_MAX)
    }

    /// The number of cells of a view.
    fn check_view(&self, view: &SpaceView) -> Result<usize, BoundsError> {
        let (name, outcomes) = (&view.name, self.outcome_count as usize);
        check_text("name of a view", name, NAME_BYTES_MAX)?;
        check_count(&format!("outcomes of view {name}"), view.cell_of_outcome.len(), outcomes, outcomes)?;
        let mut occurs = [false; VIEW_CELLS_MAX];
        view.cell_of_outcome.iter().for_each(|&cell| occurs[usize::from(cell)] = true);
        let cell_count = occurs.iter().rposition(|&occurs| occurs).map_or(0, |last| last + 1);
        match occurs[..cell_count].iter().position(|&occurs| !occurs) {
            Some(absent) => Err(BoundsError::new(format!("cell {absent} of view {name} has no outcome"))),
            None => Ok(cell_count),
        }
    }

    /// Compiles it, once per distinct content; the same content gives the same template.
    ///
    /// # Errors
    /// As [`SpaceDefinition::check`].
    pub fn compile(&self) -> Result<&'static Template, BoundsError> {
        static COMPILED: LazyLock<Mutex<BTreeMap<[u8; 16], &'static Template>>> =
            LazyLock::new(Mutex::default);
        self.check()?;
        let StateHash(content) = StateHash::of(&oddsengine_types::codec::encode_to_vec(self));
        let mut compiled = COMPILED.lock().expect("compiling does not panic for a checked space");
        Ok(*compiled.entry(content).or_insert_with(|| Box::leak(Box::new(self.template()))))
    }

    fn template(&self) -> Template {
        let view = |view: &SpaceView| View {
            name: view.name.clone(),
            cell_count: view.cell_of_outcome.iter().max().map_or(0, |&last| usize::from(last) + 1),
        };
        let maps = self.views.iter().map(|view| ViewMap::Exact(view.cell_of_outcome.clone())).collect();
        let definitions: Vec<MarketDefinition<(u8, &[Grade])>> = self
            .markets
            .iter()
            .map(|market| MarketDefinition {
                key: market.key.clone(),
                winners: market.winners,
                selections: market
                    .selections
                    .iter()
                    .map(|selection| (selection.name.clone(), (market.view, selection.grades.as_slice())))
                    .collect(),
            })
            .collect();
        Template::compile(
            CUSTOM,
            self.views.iter().map(view).collect(),
            JointSpace { main_count: self.outcome_count as usize, maps },
            &definitions,
            |(view, _)| *view,
            |(_, grades), _, cell| grades[cell],
            |_| Rules::Custom,
        )
    }
}

/// What the markets of a space have told so far.
#[derive(Default)]
struct Known {
    grades: Vec<Grade>,
    keys: BTreeSet<MarketId>,
    selections: BTreeSet<SelectionId>,
}

fn check_market(market: &SpaceMarket, cell_counts: &[usize], known: &mut Known) -> Result<(), BoundsError> {
    let key = &market.key;
    check_text("market key", key, KEY_BYTES_MAX)?;
    if key.contains('/') {
        return Err(BoundsError::new(format!("market key {key} holds the slash that ends a key")));
    }
    // Compared as the ids that commands carry: two texts with one id are one market to them.
    if !known.keys.insert(MarketId::of(key)) {
        return Err(BoundsError::new(format!("market {key} is defined twice")));
    }
    check_count(&format!("view of market {key}"), market.view.into(), 0, cell_counts.len() - 1)?;
    check_count(&format!("selections of market {key}"), market.selections.len(), 1, SELECTIONS_MAX)?;
    check_count(&format!("winners of market {key}"), market.winners.into(), 1, market.selections.len())?;
    let cells = cell_counts[usize::from(market.view)];
    for SpaceSelection { name, grades } in &market.selections {
        check_text(&format!("selection name of market {key}"), name, KEY_BYTES_MAX)?;
        if !known.selections.insert(SelectionId::of(key, name)) {
            return Err(BoundsError::new(format!("{key}/{name} is defined twice")));
        }
        check_count(&format!("grades of {key}/{name}"), grades.len(), cells, cells)?;
        for grade in grades {
            if !known.grades.contains(grade) {
                known.grades.push(*grade);
            }
        }
        check_count("distinct grades", known.grades.len(), 1, GRADES_MAX)?;
    }
    Ok(())
}

fn check_count(what: &str, value: usize, low: usize, high: usize) -> Result<(), BoundsError> {
    match (low..=high).contains(&value) {
        true => Ok(()),
        false => Err(BoundsError::outside(what, value, low, high)),
    }
}

/// Names are shown to people and carried in messages.
fn check_text(what: &str, text: &str, bytes_max: usize) -> Result<(), BoundsError> {
    check_count(&format!("bytes of the {what}"), text.len(), 1, bytes_max)?;
    match text.chars().any(char::is_control) {
        true => Err(BoundsError::new(format!("{what} {text:?} holds a control character"))),
        false => Ok(()),
    }
}

/// How a fixture of a space ended: one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomOutcome {
    /// The outcome.
    pub cell: u16,
}

/// The state of a fixture, told whole: whatever was told before is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomIncident {
    /// Not started, in play, or over. Over needs exactly one possible outcome.
    pub phase: LivePhase,
    /// Score, side named first first.
    pub score: (u16, u16),
    /// Clock, if the sport has one.
    pub clock_ms: i64,
    /// The period in the sport's own words.
    pub period: String,
    /// What the sport's model needs to know: up to [`STATE_VALUES_MAX`] numbers.
    pub values: Vec<i64>,
    /// The outcomes still possible: ranges `start..end`, ascending; empty for all.
    pub possible: Vec<(u16, u16)>,
    /// Trading must stop at once (`Some(true)`) or may resume.
    pub danger: Option<bool>,
}
codec_struct!(CustomIncident { phase, score, clock_ms, period, values, possible, danger });

/// The state of a fixture of a space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomState {
    /// Number of outcomes of the space.
    pub outcome_count: u16,
    /// Not started, in play, or over.
    pub phase: LivePhase,
    /// Score.
    pub score: (u16, u16),
    /// Clock.
    pub clock_ms: i64,
    /// Period.
    pub period: String,
    /// What the model needs to know.
    pub values: Vec<i64>,
    /// The outcomes still possible: ranges, ascending.
    pub possible: Vec<(u16, u16)>,
}
codec_struct!(CustomState { outcome_count, phase, score, clock_ms, period, values, possible });

impl CustomState {
    /// Before the start: everything is possible.
    pub fn new(template: &Template) -> Self {
        let outcome_count = template.joint.main_count as u16;
        Self {
            outcome_count,
            period: "pre_match".into(),
            possible: vec![(0, outcome_count)],
            ..Self::default()
        }
    }

    /// Replaces the state; on an error nothing has changed.
    ///
    /// # Errors
    /// Ranges that are not ascending ranges of outcomes, too many values, an end without one outcome.
    pub fn apply(&mut self, incident: &CustomIncident) -> Result<LiveChange, IncidentError> {
        let bad = |what: String| Err(IncidentError::OutOfBounds(what));
        if incident.values.len() > STATE_VALUES_MAX {
            return bad(format!("{} state values are more than {STATE_VALUES_MAX}", incident.values.len()));
        }
        let possible = self.ranges(&incident.possible).map_err(IncidentError::OutOfBounds)?;
        let count: u32 = possible.iter().map(|&(start, end)| u32::from(end - start)).sum();
        if incident.phase == LivePhase::Finished && count != 1 {
            return bad(format!("a fixture ends with one possible outcome, not with {count}"));
        }
        let next = Self {
            outcome_count: self.outcome_count,
            phase: incident.phase,
            score: incident.score,
            clock_ms: incident.clock_ms,
            period: incident.period.clone(),
            values: incident.values.clone(),
            possible,
        };
        let change = LiveChange {
            reprices: next != *self,
            regrades: next.possible != self.possible || next.phase != self.phase,
            danger: incident.danger,
        };
        *self = next;
        Ok(change)
    }

    /// Ranges as they are kept: ascending, apart from each other; none told are all outcomes.
    fn ranges(&self, told: &[(u16, u16)]) -> Result<Vec<(u16, u16)>, String> {
        let outcome_count = self.outcome_count;
        let mut ranges: Vec<(u16, u16)> = Vec::with_capacity(told.len().max(1));
        for &(start, end) in told {
            let least = ranges.last().map_or(0, |&(_, end)| end);
            if start < least || end <= start || end > outcome_count {
                return Err(format!(
                    "possible outcomes {start}..{end} are no ascending range of 0..{outcome_count}"
                ));
            }
            match ranges.last_mut() {
                Some((_, last)) if *last == start => *last = end,
                _ => ranges.push((start, end)),
            }
        }
        if ranges.is_empty() {
            ranges.push((0, outcome_count));
        }
        Ok(ranges)
    }

    /// Whether a fixture of this template can be in this state: one that was read from bytes may not.
    pub fn fits(&self, template: &Template) -> bool {
        usize::from(self.outcome_count) == template.joint.main_count
            && self.values.len() <= STATE_VALUES_MAX
            && self.ranges(&self.possible).is_ok_and(|ranges| ranges == self.possible)
            && (self.phase != LivePhase::Finished
                || matches!(self.possible[..], [(start, end)] if end - start == 1))
    }

    /// The outcome, once the fixture is over; the first possible one before.
    pub fn outcome(&self) -> CustomOutcome {
        CustomOutcome { cell: self.possible.first().map_or(0, |&(start, _)| start) }
    }

    /// Score, clock and period.
    pub fn summary(&self) -> LiveSummary {
        LiveSummary { score: self.score, clock_ms: self.clock_ms, period: self.period.clone() }
    }

    /// Visits the outcomes still possible, ascending.
    pub fn visit_possible_main(&self, visit: &mut dyn FnMut(usize)) {
        self.possible.iter().flat_map(|&(start, end)| start..end).for_each(|cell| visit(cell.into()));
    }
}

/// Why a foreign model has no prices for a fixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelFault {
    /// It returned a status other than 0.
    Failed,
    /// A probability is not a number, is negative or above 1.
    NotAProbability,
    /// The probabilities do not sum to 1 within a millionth.
    WrongSum,
    /// It gave probability to outcomes that are no longer possible.
    Impossible,
    /// It took longer than its budget.
    TooSlow,
}
codec_enum!(ModelFault { 0 = Failed, 1 = NotAProbability, 2 = WrongSum, 3 = Impossible, 4 = TooSlow });

impl ModelFault {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "model_failed",
            Self::NotAProbability => "model_not_a_probability",
            Self::WrongSum => "model_wrong_sum",
            Self::Impossible => "model_impossible_outcome",
            Self::TooSlow => "model_too_slow",
        }
    }

    /// What it means, as an error says it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Failed => {
                "the model failed: it returned a status other than 0, raised, or gave a rate that is none"
            }
            Self::NotAProbability => "the model gave a number that is no probability of 0..=1",
            Self::WrongSum => "the model's probabilities do not sum to 1 within 1e-6",
            Self::Impossible => "the model gave probability to outcomes that are not possible",
            Self::TooSlow => "the model took longer than its budget",
        }
    }
}
