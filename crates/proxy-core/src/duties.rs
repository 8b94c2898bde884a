//! What is begun at a platform has to be ended there, whatever becomes of the process in between.
//!
//! A duty is written down before it begins (`journal`), and crossed out when the platform has confirmed its end. Ending is tried
//! again and again, for ever, ever more seldom. Several may hold one duty: it ends after the last of them.
//!
//! **Invariant**: a duty never begins while its end is on its way, so that the platform hears of both in their order.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{Instant, sleep_until},
};

use crate::{
    journal::Journal,
    service::{Background, Clients},
    telemetry::Metrics,
};

/// Most ends that are on their way at once.
const AT_ONCE: usize = 16;
/// When an end is tried again that failed, and how seldom at last.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LAST_DELAY: Duration = Duration::from_secs(300);
/// Most duties that are known. Of what is begun beyond that, no end is told.
const MAX_DUTIES: usize = 100_000;
/// Looks again, if nothing else happens.
const IDLE: Duration = Duration::from_secs(3_600);

/// How a platform is told of an end.
#[async_trait(?Send)]
pub trait Ending: Send + Sync + 'static {
    /// Tells it that `duty` has ended; an error, fit for the log, if it has not confirmed that.
    async fn end(&self, clients: &Clients, duty: &str) -> Result<(), String>;
}

/// All duties of one kind.
pub struct Duties {
    directory: PathBuf,
    name: &'static str,
    metrics: Arc<Metrics>,
    journal: OnceLock<Arc<Journal>>,
    ending: Box<dyn Ending>,
    open: Mutex<HashMap<Arc<str>, Duty>>,
    /// An end may be due.
    wake: Notify,
    /// An end was tried.
    tried: Notify,
}

#[derive(Debug)]
struct Duty {
    holders: usize,
    /// Whether the platform may know of it.
    begun: bool,
    ending: bool,
    due: Instant,
    delay: Duration,
}

impl Duty {
    fn new(begun: bool) -> Self {
        Self {
            holders: 0,
            begun,
            ending: false,
            due: Instant::now(),
            delay: FIRST_DELAY,
        }
    }

    fn is_over(&self) -> bool {
        self.holders == 0 && !self.ending
    }
}

impl Duties {
    /// Duties that are written down in `directory`, in files called `name`.
    #[must_use]
    pub fn new(directory: PathBuf, name: &'static str, metrics: &Arc<Metrics>, ending: Box<dyn Ending>) -> Arc<Self> {
        Arc::new(Self {
            directory,
            name,
            metrics: metrics.clone(),
            journal: OnceLock::new(),
            ending,
            open: Mutex::default(),
            wake: Notify::new(),
            tried: Notify::new(),
        })
    }

    /// Writes `duty` down, one line of text. The platform may be told when this returns.
    pub async fn begin(self: &Arc<Self>, duty: &str) -> Held {
        let duty: Arc<str> = duty.into();
        loop {
            let tried = self.tried.notified();
            match self.hold(&duty) {
                Ok(held) => {
                    self.write(&duty, Journal::add).await;
                    return held;
                }
                Err(Not::TooMany) => {
                    tracing::error!(
                        kind = self.name,
                        "too many ends are still to be told: that of this one will not be"
                    );
                    return Held(None);
                }
                Err(Not::Ending) => tried.await,
            }
        }
    }

    fn hold(self: &Arc<Self>, duty: &Arc<str>) -> Result<Held, Not> {
        let mut open = self.open();
        if open.len() >= MAX_DUTIES && !open.contains_key(duty) {
            return Err(Not::TooMany);
        }
        let known = open.entry(duty.clone()).or_insert_with(|| Duty::new(false));
        if known.ending {
            return Err(Not::Ending);
        }
        known.holders += 1;
        Ok(Held(Some(Holding {
            duties: self.clone(),
            duty: duty.clone(),
            begun: true,
        })))
    }

    /// The disk does not keep a worker from its other connections.
    async fn write(&self, duty: &Arc<str>, change: fn(&Journal, &str)) {
        if let Some(journal) = self.journal.get().cloned() {
            let duty = duty.clone();
            let _ = spawn_blocking(move || change(&journal, &duty)).await;
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Arc<str>, Duty>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be ended now, with whether it ever began; or when to look again.
    fn due(&self, now: Instant) -> Result<Vec<(Arc<str>, bool)>, Instant> {
        let mut open = self.open();
        let over = open.iter_mut().filter(|(_, duty)| duty.is_over());
        let due = over.filter(|(_, duty)| duty.due <= now).take(AT_ONCE);
        let due: Vec<_> = due
            .map(|(name, duty)| {
                duty.ending = true;
                (name.clone(), duty.begun)
            })
            .collect();
        if due.is_empty() {
            let next = open.values().filter(|duty| duty.is_over()).map(|duty| duty.due).min();
            return Err(next.unwrap_or(now + IDLE));
        }
        Ok(due)
    }

    async fn end(&self, clients: &Clients, (duty, begun): (Arc<str>, bool)) {
        let ended = match begun {
            true => self.ending.end(clients, &duty).await,
            false => Ok(()),
        };
        if begun {
            self.metrics.ending(ended.is_ok());
        }
        match ended {
            Ok(()) => {
                self.write(&duty, Journal::remove).await;
                self.open().remove(&duty);
            }
            Err(detail) => {
                tracing::warn!(%detail, kind = self.name, "the platform has not confirmed an end: it is told again");
                if let Some(known) = self.open().get_mut(&duty) {
                    known.ending = false;
                    known.due = Instant::now() + known.delay;
                    known.delay = (known.delay * 2).min(LAST_DELAY);
                }
            }
        }
        self.tried.notify_waiters();
    }
}

#[async_trait(?Send)]
impl Background for Duties {
    fn start(&self) -> anyhow::Result<()> {
        let (journal, left) = Journal::open(&self.directory, self.name, &self.metrics)?;
        if !left.is_empty() {
            tracing::info!(
                left = left.len(),
                kind = self.name,
                "ends are still to be told from before the start"
            );
        }
        self.open()
            .extend(left.into_iter().map(|duty| (duty.into(), Duty::new(true))));
        let _ = self.journal.set(Arc::new(journal));
        Ok(())
    }

    async fn run(&self, clients: &Clients) {
        loop {
            match self.due(Instant::now()) {
                Ok(due) => drop(join_all(due.into_iter().map(|duty| self.end(clients, duty))).await),
                Err(next) => tokio::select! {
                    () = sleep_until(next) => {}
                    () = self.wake.notified() => {}
                },
            }
        }
    }

    async fn finished(&self) {
        loop {
            let tried = self.tried.notified();
            if self.open().values().all(|duty| duty.holders > 0) {
                return;
            }
            tried.await;
        }
    }
}

/// Why a duty cannot be held now.
enum Not {
    Ending,
    TooMany,
}

/// Holds a duty. Dropping it ends the duty, unless somebody else holds it too.
#[must_use = "dropping it ends the duty"]
pub struct Held(Option<Holding>);

struct Holding {
    duties: Arc<Duties>,
    duty: Arc<str>,
    begun: bool,
}

impl Held {
    /// It never began: the platform has refused.
    pub fn discard(mut self) {
        if let Some(holding) = &mut self.0 {
            holding.begun = false;
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if let Some(duty) = self.duties.open().get_mut(&self.duty) {
            duty.holders -= 1;
            duty.begun |= self.begun;
            duty.due = Instant::now();
            duty.delay = FIRST_DELAY;
        }
        self.duties.wake.notify_one();
    }
}

#[cfg(test)]
mod tests;
