//! Exact decimals: `rust_decimal::Decimal` as Decimal128.

use bson::{Bson, Decimal128};
use rust_decimal::Decimal;

use super::{Ordered, Summable, Value};
use crate::error::{DecodeError, EncodeError};
use crate::schema::StoredKind;

impl Value for Decimal {
    const KIND: StoredKind = StoredKind::Decimal;

    fn encode(&self) -> Result<Bson, EncodeError> {
        // Both hold a whole number of up to 29 digits and a scale, so the text carries every digit.
        self.to_string()
            .parse::<Decimal128>()
            .map(Bson::Decimal128)
            .map_err(|error| EncodeError::new(format!("has no Decimal128 form: {error}")))
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        let text = match stored {
            Bson::Decimal128(number) => number.to_string(),
            Bson::Int32(number) => return Ok(Self::from(*number)),
            Bson::Int64(number) => return Ok(Self::from(*number)),
            other => return Err(DecodeError::mismatch("a decimal", other)),
        };
        let parsed = if text.contains(['E', 'e']) { Self::from_scientific(&text) } else { Self::from_str_exact(&text) };
        let mut number = parsed.map_err(|_| DecodeError::new(format!("holds {text}, more than a Decimal can hold")))?;
        // Reading text loses the sign of zero, and what is saved again would differ from what is stored.
        number.set_sign_negative(text.starts_with('-'));
        Ok(number)
    }
}

impl Ordered for Decimal {
    type Scalar = Self;
}

impl Ordered for Option<Decimal> {
    type Scalar = Decimal;
}

impl Summable for Decimal {
    type Sum = Self;
    type Mean = Self;
}

impl Summable for Option<Decimal> {
    type Sum = Decimal;
    type Mean = Decimal;
}
