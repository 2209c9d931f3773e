//! Who drives a run from outside: marks on the standard input, and how long after each a commit was acknowledged again.

use std::future::pending;
use std::io::BufRead;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::report::{Told, tell};

/// The marks of a run.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    input: Option<mpsc::UnboundedReceiver<u32>>,
    /// Those that are not answered.
    open: Vec<(u32, Instant)>,
    /// Whether the input has ended.
    pub(crate) is_over: bool,
}

impl Marks {
    /// Reads the standard input.
    pub(crate) fn listen() -> Self {
        let (marks, input) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(std::io::Result::ok) {
                if let Ok(mark) = line.trim().parse() {
                    let _unheard = marks.send(mark);
                }
            }
        });
        Self { input: Some(input), ..Self::default() }
    }

    /// Waits for the next mark, or for the end. Where nobody drives, that never comes.
    pub(crate) async fn next(&mut self) {
        let Some(input) = &mut self.input else { return pending().await };
        match input.recv().await {
            Some(mark) => self.open.push((mark, Instant::now())),
            None => (self.input, self.is_over) = (None, true),
        }
    }

    /// A commit was acknowledged that took so long: who was waiting for one is told.
    pub(crate) fn acknowledged(&mut self, took: Duration) {
        for (mark, millis) in self.answered(Instant::now(), took) {
            tell(&Told::FirstAck { mark, millis });
        }
    }

    fn answered(&mut self, now: Instant, took: Duration) -> Vec<(u32, u64)> {
        let is_later = |&mut (_, at): &mut (u32, Instant)| now.duration_since(at) > took;
        let answered = self.open.extract_if(.., is_later);
        answered
            .map(|(mark, at)| (mark, u64::try_from(now.duration_since(at).as_millis()).unwrap_or(u64::MAX)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_commit_that_was_sent_after_the_mark_answers_it() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut marks = Marks { open: vec![(1, at(0)), (2, at(500))], ..Marks::default() };
        assert_eq!(marks.answered(at(600), Duration::from_millis(700)), []);
        assert_eq!(marks.answered(at(700), Duration::from_millis(300)), [(1, 700)]);
        assert_eq!(marks.answered(at(900), Duration::from_millis(300)), [(2, 400)]);
        assert_eq!(marks.open, []);
    }
}
