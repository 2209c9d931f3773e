//! Workers as the parent sees them: how they are started, told what to do, killed, and when they are gone.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::line::{Line, Order};
use super::place::Place;
use super::worker::{self, Output, Role, Task};

/// How to start a worker process.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    program: PathBuf,
    args: Vec<String>,
}

impl Launch {
    /// This program again, with these arguments.
    pub(crate) fn this_program(args: &[&str]) -> Self {
        let program = std::env::current_exe().unwrap_or_default();
        Self { program, args: args.iter().map(ToString::to_string).collect() }
    }
}

/// What comes from the workers.
#[derive(Debug)]
pub(crate) enum News {
    /// From the worker of this number.
    Line(usize, Line),
    /// A worker ended; nothing more comes from it.
    Gone(usize),
}

/// All workers of a run.
pub(crate) struct Crew {
    launch: Launch,
    place: Place,
    news: mpsc::UnboundedSender<News>,
    hands: HashMap<usize, (Role, Hand)>,
    next: usize,
}

enum Hand {
    Process { child: Child, orders: ChildStdin },
    Task { orders: watch::Sender<Order>, _task: JoinHandle<()> },
}

impl Crew {
    pub(crate) fn new(launch: Launch, place: Place) -> (Self, mpsc::UnboundedReceiver<News>) {
        let (news, received) = mpsc::unbounded_channel();
        (Self { launch, place, news, hands: HashMap::new(), next: 0 }, received)
    }

    /// Starts a worker; its number.
    pub(crate) fn start(&mut self, task: Task) -> Result<usize> {
        let number = self.next;
        self.next += 1;
        let role = task.role.clone();
        let hand = match self.place {
            Place::Mongo { .. } | Place::Sqlite(_) => self.start_process(number, &task)?,
            Place::Memory(_) => self.start_task(number, task),
        };
        self.hands.insert(number, (role, hand));
        Ok(number)
    }

    fn start_process(&self, number: usize, task: &Task) -> Result<Hand> {
        let mut child = Command::new(&self.launch.program)
            .args(&self.launch.args)
            .env(worker::WORKER, serde_json::to_string(task)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start a worker process")?;
        let orders = child.stdin.take().context("a worker has no input")?;
        let lines = BufReader::new(child.stdout.take().context("a worker has no output")?);
        let news = self.news.clone();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(std::io::Result::ok) {
                // A killed worker's last line may be cut, and a test harness has words of its own.
                if let Ok(line) = serde_json::from_str(&line) {
                    let _unheard = news.send(News::Line(number, line));
                }
            }
            let _unheard = news.send(News::Gone(number));
        });
        Ok(Hand::Process { child, orders })
    }

    fn start_task(&self, number: usize, task: Task) -> Hand {
        let (orders, received) = watch::channel(Order::Go);
        let (lines, mut told) = mpsc::unbounded_channel();
        let (news, place) = (self.news.clone(), self.place.clone());
        let forward = self.news.clone();
        let work = tokio::spawn(async move {
            let output = Output::Channel(lines);
            if let Err(error) = worker::work(&task, &place, &output, &received).await {
                output.tell(&Line::Trouble { what: format!("{error:#}") });
            }
        });
        let all = tokio::spawn(async move {
            while let Some(line) = told.recv().await {
                let _unheard = forward.send(News::Line(number, line));
            }
            let _unheard = (work.await, news.send(News::Gone(number)));
        });
        Hand::Task { orders, _task: all }
    }

    /// Tells a worker what to do. One that is gone does not hear it.
    pub(crate) fn order(&mut self, number: usize, order: Order) {
        match self.hands.get_mut(&number) {
            Some((_, Hand::Process { orders, .. })) => {
                let text = serde_json::to_string(&order).unwrap_or_default();
                let _unheard = writeln!(orders, "{text}").and_then(|()| orders.flush());
            }
            Some((_, Hand::Task { orders, .. })) => {
                orders.send_replace(order);
            }
            None => {}
        }
    }

    /// Kills a worker process as `kill -9` does. Its last lines still arrive.
    pub(crate) fn kill(&mut self, number: usize) {
        if let Some((_, Hand::Process { child, .. })) = self.hands.get_mut(&number) {
            let _gone_already = child.kill();
        }
    }

    /// Forgets a worker that is gone; what it was.
    pub(crate) fn bury(&mut self, number: usize) -> Option<Role> {
        let (role, hand) = self.hands.remove(&number)?;
        if let Hand::Process { mut child, .. } = hand {
            let _status = child.wait();
        }
        Some(role)
    }

    /// The numbers of the workers that are there.
    pub(crate) fn numbers(&self, wanted: impl Fn(&Role) -> bool) -> Vec<usize> {
        let mut numbers: Vec<_> = self.hands.iter().filter(|(_, (role, _))| wanted(role)).map(|(n, _)| *n).collect();
        numbers.sort_unstable();
        numbers
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for number in self.numbers(|_| true) {
            self.kill(number);
            self.bury(number);
        }
    }
}
