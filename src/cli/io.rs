//! Where the command writes, and what kind of place that is.

use std::fmt;
use std::io::{BufWriter, IsTerminal, Write};

/// Where a command writes, and whether people look at it.
pub struct Io<'a> {
    pub(super) out: Box<dyn Write + Send + 'a>,
    pub(super) err: Box<dyn Write + Send + 'a>,
    /// Whether `out` is a terminal.
    pub(super) out_terminal: bool,
    /// Whether `err` is a terminal.
    pub(super) err_terminal: bool,
    /// Whether someone can be asked.
    pub(super) can_ask: bool,
    /// Whether Ctrl-C is this command's to handle.
    pub(super) signals: bool,
}

impl fmt::Debug for Io<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("out_terminal", &self.out_terminal)
            .field("err_terminal", &self.err_terminal)
            .finish_non_exhaustive()
    }
}

impl Io<'static> {
    /// Standard output and standard error of this process; Ctrl-C ends the command cleanly.
    #[must_use]
    pub fn standard() -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let (out_terminal, err_terminal) = (out.is_terminal(), err.is_terminal());
        Self {
            out: Box::new(BufWriter::new(out)),
            err: Box::new(err),
            out_terminal,
            err_terminal,
            can_ask: std::io::stdin().is_terminal() && err_terminal,
            signals: true,
        }
    }
}

impl<'a> Io<'a> {
    /// Two writers that are no terminals: no colours, no progress bars, no questions.
    pub fn plain(out: impl Write + Send + 'a, err: impl Write + Send + 'a) -> Self {
        Self {
            out: Box::new(out),
            err: Box::new(err),
            out_terminal: false,
            err_terminal: false,
            can_ask: false,
            signals: false,
        }
    }
}
