//! What a bench promises, and the verdict that its figures give.
#![allow(dead_code, reason = "each bench uses a part")]

use std::fmt;

/// A bound for the median: of the ratio, or of the figure itself where nothing stands beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Promise {
    AtLeast(f64),
    AtMost(f64),
    /// Nothing is promised; what the figure is there for.
    None(&'static str),
}

/// What became of a promise. Nobody writes it down: it is computed, here alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Kept,
    NotKept,
    NoPromise,
    /// The two ways did not keep what they wrote equally well, so that their figures cannot be compared.
    Refused,
}

impl Promise {
    /// Whether `figure` keeps it. A figure that is no number keeps nothing.
    pub fn verdict(self, figure: f64) -> Verdict {
        let is_kept = match self {
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
            Self::None(_) => return Verdict::NoPromise,
        };
        if is_kept { Verdict::Kept } else { Verdict::NotKept }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "at least {bound}"),
            Self::AtMost(bound) => write!(f, "at most {bound}"),
            Self::None("") => write!(f, "none"),
            Self::None(why) => write!(f, "none: {why}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "kept",
            Self::NotKept => "NOT kept",
            Self::NoPromise => "no promise",
            Self::Refused => "REFUSED",
        })
    }
}
