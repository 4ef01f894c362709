//! Identities. All are plain numbers: the engine trades on ids, names are never on the price path.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl crate::codec::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
        }

        impl crate::codec::Decode for $name {
            fn decode(input: &mut crate::codec::Reader<'_>) -> Result<Self, crate::codec::DecodeError> {
                <$inner>::decode(input).map(Self)
            }
        }
    };
}

id! {
    /// A match or race.
    FixtureId(u64)
}
id! {
    /// A customer of the sportsbook; a pseudonym, never a name.
    CustomerId(u64)
}
id! {
    /// A ticket, chosen by the client: the same id with the same body is the same ticket.
    TicketId(u128)
}
id! {
    /// A money transfer: the same id is never booked twice.
    TransferId(u128)
}
id! {
    /// A competition, numbered in the order of appearance.
    CompetitionId(u32)
}
id! {
    /// A feed, desk or service that sends commands, numbered in the order of appearance.
    SourceId(u16)
}
id! {
    /// A sport: an index into the registered sports.
    SportId(u8)
}
