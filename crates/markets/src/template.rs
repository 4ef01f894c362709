//! Markets compiled for speed: each selection as runs of equal grade over the cells of its view.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use oddsengine_types::{Grade, IdMap, SportId};

use crate::joint::{JointSpace, ViewMap};
use crate::live::{LiveState, Outcome, Possible};

macro_rules! codec_struct_newtype {
    ($name:ident) => {
        impl oddsengine_types::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
        }
        impl oddsengine_types::Decode for $name {
            fn decode(
                input: &mut oddsengine_types::Reader<'_>,
            ) -> Result<Self, oddsengine_types::DecodeError> {
                Ok(Self(oddsengine_types::Decode::decode(input)?))
            }
        }
    };
}

/// Most selections of one market.
pub const SELECTIONS_MAX: usize = 4_096;
/// Most distinct grades on the cells of one template.
pub const GRADES_MAX: usize = 8;
/// Most cells of one view.
pub const VIEW_CELLS_MAX: usize = 256;
/// Index of [`Grade::LOST`] in every template's grades.
pub const GRADE_LOST: u8 = 0;

/// A market's key as a number that never changes: commands and the journal carry it instead of the text, and
/// it stays valid when the template gains markets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarketId(pub u64);
codec_struct_newtype!(MarketId);

/// A selection's `market key/selection name` as a number that never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SelectionId(pub u64);
codec_struct_newtype!(SelectionId);

impl MarketId {
    /// The id of a market key.
    pub fn of(key: &str) -> Self {
        Self(text_id(&[key.as_bytes()]))
    }
}

impl SelectionId {
    /// The id of a selection of a market.
    pub fn of(market_key: &str, selection: &str) -> Self {
        Self(text_id(&[market_key.as_bytes(), b"/", selection.as_bytes()]))
    }
}

/// FNV-1a, 64 bits. The compilation of a template asserts that no two of its texts collide.
pub(crate) fn text_id(parts: &[&[u8]]) -> u64 {
    parts.iter().flat_map(|part| part.iter()).fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The text that names a market within its fixture: `1x2`, `total:2.5`, `handicap.h1:-0.25`.
pub type MarketKey = String;

/// A projection of the outcome space onto the few numbers that some markets depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The name, for display.
    pub name: String,
    /// Number of cells, at most [`VIEW_CELLS_MAX`].
    pub cell_count: usize,
}

/// Consecutive cells `start..end` of a view on which a selection has the same grade, other than lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First cell.
    pub start: u16,
    /// One past the last cell.
    pub end: u16,
    /// Index into [`Template::grades`].
    pub grade: u8,
}

/// One thing to bet on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Its id, of its text.
    pub id: SelectionId,
    /// The name within its market: `home`, `over`, `2-1`.
    pub name: String,
    /// Index of its market in [`Template::markets`].
    pub market: u16,
    /// Index of its view in [`Template::views`].
    pub view: u8,
    /// Its runs in [`Template::runs`].
    pub runs: std::ops::Range<u32>,
}

/// A list of selections. Most markets live on one view; a place market has one view per runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    /// Its name within the fixture.
    pub key: MarketKey,
    /// Index of the view that all its selections share, if they do.
    pub view: Option<u8>,
    /// Index of its first selection in [`Template::selections`].
    pub first_selection: u16,
    /// Number of its selections.
    pub selection_count: u16,
    /// How many selections win: the target sum of fair probabilities (2 for double chance).
    pub winners: u8,
}

impl Market {
    /// The indexes of its selections.
    #[inline]
    pub fn selections(&self) -> std::ops::Range<usize> {
        let first = usize::from(self.first_selection);
        first..first + usize::from(self.selection_count)
    }
}

/// All markets of a sport's fixture, compiled.
#[derive(Clone, Debug)]
pub struct Template {
    /// The sport.
    pub sport: SportId,
    /// Number of the template within this process, in the order of compilation: a key for caches, never stored.
    pub id: u32,
    /// The views, by index.
    pub views: Vec<View>,
    /// The markets, by index.
    pub markets: Vec<Market>,
    /// The selections of all markets, by index.
    pub selections: Vec<Selection>,
    /// The runs of all selections.
    pub runs: Vec<Run>,
    /// The distinct grades that occur; index 0 is lost.
    pub grades: Vec<Grade>,
    /// Families of markets that differ only in their line, lines ascending: ranges of market indexes.
    pub line_families: Vec<std::ops::Range<usize>>,
    /// How positions of all views combine to the profit and loss of the fixture.
    pub joint: JointSpace,
    rules: Rules,
    market_by_key: BTreeMap<MarketKey, u16>,
    market_by_id: IdMap<MarketId, u16>,
    selection_by_id: IdMap<SelectionId, u16>,
}

