//! How the command ends: its exit codes, and what it says on the way out.

use std::process::ExitCode;

use crate::Error;

/// How a command ended. The numbers are part of its contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// 0: done, and all is well.
    Ok,
    /// 1: differences or problems were found.
    Found,
    /// 2: the command line is wrong.
    Usage,
    /// 3: the store is out of reach, or not fit.
    Unreachable,
    /// 4: only a program with the models can do this.
    NeedsCode,
    /// 5: the work failed.
    Failed,
    /// 130: Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::NeedsCode => 4,
            Self::Failed => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The exit codes as the help shows them.
pub(super) const CODES: &str = "\
Exit codes:
    0  done, and all is well
    1  differences or problems were found (verify, schema check, doctor)
    2  the command line is wrong
    3  the store is out of reach, or not fit
    4  only a program that links the models can do this: let it call `earnorm::cli::run()`
    5  the work failed
  130  interrupted by Ctrl-C; long work says how to go on";

/// Why a command ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nobody reads the output any more.
    Pipe,
    /// What to say, and what to do next.
    Told { exit: Exit, message: String, hint: Option<String> },
}

/// What commands answer.
pub(super) type Outcome<T = Exit> = Result<T, Stop>;

impl Stop {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self::Told { exit, message: message.into(), hint: None }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Adds what to do next.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Pipe => Self::Pipe,
            Self::Told { exit, message, .. } => Self::Told { exit, message, hint: Some(hint.into()) },
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        if let Error::Other(other) = &error
            && let Some(io) = other.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::BrokenPipe
        {
            return Self::Pipe;
        }
        let exit = match &error {
            Error::Connect { .. } => Exit::Unreachable,
            Error::NeedsCode { .. } => Exit::NeedsCode,
            _ => Exit::Failed,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::Pipe,
            _ => Self::failed(format!("could not write: {error}")),
        }
    }
}

/// An error with everything below it, each reason once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(reason) = source {
        let reason_text = reason.to_string();
        if !text.contains(&reason_text) {
            text.push_str(": ");
            text.push_str(&reason_text);
        }
        source = reason.source();
    }
    text
}
