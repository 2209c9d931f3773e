//! Values as bytes that SQLite compares as the library compares the values.

pub(super) use earnorm_core::predicate::order_key as encode;
