//! What commands say: tables and text for people, JSON for programs, asides on standard error.

use std::fmt::Display;
use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Value, json};

use super::exit::{Exit, Outcome, Stop};
use super::io::Io;
use super::progress::Bar;
use super::table::{self, Grid, Tone};
use super::text;
use crate::backend::Secret;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Also into files and pipes.
    Always,
    /// Never.
    Never,
}

/// Where a command says what it has to say.
#[derive(Debug)]
pub(super) struct Out<'a> {
    io: Io<'a>,
    /// How users call this command: `earnorm`, or `online_retail cli`.
    program: String,
    json: bool,
    quiet: bool,
    colour: bool,
    colour_err: bool,
    /// Addresses that must not be shown as they are.
    secrets: Vec<Secret>,
    /// Whether the command line itself could control a terminal.
    hostile: bool,
}

impl<'a> Out<'a> {
    pub(super) fn new(io: Io<'a>, program: String) -> Self {
        let (colour, colour_err) = (wanted(io.out_terminal), wanted(io.err_terminal));
        Self { io, program, json: false, quiet: false, colour, colour_err, secrets: Vec::new(), hostile: false }
    }

    pub(super) fn set(&mut self, json: bool, quiet: bool, colour: Colour) {
        (self.json, self.quiet) = (json, quiet);
        if colour != Colour::Auto {
            self.colour = colour == Colour::Always;
            self.colour_err = self.colour;
        }
    }

    /// Looks at the command line before anything of it is shown.
    pub(super) fn warn_of(&mut self, arg: &str) {
        self.hide(arg);
        self.hostile |= text::clean(arg) != arg;
    }

    /// Never shows this address as it is.
    pub(super) fn hide(&mut self, uri: &str) {
        let secret = Secret::new(uri);
        if secret.to_string() != uri {
            self.secrets.push(secret);
        }
    }

    fn hidden(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| secret.strike_from(&text))
    }

    pub(super) fn program(&self) -> &str {
        &self.program
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    pub(super) fn signals(&self) -> bool {
        self.io.signals
    }

    pub(super) fn can_ask(&self) -> bool {
        self.io.can_ask && !self.json
    }

    /// A bar for long work.
    pub(super) fn bar(&self, what: &str) -> Bar {
        Bar::new(self.io.err_terminal && !self.json && !self.quiet, what)
    }

    /// A line for people. Stored data in it is cleaned by the caller.
    pub(super) fn line(&mut self, text: impl Display) -> Outcome<()> {
        Ok(writeln!(self.io.out, "{text}")?)
    }

    /// A heading for people.
    pub(super) fn heading(&mut self, text: impl Display) -> Outcome<()> {
        let line = self.painted(Style::new().bold(), text);
        self.line(line)
    }

    /// Text in a style, where there are colours.
    pub(super) fn painted(&self, style: Style, text: impl Display) -> String {
        paint(self.colour, style, text)
    }

    /// Text in a tone, where there are colours.
    pub(super) fn toned(&self, tone: Tone, text: impl Display) -> String {
        let style = match tone {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
            Tone::Dim => Style::new().dimmed(),
        };
        self.painted(style, text)
    }

    /// A table for people.
    pub(super) fn table(&mut self, grid: &Grid) -> Outcome<()> {
        let width = self.io.out_terminal.then(table::terminal_width).flatten();
        let drawn = grid.draw(table::Style { colour: self.colour, width });
        Ok(self.io.out.write_all(drawn.as_bytes())?)
    }

    /// A document as indented JSON, for people too.
    pub(super) fn document(&mut self, value: &Value) -> Outcome<()> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        self.line(text::clean_lines(&text))
    }

    /// One line of JSON.
    pub(super) fn json_line(&mut self, value: &Value) -> Outcome<()> {
        let text = value.to_string();
        self.line(text::clean_lines(&text))
    }

    /// Everything up to here is on its way.
    pub(super) fn flush(&mut self) -> Outcome<()> {
        Ok(self.io.out.flush()?)
    }

    /// Hands out the writer itself, for data that are not text.
    pub(super) fn raw(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.io.out
    }

    /// An aside for people on standard error. Nobody reading it is no reason to stop.
    pub(super) fn note(&mut self, text: impl Display) {
        if !self.quiet && !self.json {
            let line = self.hidden(&text.to_string());
            let _ = writeln!(self.io.err, "{line}");
        }
    }

    /// A question on standard error.
    pub(super) fn ask(&mut self, text: impl Display) -> Outcome<String> {
        write!(self.io.err, "{text}")?;
        self.io.err.flush()?;
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .map_err(|error| Stop::failed(format!("could not read the answer: {error}")))?;
        Ok(answer.trim().to_owned())
    }

    /// What clap has to say, with help on standard output.
    pub(super) fn clap(&mut self, error: &clap::Error, extra: Option<&str>) -> Exit {
        let (exit, colour) = if error.use_stderr() { (Exit::Usage, self.colour_err) } else { (Exit::Ok, self.colour) };
        let styled = error.render();
        let colour = colour && !self.hostile;
        let text = self.hidden(&if colour { styled.ansi().to_string() } else { styled.to_string() });
        let text = if colour { text } else { text::clean_lines(&text).into_owned() };
        let to = if error.use_stderr() { &mut self.io.err } else { &mut self.io.out };
        let _ = write!(to, "{text}");
        if let Some(extra) = extra {
            let _ = writeln!(to, "\n  {} {extra}", paint(colour, AnsiColor::Green.on_default(), "tip:"));
        }
        let _ = to.flush();
        exit
    }

    /// Says why a command ended early, and answers the exit code.
    pub(super) fn stop(&mut self, stop: Stop) -> Exit {
        let Stop::Told { exit, message, hint } = stop else { return Exit::Ok };
        let _ = self.io.out.flush();
        let (message, hint) = (self.hidden(&message), hint.map(|hint| self.hidden(&hint)));
        let _ = if self.json {
            let error = json!({ "error": message, "hint": hint, "exit": exit.code() });
            writeln!(self.io.err, "{}", text::clean_lines(&error.to_string()))
        } else {
            let label = paint(self.colour_err, AnsiColor::Red.on_default().bold(), "error:");
            let hint = hint.map_or_else(String::new, |hint| {
                let label = paint(self.colour_err, AnsiColor::Green.on_default(), "tip:");
                format!("\n  {label} {}", text::clean(&hint))
            });
            writeln!(self.io.err, "{label} {}{hint}", text::clean(&message))
        };
        exit
    }
}

fn paint(colour: bool, style: Style, text: impl Display) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_string() }
}

/// Whether a terminal wants colours: see no-color.org.
fn wanted(terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
