//! A MongoDB server of our own: a replica set of one, with fresh data, gone when the task ends.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};

use super::admin::{Admin, REPLICA_SET};
use crate::process::{Group, Interrupt, POLL};
use crate::say;

/// What the server has from its start until it accepts writes.
const READY: Duration = Duration::from_secs(60);

/// What the server has to write its last checkpoint before it is killed.
const GRACE: Duration = Duration::from_secs(15);

/// Data of a failed run stay for a look at them, but take 300 MB.
const KEEP_FAILED: Duration = Duration::from_secs(2 * 60 * 60);

/// The free port may be taken before the server binds it, so the start is tried anew.
const ATTEMPTS: usize = 3;

/// A server that stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    uri: String,
    dir: PathBuf,
    group: Group,
}

impl Server {
    /// Starts `mongod` and waits until it accepts writes.
    pub(crate) fn start(binary: &Path, home: &Path, interrupt: &Interrupt) -> Result<Self> {
        let version = version(binary)?;
        remove_old_data(home);
        let mut attempt = 1;
        loop {
            let mut server = Self::launch(binary, home)?;
            match server.make_ready(interrupt) {
                Ok(()) => {
                    say(format_args!("MongoDB {version} runs at {}", server.uri));
                    return Ok(server);
                }
                Err(error) if interrupt.raised() => {
                    server.finish(false)?;
                    return Err(error);
                }
                Err(_) if attempt < ATTEMPTS && server.lost_its_port() => attempt += 1,
                Err(error) => return Err(error.context(server.complaint())),
            }
        }
    }

    /// The URI under which the server is reached.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// An error if the server has ended by itself.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        match self.group.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the server ended by itself ({status})"),
        }
    }

    /// Stops the server. Its data stay for a look if something failed, and go otherwise.
    pub(crate) fn finish(mut self, failed: bool) -> Result<()> {
        self.group.stop(GRACE)?;
        if !failed {
            say("MongoDB stopped, its data removed");
            fs::remove_dir_all(&self.dir)?;
        } else {
            say(format_args!("MongoDB stopped, its data and log are in {}", self.dir.display()));
        }
        Ok(())
    }

    fn launch(binary: &Path, home: &Path) -> Result<Self> {
        let port = free_port()?;
        let dir = data_dir(home, port);
        let command = command(binary, &dir, port)?;
        let uri = format!("mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}");
        Ok(Self { uri, dir, group: Group::spawn(command)? })
    }

    fn make_ready(&mut self, interrupt: &Interrupt) -> Result<()> {
        let deadline = Instant::now() + READY;
        let host = self.host().to_owned();
        while TcpStream::connect(&host).is_err() {
            interrupt.check()?;
            self.check_alive()?;
            if Instant::now() > deadline {
                bail!("the server did not listen on {host} in time");
            }
            thread::sleep(POLL);
        }
        let admin = Admin::connect(&format!("mongodb://{host}/?directConnection=true"))?;
        admin.initiate(&host)?;
        admin.wait_until_primary(deadline, interrupt)
    }

    fn host(&self) -> &str {
        let rest = self.uri.trim_start_matches("mongodb://");
        rest.split_once('/').map_or(rest, |(host, _)| host)
    }

    fn lost_its_port(&self) -> bool {
        self.log().contains("Address already in use")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.join("mongod.log")).unwrap_or_default()
    }

    fn complaint(&self) -> String {
        let mut text = format!("MongoDB did not start; its log is in {}", self.dir.display());
        for line in worst_lines(&self.log()) {
            text.push('\n');
            text.push_str(line);
        }
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.group.child.try_wait() {
            let _ = self.group.stop(GRACE);
        }
    }
}

/// A new place for the data of a run.
pub(crate) fn data_dir(home: &Path, port: u16) -> PathBuf {
    home.join(format!("data-{}-{port}", std::process::id()))
}

