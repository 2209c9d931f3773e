//! How far long work is.

use std::fmt;

/// How far long work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is done right now: `folding`, `catching up`, `comparing`.
    pub step: &'static str,
    /// How many streams, documents or entries are done.
    pub done: u64,
    /// How many there are, where it is known; an estimate while others write.
    pub total: Option<u64>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total {
            Some(total) => write!(f, "{}: {} of {total}", self.step, self.done),
            None => write!(f, "{}: {}", self.step, self.done),
        }
    }
}

/// Is told how far long work is, after each page.
pub type OnProgress = Box<dyn FnMut(Progress) + Send + Sync>;

/// Counts and tells.
pub(crate) struct Teller {
    tell: Option<OnProgress>,
    now: Progress,
}

impl Teller {
    pub(crate) fn new(tell: Option<OnProgress>, step: &'static str, total: Option<u64>) -> Self {
        Self { tell, now: Progress { step, done: 0, total } }
    }

    pub(crate) fn step(&mut self, step: &'static str, total: Option<u64>) {
        self.now = Progress { step, done: 0, total };
        self.add(0);
    }

    pub(crate) fn add(&mut self, done: u64) {
        self.now.done += done;
        if let Some(tell) = &mut self.tell {
            tell(self.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::Teller;

    #[test]
    fn each_step_is_told_from_its_beginning() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let tell = move |progress: super::Progress| tell.lock().unwrap().push(progress.to_string());
        let mut teller = Teller::new(Some(Box::new(tell)), "folding", Some(5));
        teller.add(2);
        teller.add(3);
        teller.step("catching up", None);
        teller.add(1);
        let steps = ["folding: 2 of 5", "folding: 5 of 5", "catching up: 0", "catching up: 1"];
        assert_eq!(*told.lock().unwrap(), steps);
    }
}
