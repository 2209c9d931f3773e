//! Stored forms of single values.

use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Ordered, Summable, Text, Value, to_millis};
use crate::error::{DecodeError, EncodeError};
use crate::schema::StoredKind;
use crate::shape::Shape;

macro_rules! ordered {
    ($($type:ty),*) => {
        $(
            impl Ordered for $type {
                type Scalar = $type;
            }
            impl Ordered for Option<$type> {
                type Scalar = $type;
            }
        )*
    };
}
ordered!(String, bool, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, usize, Uuid, ObjectId, DateTime<Utc>);

impl Text for String {}
impl Text for Option<String> {}

impl Value for String {
    const KIND: StoredKind = StoredKind::String;

    fn encode(&self) -> Result<Bson, EncodeError> {
        Ok(Bson::String(self.clone()))
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        match stored {
            Bson::String(text) => Ok(text.clone()),
            other => Err(DecodeError::mismatch("text", other)),
        }
    }
}

impl Value for bool {
    const KIND: StoredKind = StoredKind::Bool;

    fn encode(&self) -> Result<Bson, EncodeError> {
        Ok(Bson::Boolean(*self))
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        stored.as_bool().ok_or_else(|| DecodeError::mismatch("a boolean", stored))
    }
}

/// The integer that is stored as any number type, if it is whole.
fn integer(stored: &Bson) -> Result<i64, DecodeError> {
    match stored {
        Bson::Int32(number) => Ok(i64::from(*number)),
        Bson::Int64(number) => Ok(*number),
        // Other writers, the shell among them, store whole numbers as doubles; 2^53 is where those stop being exact.
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
        Bson::Double(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => Ok(*number as i64),
        other => Err(DecodeError::mismatch("an integer", other)),
    }
}

macro_rules! integers {
    ($($type:ty => $variant:ident as $wide:ty),*) => {
        $(
            impl Value for $type {
                const KIND: StoredKind = StoredKind::$variant;

                fn shape() -> Shape {
                    Shape::Scalar(stringify!($type))
                }

                fn encode(&self) -> Result<Bson, EncodeError> {
                    <$wide>::try_from(*self)
                        .map(Bson::$variant)
                        .map_err(|_| EncodeError::new(format!("is above the highest stored integer {}", <$wide>::MAX)))
                }

                fn decode(stored: &Bson) -> Result<Self, DecodeError> {
                    let number = integer(stored)?;
                    <$type>::try_from(number).map_err(|_| {
                        DecodeError::new(format!("holds {number}, out of range for {}", stringify!($type)))
                    })
                }
            }

            impl Summable for $type {
                type Sum = i64;
                type Mean = f64;
            }
            impl Summable for Option<$type> {
                type Sum = i64;
                type Mean = f64;
            }
        )*
    };
}
integers!(
    i8 => Int32 as i32, i16 => Int32 as i32, i32 => Int32 as i32, i64 => Int64 as i64,
    u8 => Int32 as i32, u16 => Int32 as i32, u32 => Int64 as i64, u64 => Int64 as i64, usize => Int64 as i64
);

impl Value for f64 {
    const KIND: StoredKind = StoredKind::Double;

    fn encode(&self) -> Result<Bson, EncodeError> {
        Ok(Bson::Double(*self))
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        match stored {
            Bson::Double(number) => Ok(*number),
            Bson::Int32(number) => Ok(Self::from(*number)),
            #[expect(clippy::cast_precision_loss, reason = "checked to be exact")]
            Bson::Int64(number) if number.unsigned_abs() <= 1 << 53 => Ok(*number as Self),
            other => Err(DecodeError::mismatch("a number", other)),
        }
    }
}

impl Value for f32 {
    const KIND: StoredKind = StoredKind::Double;

    fn shape() -> Shape {
        Shape::Scalar("f32")
    }

    fn encode(&self) -> Result<Bson, EncodeError> {
        Ok(Bson::Double(f64::from(*self)))
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        let wide = f64::decode(stored)?;
        #[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is what a cast does")]
        let narrow = wide as Self;
        if narrow.is_infinite() && wide.is_finite() {
            return Err(DecodeError::new(format!("holds {wide}, out of range for f32")));
        }
        Ok(narrow)
    }
}

macro_rules! floats {
    ($($type:ty),*) => {
        $(
            impl Summable for $type {
                type Sum = f64;
                type Mean = f64;
            }
            impl Summable for Option<$type> {
                type Sum = f64;
                type Mean = f64;
            }
        )*
    };
}
floats!(f32, f64);

impl Value for Uuid {
    const KIND: StoredKind = StoredKind::Uuid;

    fn encode(&self) -> Result<Bson, EncodeError> {
        Ok(Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: self.as_bytes().to_vec() }))
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        match stored {
            Bson::Binary(binary) if binary.subtype == BinarySubtype::Uuid => {
                Self::from_slice(&binary.bytes).map_err(|_| DecodeError::new("holds a uuid that is not 16 bytes long"))
            }
            other => Err(DecodeError::mismatch("a uuid (binary subtype 4)", other)),
        }
    }
}

impl Value for ObjectId {
    const KIND: StoredKind = StoredKind::ObjectId;

    fn encode(&self) -> Result<Bson, EncodeError> {
        Ok(Bson::ObjectId(*self))
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        stored.as_object_id().ok_or_else(|| DecodeError::mismatch("an ObjectId", stored))
    }
}

impl Value for DateTime<Utc> {
    const KIND: StoredKind = StoredKind::Date;

    fn encode(&self) -> Result<Bson, EncodeError> {
        // `timestamp_millis` rounds towards the past, as `to_millis` does for moments after 1970.
        Ok(Bson::DateTime(bson::DateTime::from_millis(to_millis(*self).timestamp_millis())))
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        match stored {
            Bson::DateTime(moment) => Self::from_timestamp_millis(moment.timestamp_millis())
                .ok_or_else(|| DecodeError::new("holds a date out of range")),
            other => Err(DecodeError::mismatch("a date", other)),
        }
    }
}

impl Value for Binary {
    const KIND: StoredKind = StoredKind::Binary;

    fn encode(&self) -> Result<Bson, EncodeError> {
        Ok(Bson::Binary(self.clone()))
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        match stored {
            Bson::Binary(binary) => Ok(binary.clone()),
            other => Err(DecodeError::mismatch("bytes", other)),
        }
    }
}
