//! Values that records of all kinds share.

use oddsengine_markets::{ModelFault, football::Side, sport_id, sports};
use oddsengine_types::{Currency, Grade, SourceId, SportId, SportParameters, SportSettings};

use super::error::{At, Result, newer_field};
use super::kind::{
    Bool, Double, Element, Enumeration, Field, Kind, Message, Msg, Packed, Rep, Sint64, Text, Uint32, put_one,
};
use super::tables::{enumeration, message};
use super::wire::{Input, ReadWire, Wire, put_key, put_nested, put_varint};
use crate::command::VoidKind;
use crate::market::ExpectationMode;
use crate::status::Reason;
use crate::stops::{MarketStops, Stop, StopSet};

/// A choice without values.
pub(super) struct Nothing;
impl Message for Nothing {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str {
        schema.begin("Nothing");
        "Nothing"
    }

    #[inline]
    fn put_fields(&self, _: &mut Vec<u8>) {}

    #[inline]
    fn take(mut input: Input<'_>) -> Result<Self> {
        match input.key(&At { message: "Nothing", field: "key" })? {
            None => Ok(Self),
            Some((number, _)) => Err(newer_field("Nothing", number)),
        }
    }
}

impl Message for Grade {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str {
        <(u16, u16, u16)>::describe(schema)
    }

    #[inline]
    fn put_fields(&self, out: &mut Vec<u8>) {
        self.parts().put_fields(out);
    }

    fn take(input: Input<'_>) -> Result<Self> {
        let (win, refund, of) = Message::take(input)?;
        let at = &At { message: "Grade", field: "win, refund, of" };
        Grade::new(win, refund, of).ok_or_else(|| {
            at.outside(format_args!("({win}, {refund}, {of})"), "win + refund <= of, of 1..=65535")
        })
    }
}
message!("Grade": (u16, u16, u16) = (win, refund, of) => (win, refund, of), {
    1 win: Uint32, 2 refund: Uint32, 3 of: Uint32,
});
message!("Grades": Vec<Grade> = grades => grades, { 1 grades: Rep<Msg<Grade>> });
message!("OddsList": Vec<u32> = odds_e4 => odds_e4, { 1 odds_e4: Packed<Uint32> });
message!("BySide": (u16, u16) = (home, away) => (home, away), { 1 home: Uint32, 2 away: Uint32 });
message!("BySide": [u16; 2] = [home, away] => [home, away], { 1 home: Uint32, 2 away: Uint32 });
message!("BySide": [u8; 2] = [home, away] => [home, away], { 1 home: Uint32, 2 away: Uint32 });
message!("ByHalf": [[u16; 2]; 2] = [first, second] => [first, second], {
    1 first: Msg<[u16; 2]>, 2 second: Msg<[u16; 2]>,
});
message!("ByHalf": [[u8; 2]; 2] = [first, second] => [first, second], {
    1 first: Msg<[u8; 2]>, 2 second: Msg<[u8; 2]>,
});
message!("Setting": (String, i64) = (name, value) => (name, value), { 1 name: Text, 2 value: Sint64 });
message!("SportSettings": SportSettings {
    1 sport: Sport, 2 version: Uint32, 3 values: Rep<Msg<(String, i64)>>,
});
message!("NumberList": (String, Vec<f64>) = (name, numbers) => (name, numbers), {
    1 name: Text, 2 numbers: Packed<Double>,
});
message!("SportParameters": SportParameters {
    1 sport: Sport, 2 version: Uint32, 3 lists: Rep<Msg<(String, Vec<f64>)>>,
});
message!("MarketStops": MarketStops { 1 by_desk: Bool, 2 by_feed: Bool, 3 by_move: Bool });

