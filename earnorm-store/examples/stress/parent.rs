//! The course of a run: start workers, collect what they tell, stop them, and compare.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use earnorm_core::store::Store;
use rand::Rng;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use super::bank::{self, Fate};
use super::check::check;
use super::crew::{Crew, Launch, News};
use super::keys::key;
use super::kills::Kills;
use super::ledger::Ledger;
use super::line::{How, Line, Order};
use super::marks::Marks;
use super::options::{Backend, Options};
use super::patience::patiently;
use super::place::{self, Place};
use super::provoke::{self, FIRST_LANE, LANE, Provoker};
use super::report::{Report, Told, say, tell};
use super::truth;
use super::worker::{Kind, Role, Task};

/// How long nothing at all may be heard before the run is given up. A writer that died inside a transaction holds
/// readers up until the server ends that.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// The time between two words on the progress.
const PROGRESS: Duration = Duration::from_secs(10);
/// The number of the last commit's event, behind all others of its lane.
const END: u64 = 1 << 39;

/// Runs it all.
pub(crate) fn run(options: &Options, launch: &Launch) -> Result<Report> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(drive(options, launch))
}

async fn drive(options: &Options, launch: &Launch) -> Result<Report> {
    if options.store != Backend::Mongo && options.control.is_some() {
        bail!("--control needs a store with holes: leave it out, or take --store mongo");
    }
    if options.store == Backend::Memory && options.kill_writers {
        bail!("--kill-writers needs processes: leave it out, or take --store mongo or sqlite");
    }
    let seed = options.seed.unwrap_or_else(|| rand::rng().random_range(0..1_000_000_000));
    let database = match &options.database {
        Some(database) => database.clone(),
        None => format!("earnorm_stress_{seed}_{}", std::process::id()),
    };
    say(&format!("seed {seed}, database {database}"));
    let place = Place::new(options, &database);
    let store = place.open().await.context("could not open the store")?;
    if store.high_water().await?.get() > 0 {
        bail!("database {database} has a log already: name another, or drop it");
    }
    let mut run = Run::new(options, launch, seed, &database, place.clone(), Arc::clone(&store));
    let report = run.all().await;
    drop(run);
    store.close().await?;
    if !options.keep {
        place.remove().await.with_context(|| format!("could not remove database {database}"))?;
    }
    report
}

/// A run and where it stands.
struct Run<'a> {
    options: &'a Options,
    seed: u64,
    database: String,
    place: Place,
    store: Arc<dyn Store>,
    crew: Crew,
    news: mpsc::UnboundedReceiver<News>,
    ledger: Ledger,
    kills: Kills,
    marks: Marks,
    /// How often writers were started, for lanes that nobody had before.
    generation: u32,
    /// Workers that were killed and are not buried yet.
    killed: Vec<usize>,
    /// When someone was last told that a commit is in the log.
    acknowledged: Option<Instant>,
    /// Set when the time is over.
    order: Option<Order>,
}

impl<'a> Run<'a> {
    fn new(
        options: &'a Options,
        launch: &Launch,
        seed: u64,
        database: &str,
        place: Place,
        store: Arc<dyn Store>,
    ) -> Self {
        let (crew, news) = Crew::new(launch.clone(), place.clone());
        Self {
            options,
            seed,
            database: database.to_owned(),
            place,
            store,
            crew,
            news,
            ledger: Ledger::default(),
            kills: Kills::new(options, seed),
            marks: if options.driven { Marks::listen() } else { Marks::default() },
            generation: 0,
            killed: Vec::new(),
            acknowledged: None,
            order: None,
        }
    }