/// The grade rules of a sport's selections, by selection index.
#[derive(Clone, Debug)]
pub enum Rules {
    /// Football.
    Football(Vec<crate::football::Rule>),
    /// A space that was defined as data: the grades of the cells are the rules.
    Custom,
    /// Tennis.
    Tennis(Vec<crate::tennis::Rule>),
    /// Racing.
    Racing(Vec<crate::racing::RacingRule>),
}

/// One market before compilation: key, number of winners, named selections.
#[derive(Clone, Debug)]
pub struct MarketDefinition<R> {
    /// Its name within the fixture.
    pub key: MarketKey,
    /// How many selections win.
    pub winners: u8,
    /// Name and rule of each selection.
    pub selections: Vec<(String, R)>,
}

impl Template {
    /// Evaluates every rule on every cell of its view.
    ///
    /// `view_of(rule)` is the index of the view that the rule depends on, `grade_on_cell(rule, view, cell)` its grade
    /// on the outcome that stands for the cell.
    pub(crate) fn compile<R: Clone>(
        sport: SportId,
        views: Vec<View>,
        joint: JointSpace,
        definitions: &[MarketDefinition<R>],
        view_of: impl Fn(&R) -> u8,
        grade_on_cell: impl Fn(&R, u8, usize) -> Grade,
        rules: impl FnOnce(Vec<R>) -> Rules,
    ) -> Self {
        static TEMPLATE_COUNT: AtomicU32 = AtomicU32::new(0);
        assert!(views.len() <= usize::from(u8::MAX));
        joint.check(&views);
        let mut template = Self {
            sport,
            id: TEMPLATE_COUNT.fetch_add(1, Ordering::Relaxed),
            views,
            markets: Vec::new(),
            selections: Vec::new(),
            runs: Vec::new(),
            grades: vec![Grade::LOST],
            line_families: line_families(definitions),
            joint,
            rules: Rules::Custom,
            market_by_key: BTreeMap::new(),
            market_by_id: IdMap::default(),
            selection_by_id: IdMap::default(),
        };
        let mut all_rules = Vec::new();
        for definition in definitions {
            let market = template.markets.len() as u16;
            assert!(definition.selections.len() <= SELECTIONS_MAX);
            template.markets.push(Market {
                key: definition.key.clone(),
                view: common_view(definition, &view_of),
                first_selection: template.selections.len() as u16,
                selection_count: definition.selections.len() as u16,
                winners: definition.winners,
            });
            let earlier = template.market_by_key.insert(definition.key.clone(), market);
            assert!(earlier.is_none(), "market {} is defined twice", definition.key);
            let earlier = template.market_by_id.insert(MarketId::of(&definition.key), market);
            assert!(earlier.is_none(), "the id of market {} collides", definition.key);
            for (name, rule) in &definition.selections {
                let first_run = template.runs.len() as u32;
                let view = view_of(rule);
                template.append_runs(view, |cell| grade_on_cell(rule, view, cell));
                let runs = first_run..template.runs.len() as u32;
                let selection = template.selections.len() as u16;
                let id = SelectionId::of(&definition.key, name);
                let earlier = template.selection_by_id.insert(id, selection);
                assert!(earlier.is_none(), "the id of {}/{name} collides", definition.key);
                template.selections.push(Selection { id, name: name.clone(), market, view, runs });
                all_rules.push(rule.clone());
            }
        }
        assert!(template.selections.len() < usize::from(u16::MAX));
        assert!(template.grades.len() <= GRADES_MAX, "{} distinct grades", template.grades.len());
        template.rules = rules(all_rules);
        template
    }

    fn append_runs(&mut self, view: u8, grade_of: impl Fn(usize) -> Grade) {
        let cell_count = self.views[usize::from(view)].cell_count;
        assert!(cell_count <= VIEW_CELLS_MAX);
        let first = self.runs.len();
        for cell in 0..cell_count {
            let grade = grade_of(cell);
            if grade.is_lost() {
                continue;
            }
            let grade = self.grades.iter().position(|&known| known == grade).unwrap_or_else(|| {
                self.grades.push(grade);
                self.grades.len() - 1
            }) as u8;
            match self.runs[first..].last_mut() {
                Some(run) if run.grade == grade && usize::from(run.end) == cell => run.end += 1,
                _ => self.runs.push(Run { start: cell as u16, end: cell as u16 + 1, grade }),
            }
        }
    }

