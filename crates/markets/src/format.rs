//! What kind of fixture it is, as far as its markets depend on it: one template per distinct format.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use oddsengine_types::{SportId, codec_enum};

use crate::custom::SpaceId;
use crate::football::{self, FootballFormat};
use crate::racing::{self, RacingFormat};
use crate::template::Template;
use crate::tennis::{self, TennisFormat};

/// The sports by name, in the order of their [`SportId`].
const SPORTS: &[&str] = &["football", "custom", "tennis", "racing"];

const FOOTBALL: SportId = SportId(0);
pub(crate) const CUSTOM: SportId = SportId(1);
const TENNIS: SportId = SportId(2);
const RACING: SportId = SportId(3);

/// A sport and what of its rules the markets of a fixture depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Football: two halves, and what is offered beside the score.
    Football(FootballFormat),
    /// A space that was defined as data.
    Custom(SpaceId),
    /// Tennis: sets, deciding set, advantage, retirement.
    Tennis(TennisFormat),
    /// Horse and greyhound racing.
    Racing(RacingFormat),
}
codec_enum!(Format { 0 = Football(format), 1 = Custom(space), 2 = Tennis(format), 3 = Racing(format) });

impl Default for Format {
    fn default() -> Self {
        Self::FOOTBALL
    }
}

impl Format {
    /// Football with the markets of the score alone.
    pub const FOOTBALL: Self = Self::Football(FootballFormat {
        knockout: None,
        corners: false,
        cards: false,
        intervals: false,
        players: [0; 2],
    });

    /// The sport.
    pub fn sport(&self) -> SportId {
        match self {
            Self::Football(_) => FOOTBALL,
            Self::Custom(_) => CUSTOM,
            Self::Tennis(_) => TENNIS,
            Self::Racing(_) => RACING,
        }
    }

    /// What is wrong with it, if anything is: a format is made from foreign bytes.
    ///
    /// # Errors
    /// A field outside its range, named.
    pub fn check(&self) -> Result<(), oddsengine_types::BoundsError> {
        match self {
            Self::Football(format) => format.check(),
            Self::Custom(_) | Self::Tennis(_) => Ok(()),
            Self::Racing(format) => format.check(),
        }
    }
}

/// The sports that are registered, in the order of their [`SportId`].
pub fn sports() -> &'static [&'static str] {
    SPORTS
}

/// The id of a sport by its name.
pub fn sport_id(name: &str) -> Option<SportId> {
    SPORTS.iter().position(|&sport| sport == name).map(|index| SportId(index as u8))
}

/// Templates live as long as the process: fixtures and boards refer to them.
static COMPILED: LazyLock<Mutex<BTreeMap<Format, &'static Template>>> = LazyLock::new(Mutex::default);

/// How many formats were compiled by this process, beside football's default; and whether this one is among them, or needs no
/// compiling.
pub fn compiled(format: &Format) -> (usize, bool) {
    let compiled = COMPILED.lock().expect("compiling does not panic for a checked format");
    let is_there = matches!(format, &Format::FOOTBALL | Format::Custom(_)) || compiled.contains_key(format);
    (compiled.len(), is_there)
}

/// The template of a format, compiled once per process and shared by all fixtures; `None` for a space that is
/// data, whose template the engine keeps.
pub fn template_of(format: &Format) -> Option<&'static Template> {
    static DEFAULT_FOOTBALL: LazyLock<&'static Template> =
        LazyLock::new(|| Box::leak(Box::new(compile(&Format::FOOTBALL))));
    match format {
        &Format::FOOTBALL => return Some(*DEFAULT_FOOTBALL),
        Format::Custom(_) => return None,
        Format::Football(_) | Format::Tennis(_) | Format::Racing(_) => {}
    }
    let mut compiled = COMPILED.lock().expect("compiling does not panic for a checked format");
    Some(*compiled.entry(*format).or_insert_with(|| Box::leak(Box::new(compile(format)))))
}

fn compile(format: &Format) -> Template {
    match format {
        Format::Football(format) => football::template::compile(FOOTBALL, format),
        Format::Tennis(format) => tennis::template::compile(TENNIS, format),
        Format::Racing(format) => racing::template::compile(RACING, format),
        Format::Custom(_) => unreachable!("spaces that are data are compiled from their definition"),
    }
}

/// The template of a sport's default format.
///
/// # Panics
/// The sport has none: its formats differ in everything, or are data.
pub fn template(sport: SportId) -> &'static Template {
    match sport {
        FOOTBALL => template_of(&Format::FOOTBALL).expect("football has a template"),
        TENNIS => template_of(&Format::Tennis(TennisFormat::default())).expect("tennis has a template"),
        other => panic!("sport {other} has no default template"),
    }
}