    async fn all(&mut self) -> Result<Report> {
        // The model's collection is made before anyone writes to it.
        place::database(Arc::clone(&self.store)).await?;
        if self.options.has_bank() {
            bank::open(&self.store).await.context("could not open the bank's accounts")?;
        }
        self.start_readers().await?;
        let (stop, orders) = watch::channel(Order::Go);
        let (lines, mut provoked) = mpsc::unbounded_channel();
        let provoker = match self.options.control {
            Some(_) => {
                let hostile = self.place.open_hostile(1).await?.context("this store cannot be sabotaged")?;
                let mut provoker = Provoker::new(Arc::clone(&self.store), hostile, lines);
                provoker.round().await?;
                Some(tokio::spawn(provoker.run(orders)))
            }
            None => None,
        };
        let began = Instant::now();
        self.acknowledged = Some(began);
        self.start_writers()?;
        say(&format!(
            "writing for {} s{}",
            self.options.time.as_secs_f64(),
            if self.options.driven { " at most" } else { "" }
        ));
        if self.options.json {
            tell(&Told::Writing);
        }
        self.write(began).await?;
        stop.send_replace(Order::Stop);
        self.stop(Role::writes).await?;
        let wrote = began.elapsed();
        if self.options.handlers > 0 {
            say(&format!("nobody writes after {:.1} s; waiting for handlers", wrote.as_secs_f64()));
        }
        // What the last transfers cause is handled before the end of the log is marked.
        self.stop(|role| matches!(role, Role::Handlers)).await?;
        if let Some(provoker) = provoker {
            provoker.await??;
            while let Some(line) = provoked.recv().await {
                self.ledger.enter(line);
            }
        }
        let end = self.finish_readers().await?;
        say(&format!("everyone is done after {:.1} s; comparing", began.elapsed().as_secs_f64()));
        let truth = truth::read(&self.place, &self.store, end).await.context("could not read the log")?;
        let mut verdict = check(&self.ledger, &truth, end);
        if self.options.has_bank() {
            verdict.audit(&self.ledger, &truth.books, self.options.counts());
        }
        let mut report = Report::new(self.options, self.seed, wrote, &self.ledger, &truth, verdict);
        report.engine = self.place.engine().await?;
        Ok(report)
    }

    fn start(&mut self, role: Role) -> Result<usize> {
        let (options, database) = (self.options.clone(), self.database.clone());
        self.crew.start(Task { options, database, seed: self.seed, role })
    }

    async fn start_readers(&mut self) -> Result<()> {
        let readers = self.options.readers + u32::from(self.options.control.is_some());
        for numbers in spread(readers, self.processes()) {
            self.start(Role::Readers(numbers.into_iter().map(|number| (number, 0)).collect()))?;
        }
        let deadline = Instant::now() + SILENCE_MAX;
        while self.ledger.begun() < readers as usize && self.ledger.troubles.is_empty() {
            if !self.hear(deadline).await? {
                bail!("the readers did not begin");
            }
        }
        Ok(())
    }

    fn start_writers(&mut self) -> Result<()> {
        for writers in spread(self.options.writers, self.processes()) {
            let lanes = writers.iter().map(|&writer| self.lanes(writer)).collect();
            self.start(Role::Writers(lanes))?;
        }
        for banker in 0..self.options.bankers {
            let names = (0..self.options.tasks.div_ceil(2)).map(|task| format!("{banker}.{task}"));
            self.start(Role::Bankers(names.collect()))?;
        }
        for _ in 0..self.options.handlers {
            self.start(Role::Handlers)?;
        }
        Ok(())
    }

    fn processes(&self) -> u32 {
        match self.options.store {
            Backend::Mongo | Backend::Sqlite => self.options.processes,
            Backend::Memory => 1,
        }
    }

    /// The first lanes of a writer.
    fn lanes(&self, writer: u32) -> Vec<u32> {
        let first = FIRST_LANE + writer * self.options.tasks;
        (first..first + self.options.tasks).collect()
    }

    /// Lets them write until the time is over.
    async fn write(&mut self, began: Instant) -> Result<()> {
        let end = began + self.options.time;
        let mut progress = began + PROGRESS;
        if self.options.kill_writers {
            self.kills.wait();
        }
        while Instant::now() < end && !self.marks.is_over {
            self.hear(end.min(self.kills.due.unwrap_or(end)).min(progress)).await?;
            let now = Instant::now();
            if now >= progress {
                progress = now + PROGRESS;
                self.say_progress(began);
            }
            if self.kills.due.is_some_and(|due| now >= due) {
                self.kill_someone();
                self.kills.wait();
            }
        }
        Ok(())
    }

    fn say_progress(&self, began: Instant) {
        let counts = &self.ledger.counts;
        say(&format!(
            "{:>4.0} s: {} commits with {} events acknowledged, {} events read, {} complaints",
            began.elapsed().as_secs_f64(),
            counts.acknowledged,
            counts.acknowledged_events,
            self.ledger.seen(),
            self.ledger.troubles.len()
        ));
    }

    fn kill_someone(&mut self) {
        let Some(kind) = self.kills.kind() else { return };
        let mut numbers = self.crew.numbers(|role| role.kind() == kind);
        numbers.retain(|number| !self.killed.contains(number));
        if let Some(number) = self.kills.one_of(&numbers) {
            self.kill(number, kind);
        }
    }

