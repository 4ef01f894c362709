//! The refusals of the ledger, with fixed numbers.

use std::fmt;

use oddsengine_types::{Decode, DecodeError, Encode, Reader};

macro_rules! refusals {
    ($($number:literal $name:ident $message:literal,)*) => {
        /// Why a transfer was refused; a refusal changes nothing. When several apply, the first in declaration
        /// order is the answer; of a linked set, the first refused transfer gives it. Numbers never change
        /// their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum TransferError {
            $(#[doc = concat!("Refused: ", $message, ".")] $name = $number,)*
        }

        impl TransferError {
            /// Every refusal, in order of precedence.
            pub const ALL: &[TransferError] = &[$(TransferError::$name),*];

            /// The sentence for the desk: lower case, no full stop.
            pub fn message(self) -> &'static str {
                match self {
                    $(TransferError::$name => $message,)*
                }
            }
        }
    };
}

refusals! {
    1 LinkedSetIsTooLong "a linked set holds at most 256 transfers",
    2 IdMustNotBeZero "the transfer id is zero, which is what an id nobody has set looks like",
    3 IdHasAnotherBody "the transfer id is already used by an instruction with another body",
    4 LinkedIdsMustDiffer "two transfers of one linked set have the same id",
    5 LinkedSetIsPartlyBooked "some transfers of the linked set are already booked and others are not",
    6 AmountMustBePositive "the amount is not positive",
    7 AccountNotFound "the debit or the credit account does not exist",
    8 AccountsMustDiffer "the debit and the credit account are the same",
    9 CurrencyMismatch "the debit and the credit account have different currencies",
    10 PendingNotFound "no reservation has this id",
    11 PendingAlreadyResolved "the reservation is already posted, voided or expired",
    12 ExceedsPendingAmount "the amount is above the reserved amount",
    13 AccountWouldOverflow "the debits or credits of an account would exceed the largest amount of money",
    14 ExceedsAvailableBalance "the amount is above the available balance of the debit account",
    15 LedgerIsFull "the ledger holds as many accounts as it can",
}

impl TransferError {
    /// The fixed number.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The refusal with this number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|error| error.number() == number)
    }
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for TransferError {}

impl Encode for TransferError {
    fn encode(&self, out: &mut Vec<u8>) {
        self.number().encode(out);
    }
}

impl Decode for TransferError {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = u16::decode(input)?;
        Self::from_number(number).ok_or_else(|| input.error(format!("{number} is not a transfer error")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::LINKED_COUNT_MAX;
    use oddsengine_types::codec::{decode_all, encode_to_vec};

    #[test]
    fn numbers_follow_the_precedence_and_survive_the_codec() {
        assert!(TransferError::ALL.is_sorted());
        for &error in TransferError::ALL {
            assert_eq!(TransferError::from_number(error.number()), Some(error));
            assert_eq!(decode_all::<TransferError>(&encode_to_vec(&error)), Ok(error));
        }
        assert_eq!(TransferError::from_number(0), None);
        assert!(decode_all::<TransferError>(&[0, 0]).is_err());
    }

    #[test]
    fn messages_are_sentences_without_capitals_and_full_stops() {
        for error in TransferError::ALL {
            let message = error.to_string();
            assert!(message.starts_with(|first: char| first.is_ascii_lowercase()), "{message}");
            assert!(!message.ends_with('.'), "{message}");
        }
        let bound = LINKED_COUNT_MAX.to_string();
        assert!(TransferError::LinkedSetIsTooLong.message().contains(&bound));
    }
}
