//! Event ids that say who wrote them: the lane of the writer and a number, in the random part of a UUIDv7.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// What tells events of a run apart: 22 bits of lane, 40 bits of number.
pub(crate) type Key = u64;

const NUMBER_BITS: u32 = 40;
/// A UUID keeps the upper two bits of its second half for its variant.
const MASK: u64 = (1 << 62) - 1;

/// The key of an event.
pub(crate) fn key(lane: u32, number: u64) -> Key {
    ((u64::from(lane) << NUMBER_BITS) | number) & MASK
}

/// Whose event it is.
pub(crate) fn lane(key: Key) -> u64 {
    key >> NUMBER_BITS
}

/// A new event id with this key.
pub(crate) fn event_id(key: Key) -> Uuid {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let mut random = [0_u8; 10];
    for (to, from) in random.iter_mut().skip(2).zip(key.to_be_bytes()) {
        *to = from;
    }
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// The key of an event id.
pub(crate) fn key_of(id: Uuid) -> Key {
    id.as_u64_pair().1 & MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_gives_its_key_back() {
        for (lane_number, number) in [(0, 0), (1, 1), (4_194_303, 1_099_511_627_775), (77, 5_000_000)] {
            let key = key(lane_number, number);
            assert_eq!((key_of(event_id(key)), lane(key)), (key, u64::from(lane_number)));
        }
    }
}
