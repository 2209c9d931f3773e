//! The comparison of types, and the text of the lock.