enumeration!("Side": Side { 1 "SIDE_HOME": Home, 2 "SIDE_AWAY": Away });
enumeration!("ModelFault": ModelFault {
    1 "MODEL_FAULT_FAILED": Failed,
    2 "MODEL_FAULT_NOT_A_PROBABILITY": NotAProbability,
    3 "MODEL_FAULT_WRONG_SUM": WrongSum,
    4 "MODEL_FAULT_IMPOSSIBLE": Impossible,
    5 "MODEL_FAULT_TOO_SLOW": TooSlow,
});
enumeration!("Stop": Stop {
    1 "STOP_DESK": Desk,
    2 "STOP_FEED": Feed,
    3 "STOP_DANGER": Danger,
    4 "STOP_CONTRADICTION": Contradiction,
    5 "STOP_GAP": Gap,
    6 "STOP_SEQUENCE": Sequence,
    7 "STOP_SILENCE": Silence,
    8 "STOP_RESTART": Restart,
    9 "STOP_START_PASSED": StartPassed,
    10 "STOP_SCORE_UNKNOWN": ScoreUnknown,
    11 "STOP_PRICE_JUMP": PriceJump,
    12 "STOP_MODEL": Model,
    13 "STOP_NO_OUTCOME": NoOutcome,
    14 "STOP_HALT": Halt,
});
enumeration!("ExpectationMode": ExpectationMode {
    1 "EXPECTATION_MODE_HOLD": Hold,
    2 "EXPECTATION_MODE_OFFSET": Offset,
    3 "EXPECTATION_MODE_BLEND": Blend,
    4 "EXPECTATION_MODE_RELEASE": Release,
});
enumeration!("VoidKind": VoidKind {
    1 "VOID_KIND_NOTHING": Nothing,
    2 "VOID_KIND_EVERYTHING": Everything,
    3 "VOID_KIND_UNDECIDED": Undecided,
});

/// The numbers of reasons have one home: [`crate::status`].
impl Enumeration for Reason {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str {
        let name = |reason: Reason| format!("REASON_{}", reason.name().to_uppercase());
        schema.enumeration("Reason", Reason::ALL.iter().map(|&reason| (reason as u32, name(reason))));
        "Reason"
    }

    #[inline]
    fn number(self) -> u32 {
        self as u32
    }

    #[inline]
    fn from_number(number: u64) -> Option<Self> {
        u16::try_from(number).ok().and_then(Reason::from_number)
    }
}

/// A numbered source of instructions to the ledger: an enum to which consumers expect additions.
pub(super) struct BookingSource;

impl Kind for BookingSource {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> super::schema::FieldType {
        let values = [(1, "BOOKING_SOURCE_CALLER".to_owned()), (2, "BOOKING_SOURCE_TICKET".to_owned())];
        schema.enumeration("BookingSource", values);
        super::schema::FieldType::Enum("BookingSource")
    }
}

impl Field<SourceId> for BookingSource {
    #[inline]
    fn put(number: u32, value: &SourceId, out: &mut Vec<u8>) {
        <Uint32 as Field<u16>>::put(number, &value.0, out);
    }

    #[inline]
    fn merge(
        slot: &mut Option<SourceId>,
        wire: ReadWire,
        input: &mut Input<'_>,
        at: &'static At,
    ) -> Result<()> {
        let mut number = slot.map(|source| source.0);
        <Uint32 as Field<u16>>::merge(&mut number, wire, input, at)?;
        *slot = number.map(SourceId);
        Ok(())
    }

    #[inline]
    fn finish(slot: Option<SourceId>, _: &'static At) -> Result<SourceId> {
        Ok(slot.unwrap_or_default())
    }
}

/// A set of stops: `repeated Stop`.
pub(super) struct Stops;

impl Kind for Stops {
    #[cfg(test)]
    const LABEL: super::schema::Label = super::schema::Label::Repeated;

    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> super::schema::FieldType {
        super::schema::FieldType::Enum(Stop::describe(schema))
    }
}

impl Field<StopSet> for Stops {
    fn put(number: u32, value: &StopSet, out: &mut Vec<u8>) {
        if !value.is_empty() {
            put_key(number, Wire::Len, out);
            put_nested(out, |out| value.iter().for_each(|stop| put_varint(stop.number().into(), out)));
        }
    }

    fn merge(
        slot: &mut Option<StopSet>,
        wire: ReadWire,
        input: &mut Input<'_>,
        at: &'static At,
    ) -> Result<()> {
        let mut stops = None;
        Packed::<super::kind::Enum<Stop>>::merge(&mut stops, wire, input, at)?;
        let stops = StopSet::of(&stops.unwrap_or_default());
        *slot = Some(slot.unwrap_or_default().or(stops));
        Ok(())
    }

    fn finish(slot: Option<StopSet>, _: &'static At) -> Result<StopSet> {
        Ok(slot.unwrap_or_default())
    }
}