/// The command that starts a server with its data in `dir`.
pub(crate) fn command(binary: &Path, dir: &Path, port: u16) -> Result<Command> {
    let data = dir.join("db");
    fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
    let console = File::create(dir.join("console.log"))?;
    let mut command = bound_to_parent(binary);
    command
        .args(["--replSet", REPLICA_SET, "--bind_ip", "127.0.0.1"])
        .args(["--port", &port.to_string(), "--wiredTigerCacheSizeGB", "1"])
        .args(["--setParameter", "diagnosticDataCollectionEnabled=false"])
        .arg("--dbpath")
        .arg(&data)
        .arg("--logpath")
        .arg(dir.join("mongod.log"))
        .stdin(Stdio::null())
        .stderr(console.try_clone()?)
        .stdout(console);
    if cfg!(unix) {
        command.arg("--nounixsocket");
    }
    Ok(command)
}

/// The command that starts the server, so that it ends even when this process is killed outright.
///
/// `setpriv` (part of util-linux) arranges that where it is installed; it becomes the server.
fn bound_to_parent(binary: &Path) -> Command {
    let mut probe = Command::new("setpriv");
    probe.args(["--pdeathsig", "TERM", "true"]);
    let available = probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !available.is_ok_and(|status| status.success()) {
        return Command::new(binary);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]).arg(binary);
    command
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Asks the program for its version, which also shows whether it runs here at all.
fn version(binary: &Path) -> Result<String> {
    let output = Command::new(binary)
        .arg("--version")
        .output()
        .with_context(|| format!("{} cannot run on this system", binary.display()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("{} does not run: {}\n{}", binary.display(), text.trim(), remedy(&text));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().next().and_then(|line| line.strip_prefix("db version "));
    Ok(version.unwrap_or("of unknown version").to_owned())
}

/// What to install when the program did not start.
fn remedy(complaint: &str) -> &'static str {
    if complaint.contains("libcurl.so.4") {
        "Install libcurl 4 (Debian and Ubuntu: `apt-get install libcurl4`)."
    } else if complaint.contains("libssl.so.3") || complaint.contains("libcrypto.so.3") {
        "Install OpenSSL 3 (Debian and Ubuntu: `apt-get install libssl3`)."
    } else if complaint.contains("GLIBC") {
        "This server needs glibc 2.34 or later: install a MongoDB made for this system, so that \
         `mongod` is on PATH."
    } else {
        "Install what it misses, or a MongoDB made for this system so that `mongod` is on PATH."
    }
}

/// The errors of a log, or its end if it has none.
fn worst_lines(log: &str) -> Vec<&str> {
    let is_error = |line: &&str| line.contains(r#""s":"E""#) || line.contains(r#""s":"F""#);
    let mut lines: Vec<&str> = log.lines().rev().filter(is_error).take(5).collect();
    if lines.is_empty() {
        lines = log.lines().rev().take(5).collect();
    }
    lines.reverse();
    lines
}

/// Removes the data of failed runs long past; a server that runs touches its folder each minute.
fn remove_old_data(home: &Path) {
    let Ok(entries) = fs::read_dir(home) else {
        return;
    };
    for entry in entries.flatten() {
        let is_data = entry.file_name().to_string_lossy().starts_with("data-");
        let changed = entry.path().join("db").metadata().and_then(|meta| meta.modified());
        if is_data && changed.is_ok_and(is_long_past) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_long_past(time: SystemTime) -> bool {
    time.elapsed().is_ok_and(|age| age > KEEP_FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_answered_with_its_package() {
        let missing = "error while loading shared libraries: libcurl.so.4: cannot open";
        assert!(remedy(missing).contains("libcurl4"));
        assert!(remedy("libcrypto.so.3: cannot open shared object file").contains("libssl3"));
        assert!(remedy("version `GLIBC_2.34' not found").contains("glibc"));
    }

    #[test]
    fn the_errors_of_a_log_come_before_its_end() {
        let log = "{\"s\":\"I\",\"n\":1}\n{\"s\":\"E\",\"n\":2}\n{\"s\":\"I\",\"n\":3}";
        assert_eq!(worst_lines(log), ["{\"s\":\"E\",\"n\":2}"]);
        assert_eq!(worst_lines("one\ntwo"), ["one", "two"]);
    }

    #[test]
    fn a_program_that_cannot_run_is_named() {
        let error = version(Path::new("/nowhere/mongod")).expect_err("no such program");
        assert!(format!("{error:#}").contains("/nowhere/mongod"), "{error:#}");
    }
}