    /// The index of a market by its key.
    pub fn market_index(&self, key: &str) -> Option<usize> {
        self.market_by_key.get(key).map(|&index| usize::from(index))
    }

    /// The index of a market by its id.
    pub fn market_of_id(&self, id: MarketId) -> Option<usize> {
        self.market_by_id.get(&id).map(|&index| usize::from(index))
    }

    /// The index of a selection by its id.
    pub fn selection_of_id(&self, id: SelectionId) -> Option<usize> {
        self.selection_by_id.get(&id).map(|&index| usize::from(index))
    }

    /// The id of a market.
    pub fn market_id(&self, market: usize) -> MarketId {
        MarketId::of(&self.markets[market].key)
    }

    /// The id of a selection.
    pub fn selection_id(&self, selection: usize) -> SelectionId {
        self.selections[selection].id
    }

    /// The text of a selection: `market key/selection name`.
    pub fn selection_text(&self, selection: usize) -> String {
        format!("{}/{}", self.market_of(selection).key, self.selections[selection].name)
    }

    /// The index of a selection by its name within a market.
    pub fn selection_index(&self, market: usize, name: &str) -> Option<usize> {
        self.markets.get(market)?.selections().find(|&index| self.selections[index].name == name)
    }

    /// The market of a selection.
    #[inline]
    pub fn market_of(&self, selection: usize) -> &Market {
        &self.markets[usize::from(self.selections[selection].market)]
    }

    /// The runs of a selection.
    #[inline]
    pub fn runs_of(&self, selection: usize) -> &[Run] {
        let runs = &self.selections[selection].runs;
        &self.runs[runs.start as usize..runs.end as usize]
    }

    /// The grade index of a selection on every cell of its view.
    #[inline]
    pub fn grades_on_cells(&self, selection: usize) -> [u8; VIEW_CELLS_MAX] {
        let mut grades = [GRADE_LOST; VIEW_CELLS_MAX];
        for run in self.runs_of(selection) {
            grades[usize::from(run.start)..usize::from(run.end)].fill(run.grade);
        }
        grades
    }

    /// The index of the view of a selection.
    #[inline]
    pub fn view_of(&self, selection: usize) -> u8 {
        self.selections[selection].view
    }

    /// The rules of the selections, by index.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The rules of the selections of a football template, by index.
    pub fn football_rules(&self) -> Option<&[crate::football::Rule]> {
        match &self.rules {
            Rules::Football(rules) => Some(rules),
            _ => None,
        }
    }

    /// The grade of a selection at an outcome that happened: its rule itself, no cell and no cap involved.
    ///
    /// # Panics
    /// The outcome is another sport's.
    pub fn grade(&self, selection: usize, outcome: &Outcome) -> Grade {
        match (&self.rules, outcome) {
            (Rules::Football(rules), Outcome::Football(outcome)) => rules[selection].grade(outcome),
            (Rules::Racing(rules), Outcome::Racing(outcome)) => rules[selection].grade(outcome),
            (Rules::Custom, Outcome::Custom(outcome)) => self.grade_at_main(selection, outcome.cell.into()),
            (Rules::Tennis(rules), Outcome::Tennis(outcome)) => rules[selection].grade(outcome),
            (_, outcome) => panic!("{outcome:?} is no outcome of sport {}", self.sport),
        }
    }

    /// The grade that a selection has already, if it has one: void without what it needs, or the same on everything that
    /// is still possible.
    pub fn decided_grade(&self, selection: usize, live: &LiveState, possible: &Possible) -> Option<Grade> {
        let is_void = match (&self.rules, live) {
            (Rules::Racing(rules), LiveState::Racing(state)) => state.voids(&rules[selection]),
            _ => false,
        };
        if is_void {
            return Some(Grade::VOID);
        }
        let before = &possible.before[usize::from(self.view_of(selection))];
        self.decided(selection, before).map(|grade| self.grades[usize::from(grade)])
    }

