//! What kind of fixture it is, as far as its markets depend on it: one template per distinct format.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use oddsengine_types::{SportId, codec_enum};

use crate::custom::SpaceId;
use crate::football;
use crate::template::Template;
use crate::tennis::{self, TennisFormat};

/// The sports by name, in the order of their [`SportId`].
const SPORTS: &[&str] = &["football", "custom", "tennis"];

const FOOTBALL: SportId = SportId(0);
pub(crate) const CUSTOM: SportId = SportId(1);
const TENNIS: SportId = SportId(2);

/// A sport and what of its rules the markets of a fixture depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Football: two halves.
    #[default]
    Football,
    /// A space that was defined as data.
    Custom(SpaceId),
    /// Tennis: sets, deciding set, advantage, retirement.
    Tennis(TennisFormat),
}
codec_enum!(Format { 0 = Football, 1 = Custom(space), 2 = Tennis(format) });

impl Format {
    /// The sport.
    pub fn sport(&self) -> SportId {
        match self {
            Self::Football => FOOTBALL,
            Self::Custom(_) => CUSTOM,
            Self::Tennis(_) => TENNIS,
        }
    }

    /// What is wrong with it, if anything is: a format is made from foreign bytes.
    ///
    /// # Errors
    /// A field outside its range, named.
    pub fn check(&self) -> Result<(), oddsengine_types::BoundsError> {
        match self {
            Self::Football | Self::Custom(_) | Self::Tennis(_) => Ok(()),
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

/// The template of a format, compiled once per process and shared by all fixtures; `None` for a space that is
/// data, whose template the engine keeps.
pub fn template_of(format: &Format) -> Option<&'static Template> {
    static COMPILED: LazyLock<Mutex<BTreeMap<Format, &'static Template>>> = LazyLock::new(Mutex::default);
    static DEFAULT_FOOTBALL: LazyLock<&'static Template> =
        LazyLock::new(|| Box::leak(Box::new(football::template::compile(FOOTBALL))));
    match format {
        Format::Football => return Some(*DEFAULT_FOOTBALL),
        Format::Custom(_) => return None,
        _ => {}
    }
    let mut compiled = COMPILED.lock().expect("compiling does not panic for a checked format");
    Some(*compiled.entry(*format).or_insert_with(|| Box::leak(Box::new(compile(format)))))
}

fn compile(format: &Format) -> Template {
    match format {
        Format::Football => football::template::compile(FOOTBALL),
        Format::Tennis(format) => tennis::template::compile(TENNIS, format),
        Format::Custom(_) => unreachable!("spaces that are data are compiled from their definition"),
    }
}

/// The template of a sport's default format.
///
/// # Panics
/// The sport has none: its formats differ in everything, or are data.
pub fn template(sport: SportId) -> &'static Template {
    match sport {
        FOOTBALL => template_of(&Format::Football).expect("football has a template"),
        TENNIS => template_of(&Format::Tennis(TennisFormat::default())).expect("tennis has a template"),
        other => panic!("sport {other} has no default template"),
    }
}