/// What is a text in the schema, and always there.
macro_rules! named {
    ($kind:ident: $type:ty, $write:expr, $read:expr) => {
        impl Kind for $kind {
            #[cfg(test)]
            fn describe(_: &mut super::schema::Schema) -> super::schema::FieldType {
                super::schema::FieldType::plain("string")
            }
        }

        impl Element<$type> for $kind {
            const WIRE: Wire = Wire::Len;

            #[inline]
            fn write(value: &$type, out: &mut Vec<u8>) {
                let write: fn(&$type, &mut Vec<u8>) = $write;
                write(value, out);
            }

            #[inline]
            fn read(input: &mut Input<'_>, at: &'static At) -> Result<$type> {
                let bytes = input.bytes(at)?;
                let text = std::str::from_utf8(bytes).map_err(|_| at.malformed("text is not UTF-8"))?;
                let read: fn(&str) -> Option<$type> = $read;
                read(text).ok_or_else(|| at.unknown(format_args!("{:?}", super::common::short(text))))
            }
        }

        impl Field<$type> for $kind {
            #[inline]
            fn put(number: u32, value: &$type, out: &mut Vec<u8>) {
                put_one::<_, Self>(number, value, out);
            }

            #[inline]
            fn merge(
                slot: &mut Option<$type>,
                wire: ReadWire,
                input: &mut Input<'_>,
                at: &'static At,
            ) -> Result<()> {
                if slot.is_some() {
                    return Err(at.repeated());
                }
                wire.expect(Wire::Len, at)?;
                *slot = Some(<Self as Element<$type>>::read(input, at)?);
                Ok(())
            }

            #[inline]
            fn finish(slot: Option<$type>, at: &'static At) -> Result<$type> {
                slot.ok_or_else(|| at.missing())
            }
        }
    };
}

pub(super) use named;

/// The beginning of a text, for an error.
pub(super) fn short(text: &str) -> &str {
    let end = (0..=text.len().min(40)).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    &text[..end]
}

/// A sport by its name; one without a name by `#` and its number.
pub(super) struct Sport;
named!(Sport: SportId, write_sport, |name| {
    sport_id(name).or_else(|| name.strip_prefix('#')?.parse().ok().map(SportId))
});

fn write_sport(sport: &SportId, out: &mut Vec<u8>) {
    let put = |name: &str, out: &mut Vec<u8>| {
        put_varint(name.len() as u64, out);
        out.extend_from_slice(name.as_bytes());
    };
    match sports().get(usize::from(sport.0)) {
        Some(name) => put(name, out),
        None => put(&format!("#{}", sport.0), out),
    }
}

/// A currency by its ISO 4217 code.
pub(super) struct Iso4217;
named!(Iso4217: Currency, |currency, out| {
    out.push(3);
    out.extend_from_slice(currency.code().as_bytes());
}, |code| Currency::parse(code).ok());

/// A number that Rust counts from 0 and names from 1: a runner, a player.
pub(super) struct FromOne;

impl Kind for FromOne {
    #[cfg(test)]
    fn describe(_: &mut super::schema::Schema) -> super::schema::FieldType {
        super::schema::FieldType::plain("uint32")
    }
}

impl Element<u8> for FromOne {
    const WIRE: Wire = Wire::Varint;

    fn write(value: &u8, out: &mut Vec<u8>) {
        put_varint(u64::from(*value) + 1, out);
    }

    fn read(input: &mut Input<'_>, at: &'static At) -> Result<u8> {
        let value = input.varint(at)?;
        let from_zero = value.checked_sub(1).and_then(|from_zero| u8::try_from(from_zero).ok());
        from_zero.ok_or_else(|| at.outside(value, "1..=256"))
    }
}

impl Field<u8> for FromOne {
    fn put(number: u32, value: &u8, out: &mut Vec<u8>) {
        put_one::<_, Self>(number, value, out);
    }

    fn merge(slot: &mut Option<u8>, wire: ReadWire, input: &mut Input<'_>, at: &'static At) -> Result<()> {
        if slot.is_some() {
            return Err(at.repeated());
        }
        wire.expect(Wire::Varint, at)?;
        *slot = Some(Self::read(input, at)?);
        Ok(())
    }

    fn finish(slot: Option<u8>, at: &'static At) -> Result<u8> {
        slot.ok_or_else(|| at.missing())
    }
}