    /// Whether a market can be graded so: all void, or as some outcome grades it. In a race single selections may be void
    /// beside a result, and a dead heat shares its places out. Three winners of a market with one are no result.
    ///
    /// A market whose selections look at several views is judged by its number of winners alone.
    pub fn admits_grades(&self, market: usize, grades: &[Grade]) -> bool {
        let market = &self.markets[market];
        if grades.len() != market.selections().len() {
            return false;
        }
        let is_void = |grade: &Grade| *grade == Grade::VOID;
        if grades.iter().all(is_void) {
            return true;
        }
        if market.winners == 0 {
            // Any number of selections may win, each wholly.
            return grades.iter().all(|grade| {
                is_void(grade) || grade.refund_share() == 0.0 && grade.win_share() % 1.0 == 0.0
            });
        }
        let is_race = matches!(self.rules, Rules::Racing(_));
        let places: f64 = grades.iter().map(|grade| grade.win_share()).sum();
        let void_count = grades.iter().filter(|grade| is_void(grade)).count();
        let most = f64::from(market.winners);
        // Shares are fractions with small denominators: no sum of them comes so close to a whole place by accident.
        let (at_least, at_most) = (places > most - void_count as f64 - 5e-4, places < most + 5e-4);
        let is_whole = grades.iter().all(|grade| is_void(grade) || grade.refund_share() == 0.0);
        let Some(view) = market.view else { return at_most && (at_least || !is_whole) };
        let is_on_cell = |cell: usize| {
            let mut told = market.selections().zip(grades);
            told.all(|(selection, told)| {
                (is_race && is_void(told)) || *told == self.grade_at_cell(selection, cell as u16)
            })
        };
        (is_race && is_whole && at_least && at_most)
            || (0..self.views[usize::from(view)].cell_count).any(is_on_cell)
    }

    /// The grade of a selection on a cell of its view.
    fn grade_at_cell(&self, selection: usize, cell: u16) -> Grade {
        let run = self.runs_of(selection).iter().find(|run| run.start <= cell && cell < run.end);
        run.map_or(Grade::LOST, |run| self.grades[usize::from(run.grade)])
    }

    /// The grade of a selection on a main cell of the joint space that determines its view.
    fn grade_at_main(&self, selection: usize, main: usize) -> Grade {
        let ViewMap::Exact(cells) = self.joint.map(self.view_of(selection)) else {
            unreachable!("a space defined as data has exact views only")
        };
        self.grade_at_cell(selection, u16::from(cells[main]))
    }

    /// The grade that a selection has on all cells still possible, if it is the same on all of them.
    ///
    /// `possible_before[i]` counts the possible cells before cell `i` of the selection's view.
    #[inline]
    pub fn decided(&self, selection: usize, possible_before: &[u16]) -> Option<u8> {
        let possible_count = possible_before[possible_before.len() - 1];
        if possible_count == 0 {
            // Nothing is possible: the state contradicts itself, which is no reason to lose.
            return None;
        }
        let mut common: Option<u8> = None;
        let mut covered = 0;
        for run in self.runs_of(selection) {
            let before = possible_before[usize::from(run.start)];
            let count = possible_before[usize::from(run.end)] - before;
            if count == 0 {
                continue;
            }
            // Runs ascend, so a possible cell before this one that no run covers never will be: most that is undecided
            // ends here.
            if before != covered || common.is_some_and(|grade| grade != run.grade) {
                return None;
            }
            common = Some(run.grade);
            covered += count;
        }
        match common {
            None => Some(GRADE_LOST),
            Some(grade) => (covered == possible_count).then_some(grade),
        }
    }
}

/// The view of a market's selections, if it is the same for all.
fn common_view<R>(definition: &MarketDefinition<R>, view_of: impl Fn(&R) -> u8) -> Option<u8> {
    let mut views = definition.selections.iter().map(|(_, rule)| view_of(rule));
    let first = views.next()?;
    views.all(|view| view == first).then_some(first)
}

/// Consecutive two-way markets whose keys differ only after the colon.
fn line_families<R>(definitions: &[MarketDefinition<R>]) -> Vec<std::ops::Range<usize>> {
    let shape =
        |index: usize| (definitions[index].key.split(':').next(), definitions[index].selections.len());
    let mut families = Vec::new();
    let mut start = 0;
    for index in 1..=definitions.len() {
        if index == definitions.len() || shape(index) != shape(start) {
            if index - start > 1 && definitions[start].selections.len() == 2 {
                families.push(start..index);
            }
            start = index;
        }
    }
    families
}