    fn kill(&mut self, number: usize, kind: Kind) {
        if !self.killed.contains(&number) {
            self.killed.push(number);
            *self.ledger.counts.killed.entry(kind).or_default() += 1;
            self.crew.kill(number);
        }
    }

    /// Ends those workers and waits for them.
    async fn stop(&mut self, who: fn(&Role) -> bool) -> Result<()> {
        let working = |run: &Self| run.crew.numbers(who);
        self.order = Some(Order::Stop);
        for number in working(self) {
            self.crew.order(number, Order::Stop);
        }
        // Handlers may have as much left to do as writers have done.
        let deadline = Instant::now() + SILENCE_MAX + 2 * self.options.time;
        while !working(self).is_empty() {
            if !self.hear(deadline).await? {
                self.ledger.troubles.push("workers did not end when they were told to".to_owned());
                for number in working(self) {
                    self.crew.kill(number);
                    self.crew.bury(number);
                }
            }
        }
        Ok(())
    }

    /// Commits the end of the run, tells readers where it is, and waits for them; its position.
    async fn finish_readers(&mut self) -> Result<i64> {
        let first = key(LANE, END);
        let commit = provoke::note(first)?;
        let send = || self.store.commit(commit.clone());
        let committed = patiently(send).await.context("could not commit the end of the run")?;
        let end = committed.events.first().map_or(0, |event| event.position.get());
        self.ledger.enter(provoke::ack(first, &committed, How::Plain));
        self.order = Some(Order::Until(end));
        for number in self.crew.numbers(|_| true) {
            self.crew.order(number, Order::Until(end));
        }
        while !self.crew.numbers(|_| true).is_empty() {
            if !self.hear(Instant::now() + SILENCE_MAX).await? {
                self.ledger.troubles.push("readers did not reach the end of the log".to_owned());
                break;
            }
        }
        Ok(end)
    }

    /// Takes the next piece of news; whether there was one before the deadline.
    async fn hear(&mut self, deadline: Instant) -> Result<bool> {
        let news = tokio::select! {
            news = self.news.recv() => news.context("all workers are lost")?,
            () = self.marks.next() => return Ok(true),
            () = sleep_until(deadline.into()) => return Ok(false),
        };
        match news {
            News::Line(number, Line::Brink) => self.kill(number, Kind::Handlers),
            News::Line(_, line) => {
                if matches!(line, Line::Ack { .. } | Line::Transfer { fate: Fate::Done, .. }) {
                    let silence = self.acknowledged.replace(Instant::now()).map_or(Duration::ZERO, |at| at.elapsed());
                    self.ledger.silence_max = self.ledger.silence_max.max(silence);
                }
                if let Line::Ack { how: How::Plain, millis, .. } = line {
                    self.marks.acknowledged(Duration::from_millis(millis));
                }
                self.ledger.enter(line);
            }
            News::Gone(number) => self.replace(number)?,
        }
        Ok(true)
    }

    /// A worker is gone: if it was killed, another takes its place.
    fn replace(&mut self, number: usize) -> Result<()> {
        let role = self.crew.bury(number);
        let Some(place) = self.killed.iter().position(|killed| *killed == number) else { return Ok(()) };
        self.killed.swap_remove(place);
        let Some(role) = role else { return Ok(()) };
        self.generation += 1;
        let all = self.options.writers * self.options.tasks;
        let fresh = |lane: &u32| FIRST_LANE + (lane - FIRST_LANE) % all + all * self.generation;
        let next = match role {
            Role::Writers(lanes) => {
                Role::Writers(lanes.iter().map(|lanes| lanes.iter().map(fresh).collect()).collect())
            }
            Role::Bankers(names) => {
                Role::Bankers(names.iter().map(|name| format!("{name}/{}", self.generation)).collect())
            }
            Role::Readers(readers) => {
                Role::Readers(readers.iter().map(|&(reader, _)| (reader, self.ledger.reached(reader))).collect())
            }
            Role::Handlers => Role::Handlers,
        };
        let number = self.start(next)?;
        if let Some(order) = self.order {
            self.crew.order(number, order);
        }
        Ok(())
    }
}

/// Deals `0..all` out to so many groups, none of them empty.
fn spread(all: u32, groups: u32) -> Vec<Vec<u32>> {
    let groups = groups.min(all).max(1);
    (0..groups).map(|group| (0..all).filter(|number| number % groups == group).collect()).collect()
}
