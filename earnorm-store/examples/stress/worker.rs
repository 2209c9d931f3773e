//! A worker: writers or readers, in a process of their own or, on the memory store, in this one.

use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use earnorm_core::position::Position;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use super::bank::Banker;
use super::dice::Dice;
use super::handling;
use super::line::{Line, Order};
use super::options::Options;
use super::place::Place;
use super::reader::{self, Reader};
use super::writer::{Own, Writer};

/// The variable that makes this program a worker; it holds the task.
pub(crate) const WORKER: &str = "EARNORM_STRESS_WORKER";

/// What a worker process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) options: Options,
    pub(crate) database: String,
    pub(crate) seed: u64,
    pub(crate) role: Role,
}

/// Who works here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Role {
    /// Writers, each with its lanes.
    Writers(Vec<Vec<u32>>),
    /// Bankers, by names that nobody else has.
    Bankers(Vec<String>),
    /// Handlers of the bank's events.
    Handlers,
    /// Readers: number, and the position behind which it begins. The one behind the last number is the control.
    Readers(Vec<(u32, i64)>),
}

/// Roles by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Writers,
    Bankers,
    Handlers,
    Readers,
}

impl Role {
    /// Its name.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Writers(_) => Kind::Writers,
            Self::Bankers(_) => Kind::Bankers,
            Self::Handlers => Kind::Handlers,
            Self::Readers(_) => Kind::Readers,
        }
    }

    /// Whether it writes of its own accord.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.kind(), Kind::Writers | Kind::Bankers)
    }
}

/// Where a worker's lines go.
#[derive(Debug, Clone)]
pub(crate) enum Output {
    /// To the process that started this one.
    Pipe,
    /// To the parent in this process.
    Channel(mpsc::UnboundedSender<Line>),
}

impl Output {
    /// Sends a line. It is in the pipe when this returns, so that it survives this process.
    pub(crate) fn tell(&self, line: &Line) {
        match self {
            Self::Channel(lines) => {
                // A parent that went away has no use for it.
                let _unheard = lines.send(line.clone());
            }
            Self::Pipe => {
                let text = serde_json::to_string(line).unwrap_or_default();
                let mut out = std::io::stdout().lock();
                if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
                    std::process::exit(3);
                }
            }
        }
    }
}

/// The task of this process, if it is a worker.
pub(crate) fn task() -> Option<Task> {
    serde_json::from_str(&std::env::var(WORKER).ok()?).ok()
}

/// Works until the parent says that it is over.
pub(crate) fn run(task: Task) -> ExitCode {
    let (orders, received) = watch::channel(Order::Go);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(std::io::Result::ok) {
            if let Ok(order) = serde_json::from_str(&line) {
                orders.send_replace(order);
            }
        }
        // The parent is gone: nobody would end this process.
        std::process::exit(3);
    });
    let worked = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from);
    let place = Place::new(&task.options, &task.database);
    // A test harness may have begun a line of its own.
    let _closed_early = writeln!(std::io::stdout().lock());
    match worked.and_then(|runtime| runtime.block_on(work(&task, &place, &Output::Pipe, &received))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Output::Pipe.tell(&Line::Trouble { what: format!("{error:#}") });
            ExitCode::FAILURE
        }
    }
}

/// Runs everyone who works here.
pub(crate) async fn work(task: &Task, place: &Place, output: &Output, orders: &watch::Receiver<Order>) -> Result<()> {
    let store = place.open().await?;
    match &task.role {
        Role::Writers(writers) => {
            let mut lanes = Vec::new();
            for lanes_of_writer in writers {
                let hostile = place.open_hostile(task.options.tasks).await?;
                for &lane in lanes_of_writer {
                    let writer = Writer {
                        lane,
                        dice: Dice::new(task.seed, lane, task.options.stall),
                        store: Arc::clone(&store),
                        hostile: hostile.clone(),
                        output: output.clone(),
                        orders: orders.clone(),
                        number: 0,
                        own: Own::default(),
                    };
                    lanes.push(tokio::spawn(writer.run()));
                }
            }
            join(lanes).await?;
        }
        Role::Bankers(names) => {
            let mut bankers = Vec::new();
            for name in names {
                let banker = Banker::new(&store, task.seed, name.clone(), output.clone()).await?;
                bankers.push(tokio::spawn(banker.run(orders.clone())));
            }
            join(bankers).await?;
        }
        Role::Handlers => handling::run(&store, &task.options, output, orders).await?,
        Role::Readers(readers) => {
            let readers = readers.iter().map(|&(number, from)| {
                let reader = Reader {
                    number,
                    from: Position::new(from),
                    place: place.clone(),
                    store: Arc::clone(&store),
                    output: output.clone(),
                    orders: orders.clone(),
                    random: reader::random(task.seed, number),
                };
                let options = task.options.clone();
                tokio::spawn(async move { reader.run(&options).await })
            });
            join(readers.collect()).await?;
        }
    }
    place.close(&store).await
}

async fn join(tasks: Vec<tokio::task::JoinHandle<()>>) -> Result<()> {
    for ended in join_all(tasks).await {
        ended?;
    }
    Ok(())
}
