//! Why trading stands still: a set of reasons, each with an owner.
//!
//! Only its owner lifts a stop, or the desk by name: a feed's `resume` never lifts the desk's, and a feed that lost its
//! place reopens only with a message that tells a score which fits ours.

use oddsengine_markets::ModelFault;
use oddsengine_types::{Decode, DecodeError, Encode, Reader, codec_struct};

macro_rules! stops {
    ($($(#[doc = $doc:literal])* $name:ident = $bit:literal, $text:literal;)*) => {
        /// One reason why trading of a fixture stands still.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Stop {
            $($(#[doc = $doc])* $name = $bit,)*
        }

        impl Stop {
            /// All reasons, in the order in which they are told.
            pub const ALL: &[Stop] = &[$(Stop::$name),*];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Stop::$name => $text,)* }
            }

            /// What it means.
            pub fn sentence(self) -> &'static str {
                match self { $(Stop::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

impl Stop {
    /// Whose it is: who lifts it, beside the desk by name.
    pub fn owner(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Feed
            | Self::Danger
            | Self::Contradiction
            | Self::Gap
            | Self::Sequence
            | Self::Silence
            | Self::Restart
            | Self::StartPassed
            | Self::ScoreUnknown
            | Self::PriceJump => "feed",
            Self::Model => "model",
            Self::NoOutcome | Self::Halt => "engine",
        }
    }
}

stops! {
    /// The desk suspended it. Lifted by the desk.
    Desk = 0, "desk";
    /// A feed suspended it. Lifted by a feed's `resume`.
    Feed = 1, "feed";
    /// Danger on the field of play. Lifted by `safe`.
    Danger = 2, "danger";
    /// What a feed told does not fit our state. Lifted by an incident with a score that fits.
    Contradiction = 3, "contradiction";
    /// Numbers of its source are missing. Lifted by an incident with a score that fits.
    Gap = 4, "gap";
    /// Its source counts backwards or jumps. Lifted by an incident with a score that fits.
    Sequence = 5, "sequence";
    /// In play, and its feed has been silent beyond its limit. Lifted by an incident with a score that fits.
    Silence = 6, "silence";
    /// In play when the process started or it was reopened, and no feed has spoken of it since. Lifted by an incident with a score that fits.
    Restart = 7, "restart";
    /// Its start has passed, and no feed said that it started. Lifted by the start.
    StartPassed = 8, "start_passed";
    /// It started some time ago, with a score nobody told. Lifted by an incident with a score that fits.
    ScoreUnknown = 9, "score_unknown";
    /// Prices of a feed moved further than is plausible. Lifted by prices that confirm them.
    PriceJump = 10, "price_jump";
    /// The model gave no prices for the present state. Lifted when it does.
    Model = 11, "model";
    /// No outcome fits what was told. Lifted when one does.
    NoOutcome = 12, "no_outcome";
    /// A stop was seen among messages that wait to be read. Lifted when that message is carried out.
    Halt = 13, "halt";
}

/// A set of stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopSet(u16);

const _: () = assert!(Stop::ALL.len() <= 16);

impl StopSet {
    /// Stops that mean "we may have missed something": an incident with a score that fits lifts them.
    pub const MISSED: StopSet = StopSet::of(&[
        Stop::Contradiction,
        Stop::Gap,
        Stop::Sequence,
        Stop::Silence,
        Stop::Restart,
        Stop::ScoreUnknown,
    ]);
    /// Stops that the desk may lift by name. Those of the model end with its prices: without them there is nothing to
    /// sell.
    pub const OF_DESK: StopSet = StopSet(!(1 << Stop::Model as u16 | 1 << Stop::NoOutcome as u16));

    /// A set of these.
    pub const fn of(stops: &[Stop]) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < stops.len() {
            bits |= 1 << stops[index] as u16;
            index += 1;
        }
        Self(bits)
    }

    /// It contains this stop.
    pub fn has(self, stop: Stop) -> bool {
        self.0 & (1 << stop as u16) != 0
    }

    /// It contains nothing.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in both.
    pub fn and(self, other: StopSet) -> StopSet {
        Self(self.0 & other.0)
    }

    /// Those in either.
    pub fn or(self, other: StopSet) -> StopSet {
        Self(self.0 | other.0)
    }

    /// Those of this set that are not in the other.
    pub fn without(self, other: StopSet) -> StopSet {
        Self(self.0 & !other.0)
    }

    /// Its stops, in the order in which they are told.
    pub fn iter(self) -> impl Iterator<Item = Stop> {
        Stop::ALL.iter().copied().filter(move |&stop| self.has(stop))
    }
}

impl Encode for StopSet {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for StopSet {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bits = u16::decode(input)?;
        match bits >> Stop::ALL.len() {
            0 => Ok(Self(bits)),
            _ => Err(input.error(format!("{bits} is no set of stops"))),
        }
    }
}

/// Why trading of a fixture stands still; any one is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    /// The reasons.
    pub set: StopSet,
    /// Why, if the model tried and failed.
    pub model_fault: Option<ModelFault>,
}
codec_struct!(Stops { set, model_fault });

impl Stops {
    /// Trading stands still.
    pub fn any(self) -> bool {
        !self.set.is_empty()
    }

    /// It stands still for this reason, perhaps among others.
    pub fn has(self, stop: Stop) -> bool {
        self.set.has(stop)
    }
}

/// Why a market stands still by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarketStops {
    /// The desk suspended it.
    pub by_desk: bool,
    /// A feed suspended it.
    pub by_feed: bool,
    /// Its price is set by hand or locked, and the fair price has moved beyond the tolerance since.
    pub by_move: bool,
}
codec_struct!(MarketStops { by_desk, by_feed, by_move });

impl MarketStops {
    /// It stands still.
    pub fn any(self) -> bool {
        self.by_desk || self.by_feed || self.by_move
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stop_has_its_own_bit_in_order() {
        assert!(Stop::ALL.iter().enumerate().all(|(index, &stop)| stop as usize == index));
        let all = StopSet::of(Stop::ALL);
        assert_eq!(all.iter().collect::<Vec<_>>(), Stop::ALL);
        assert!(Stop::ALL.iter().all(|stop| stop.sentence().contains("Lifted ")));
    }

    #[test]
    fn a_set_of_unknown_stops_is_no_set() {
        assert!(oddsengine_types::codec::decode_all::<StopSet>(&[0, 0x80]).is_err());
    }
}
