//! Child processes that end with the task: on success, on failure, and on Ctrl-C.

use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::say;

/// How often a waiting task looks at its child and at the interrupt flag.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// What a command has to end after it was asked to, before it is killed.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Whether the developer asked the task to stop (Ctrl-C, `SIGTERM` or `SIGHUP`).
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen. The signals no longer end this process by themselves.
    pub(crate) fn install() -> Result<Self> {
        let interrupt = Self(Arc::default());
        let flag = interrupt.clone();
        ctrlc::set_handler(move || flag.0.store(true, Ordering::SeqCst)).context("cannot listen for Ctrl-C")?;
        Ok(interrupt)
    }

    /// Whether the task should stop now.
    pub(crate) fn raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// An error if the task should stop now.
    pub(crate) fn check(&self) -> Result<()> {
        if self.raised() {
            bail!("interrupted");
        }
        Ok(())
    }
}

/// Says what runs, runs it to its end, and gives its exit code.
pub(crate) fn run(command: Command, interrupt: &Interrupt) -> Result<ExitCode> {
    say(format_args!("$ {}", describe(&command)));
    let status = finish(command, interrupt)?;
    if interrupt.raised() {
        say("interrupted");
        return Ok(interrupted());
    }
    Ok(exit_code(status))
}

/// The exit code of a task that was interrupted, as shells have it.
pub(crate) fn interrupted() -> ExitCode {
    ExitCode::from(130)
}

/// Runs a command to its end, or to an interrupt, and gives its status.
pub(crate) fn finish(command: Command, interrupt: &Interrupt) -> Result<ExitStatus> {
    let mut group = Group::spawn(command)?;
    loop {
        if let Some(status) = group.child.try_wait()? {
            return Ok(status);
        }
        if interrupt.raised() {
            return group.stop(GRACE);
        }
        thread::sleep(POLL);
    }
}

/// The command line of a command, for people.
pub(crate) fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or_else(|| command.get_program());
    std::iter::once(program).chain(command.get_args()).map(|part| part.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn exit_code(status: ExitStatus) -> ExitCode {
    match status.code().map(u8::try_from) {
        Some(Ok(code)) => ExitCode::from(code),
        _ => ExitCode::FAILURE,
    }
}

/// A command and all it starts, as one group that ends together.
///
/// The group is not the terminal's: Ctrl-C reaches the task alone, which then ends its children
/// in the right order (the tests first, the server after them).
#[derive(Debug)]
pub(crate) struct Group {
    /// The command itself.
    pub(crate) child: Child,
}

impl Group {
    /// Starts a command as the leader of a new group.
    pub(crate) fn spawn(mut command: Command) -> Result<Self> {
        signals::lead_group(&mut command);
        let child = command.spawn().with_context(|| format!("cannot start `{}`", describe(&command)))?;
        Ok(Self { child })
    }

    /// Asks the group to end, then makes it.
    pub(crate) fn stop(&mut self, grace: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + grace;
        signals::ask_to_end(&mut self.child);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                signals::kill(&mut self.child);
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        signals::kill(&mut self.child);
        Ok(self.child.wait()?)
    }
}

impl Group {
    /// Stops all of the group where it stands, as SIGSTOP does. Where there is no such signal there is an error.
    pub(crate) fn freeze(&self) -> Result<()> {
        signals::freeze(&self.child)
    }

    /// Lets the group go on.
    pub(crate) fn thaw(&self) -> Result<()> {
        signals::thaw(&self.child)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            signals::kill(&mut self.child);
            let _ = self.child.wait();
        }
    }
}

#[cfg(unix)]
mod signals {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};

    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    pub(super) fn lead_group(command: &mut Command) {
        command.process_group(0);
    }

    pub(super) fn ask_to_end(child: &mut Child) {
        send(child, Signal::SIGTERM);
    }

    pub(super) fn kill(child: &mut Child) {
        send(child, Signal::SIGKILL);
    }

    pub(super) fn freeze(child: &Child) -> anyhow::Result<()> {
        Ok(killpg(pid(child)?, Signal::SIGSTOP)?)
    }

    pub(super) fn thaw(child: &Child) -> anyhow::Result<()> {
        Ok(killpg(pid(child)?, Signal::SIGCONT)?)
    }

    fn pid(child: &Child) -> anyhow::Result<Pid> {
        Ok(Pid::from_raw(i32::try_from(child.id())?))
    }

    /// A group that is gone already is what the signal was for, so errors do not count.
    fn send(child: &Child, signal: Signal) {
        if let Ok(pid) = pid(child) {
            let _ = killpg(pid, signal);
        }
    }
}

#[cfg(not(unix))]
mod signals {
    use std::process::{Child, Command};

    pub(super) fn lead_group(_command: &mut Command) {}

    pub(super) fn ask_to_end(child: &mut Child) {
        kill(child);
    }

    pub(super) fn kill(child: &mut Child) {
        let _ = child.kill();
    }

    pub(super) fn freeze(_child: &Child) -> anyhow::Result<()> {
        anyhow::bail!("this system cannot freeze a process")
    }

    pub(super) fn thaw(_child: &Child) -> anyhow::Result<()> {
        anyhow::bail!("this system cannot freeze a process")
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_command_ends_with_its_own_status() {
        let quiet = Interrupt(Arc::default());
        let status = finish(shell("exit 7"), &quiet).expect("runs");
        assert_eq!(status.code(), Some(7));
    }

    #[test]
    fn an_interrupt_ends_a_command_and_what_it_started() {
        let raised = Interrupt(Arc::new(AtomicBool::new(true)));
        let begin = Instant::now();
        let status = finish(shell("sleep 60 & wait"), &raised).expect("runs");
        assert!(!status.success());
        assert!(begin.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_command_that_does_not_listen_is_killed() {
        let mut group = Group::spawn(shell("trap '' TERM; while :; do sleep 60; done")).expect("runs");
        let status = group.stop(Duration::from_millis(200)).expect("stops");
        assert!(!status.success());
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Group::spawn(Command::new("no-such-program")).expect_err("cannot start");
        assert!(format!("{error:#}").contains("no-such-program"), "{error:#}");
    }
}
