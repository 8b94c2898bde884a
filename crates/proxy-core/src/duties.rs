//! What is begun at a platform has to be ended there, whatever becomes of the process in between.
//!
//! A duty is written down before it begins (`journal`), and crossed out when the platform has confirmed its end. Ending is tried
//! again and again, for ever, ever more seldom; only a platform that has understood and says no, again and again, is told no
//! more. Several may hold one duty: it ends after the last of them.
//!
//! **Invariant**: a duty never begins while its end is on its way, so that the platform hears of both in their order.

mod duty;
mod held;

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

pub use self::held::Held;
use self::{duty::Duty, held::Holding};
use crate::{
    journal::Journal,
    service::{Background, Clients},
    telemetry::Metrics,
};

/// Most ends that are on their way at once.
const AT_ONCE: usize = 16;
/// Most duties that are known. Of what is begun beyond that, no end is told.
const MAX_DUTIES: usize = 100_000;
/// How often it is looked whether another process that shares the directory has died.
const ADOPTION: Duration = Duration::from_secs(60);

/// How a platform is told of an end.
#[async_trait(?Send)]
pub trait Ending: Send + Sync + 'static {
    /// Tells it that `duty` has ended; an error if it has not confirmed that.
    async fn end(&self, clients: &Clients, duty: &str) -> Result<(), Unconfirmed>;
}

/// Why an end is not confirmed, fit for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unconfirmed {
    /// The platform cannot say now.
    NotNow(String),
    /// It has understood, and will not.
    Refused(String),
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

    /// Takes over what other processes of the same directory have left that died after this one's start.
    async fn adopt(&self) {
        let Some(journal) = self.journal.get().cloned() else {
            return;
        };
        let left = spawn_blocking(move || journal.adopt()).await.unwrap_or_default();
        if !left.is_empty() {
            tracing::info!(
                left = left.len(),
                kind = self.name,
                "ends are still to be told that a dead process has left"
            );
        }
        let mut open = self.open();
        for duty in left {
            open.entry(duty.into()).or_insert_with(|| Duty::new(true)).begun = true;
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
            return Err(next.unwrap_or(now + ADOPTION));
        }
        Ok(due)
    }

    async fn end(&self, clients: &Clients, (duty, begun): (Arc<str>, bool)) {
        let ended = match begun {
            true => self.ending.end(clients, &duty).await,
            false => Ok(()),
        };
        if begun {
            self.metrics.ending(if ended.is_ok() { "confirmed" } else { "failed" });
        }
        if ended.map_or_else(|why| self.is_given_up(&duty, &why), |()| true) {
            self.write(&duty, Journal::remove).await;
            self.open().remove(&duty);
        }
        self.tried.notify_waiters();
    }

    /// Whether the platform has refused too often; else it is told again.
    fn is_given_up(&self, duty: &Arc<str>, why: &Unconfirmed) -> bool {
        let mut open = self.open();
        let again = open.get_mut(duty).is_some_and(|known| known.put_off(why));
        drop(open);
        if again {
            tracing::warn!(
                ?why,
                kind = self.name,
                "the platform has not confirmed an end: it is told again"
            );
        } else {
            tracing::error!(
                ?why,
                duty = &**duty,
                kind = self.name,
                "the platform refuses an end: it is told no more"
            );
            self.metrics.ending("given_up");
        }
        !again
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
        let mut adoption = Instant::now() + ADOPTION;
        loop {
            if Instant::now() >= adoption {
                self.adopt().await;
                adoption = Instant::now() + ADOPTION;
            }
            match self.due(Instant::now()) {
                Ok(due) => drop(join_all(due.into_iter().map(|duty| self.end(clients, duty))).await),
                Err(next) => tokio::select! {
                    () = sleep_until(next.min(adoption)) => {}
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

#[cfg(test)]
mod tests;
