//! May they still? What outlives the credential that it was begun with, such as a tunnel, is asked about again and again.
//!
//! A page that stays open renews its credential, and shows the new one in its other requests. So it is the freshest
//! credential of the same user for the same thing that is asked about, and somebody is sent away only when none is accepted any
//! more. However many tunnels one user has to one thing, one of them asks.
//!
//! **Invariant**: within the given time after access has ended, everybody has been sent away; a platform that does not answer
//! sends nobody away. No more credentials are kept than are tried, and none longer than something is open.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use secrecy::zeroize::Zeroizing;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Most credentials of one stay that are tried.
const MAX_CREDENTIALS: usize = 4;
/// Said when no credential is good any more.
const SIGNED_OUT: &str = "your sign-in has ended";

/// What the platform says of one credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is good.
    Accepted,
    /// It is not good any more.
    Rejected,
    /// Whose it is may not stay: why.
    Withdrawn(&'static str),
    /// There was no answer.
    Unknown,
}

/// All stays of a process, by user and thing.
#[derive(Debug)]
pub struct Stays {
    /// How often each is asked about: twice in the time within which everybody has to be gone.
    period: Duration,
    open: Mutex<HashMap<String, HashMap<String, Weak<Stay>>>>,
    count: AtomicUsize,
}

/// Everything that one user has open of one thing.
#[derive(Debug)]
pub struct Stay {
    stays: Arc<Stays>,
    user: String,
    thing: String,
    state: Mutex<State>,
    end: watch::Sender<Option<&'static str>>,
}

#[derive(Debug)]
struct State {
    /// The freshest last.
    credentials: Vec<Zeroizing<String>>,
    next: Instant,
    rejected_since: Option<Instant>,
}

impl Stays {
    /// Stays that end `within` this time after access has.
    #[must_use]
    pub fn new(within: Duration) -> Arc<Self> {
        Arc::new(Self {
            period: within / 2,
            open: Mutex::default(),
            count: AtomicUsize::new(0),
        })
    }

    /// Begins, or goes on with, the stay of `user` at `thing`, who has just been let in with `credential`: by what the platform
    /// said `asked`, which may be a while ago.
    #[must_use]
    pub fn begin(self: &Arc<Self>, user: &str, thing: &str, credential: &str, asked: Instant) -> Arc<Stay> {
        let mut open = locked(&self.open);
        let things = open.entry(user.to_owned()).or_default();
        let known = things.get(thing).and_then(Weak::upgrade);
        // One that is over is left to those whom it ends; it may be ours to drop, which takes the lock.
        let (stay, _over) = match known {
            Some(stay) if !stay.is_over() => (stay, None),
            over => (self.insert(things, user, thing, asked), over),
        };
        drop(open);
        stay.remember(credential);
        stay
    }

    fn insert(
        self: &Arc<Self>,
        things: &mut HashMap<String, Weak<Stay>>,
        user: &str,
        thing: &str,
        asked: Instant,
    ) -> Arc<Stay> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let stay = Arc::new(Stay {
            stays: self.clone(),
            user: user.to_owned(),
            thing: thing.to_owned(),
            state: Mutex::new(State {
                credentials: Vec::new(),
                next: Instant::now().max(asked + self.period),
                rejected_since: None,
            }),
            end: watch::channel(None).0,
        });
        things.insert(thing.to_owned(), Arc::downgrade(&stay));
        stay
    }

    /// Notes that `credential` has just let `user` in to `thing`: it may be fresher than what is known.
    pub fn note(&self, user: &str, thing: impl FnOnce() -> String, credential: &str) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return; // nearly every request comes here
        }
        let stay = locked(&self.open)
            .get(user)
            .and_then(|things| things.get(&thing())?.upgrade());
        if let Some(stay) = stay {
            stay.remember(credential);
        }
    }
}

impl Stay {
    /// Resolves when it is over, with the reason. `ask` asks the platform about one credential.
    pub async fn over(&self, ask: impl AsyncFn(&str) -> Standing) -> &'static str {
        let mut end = self.end.subscribe();
        let asking = async {
            loop {
                let next = self.state().next;
                sleep_until(next).await;
                if let Some(started) = self.turn(next) {
                    self.review(started, &ask).await;
                }
            }
        };
        tokio::select! {
            never = asking => never,
            reason = async { end.wait_for(Option::is_some).await.ok().and_then(|end| *end) } => reason.unwrap_or(SIGNED_OUT),
        }
    }

    fn is_over(&self) -> bool {
        self.end.borrow().is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    fn remember(&self, credential: &str) {
        let mut state = self.state();
        if state.credentials.last().is_some_and(|last| **last == credential) {
            return;
        }
        let known = state.credentials.len();
        state.credentials.retain(|known| **known != credential);
        if state.credentials.len() == known {
            state.rejected_since = None;
        }
        state.credentials.push(Zeroizing::new(credential.to_owned()));
        if state.credentials.len() > MAX_CREDENTIALS {
            state.credentials.remove(0);
        }
    }

    /// Whether it is for this tunnel to ask, and when that is; if it goes away meanwhile, another one's turn comes.
    fn turn(&self, seen: Instant) -> Option<Instant> {
        let mut state = self.state();
        let now = Instant::now();
        (state.next == seen).then(|| {
            state.next = now + self.stays.period;
            now
        })
    }

    async fn review(&self, started: Instant, ask: &impl AsyncFn(&str) -> Standing) {
        let credentials = self.state().credentials.clone();
        let mut withdrawn = None;
        for credential in credentials.iter().rev() {
            match ask(credential).await {
                Standing::Accepted => {
                    self.state().rejected_since = None;
                    return;
                }
                Standing::Unknown => return,
                Standing::Withdrawn(why) => withdrawn = withdrawn.or(Some(why)),
                Standing::Rejected => self.state().credentials.retain(|known| known != credential),
            }
        }
        let since = *self.state().rejected_since.get_or_insert(started);
        let over = started.duration_since(since) >= self.stays.period;
        if let Some(why) = withdrawn.or(over.then_some(SIGNED_OUT)) {
            self.end.send_replace(Some(why));
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.stays.count.fetch_sub(1, Ordering::Relaxed);
        let mut open = locked(&self.stays.open);
        // A stay that was begun meanwhile under the same names is not this one.
        if let Some(things) = open.get_mut(&self.user) {
            if things.get(&self.thing).is_some_and(|stay| stay.strong_count() == 0) {
                things.remove(&self.thing);
            }
            if things.is_empty() {
                open.remove(&self.user);
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
