//! What ends a tunnel that neither side wants to end: the service stops, a limit is reached, or the service that made it
//! says so.
//!
//! **Invariant**: none of this costs anything while bytes move. There is one timer for both limits, which goes off a few
//! times within the shorter one; and what is waited for is asked only when it has called, by a [`Bell`] of its own.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{Close, Traffic, Until, Why};

/// How long the end of a frame is waited for, where no drain sets the time.
const CUT_WITHIN: Duration = Duration::from_secs(5);
/// How often it is looked whether something has moved, within the time that nothing may.
const LOOKS: u32 = 8;

/// Tells that the service stops, and until when the end of a frame may be waited for.
pub(crate) type Drain = watch::Receiver<Option<Instant>>;

/// An end of our making.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) why: Why,
    pub(super) close: Close,
    /// Who is in the middle of a frame by then is cut off there.
    pub(super) cut_by: Instant,
}

/// Resolves when the tunnel has to end.
pub(super) async fn ending(
    until: Option<Until>,
    drain: Drain,
    idle: Option<Duration>,
    lifetime: Option<Duration>,
    traffic: Arc<Traffic>,
) -> Ending {
    let of_the_service = async {
        match until {
            Some(until) => until.await,
            None => pending().await,
        }
    };
    tokio::select! {
        close = of_the_service => Ending::soon(Why::Service, close),
        cut_by = drained(drain) => Ending { why: Why::Drain, close: Close::going_away("the service stops"), cut_by },
        why = over(idle, lifetime, &traffic) => Ending::soon(why, Close::going_away(match why {
            Why::Idle => "nothing moved for too long",
            _ => "the connection was open for as long as it may be",
        })),
    }
}

async fn drained(mut drain: Drain) -> Instant {
    match drain.wait_for(Option::is_some).await {
        Ok(begun) => begun.unwrap_or_else(Instant::now),
        // Nobody is left who could tell: the service is being dropped, and this with it.
        Err(_) => pending().await,
    }
}

/// Resolves when one of the two limits is reached.
async fn over(idle: Option<Duration>, lifetime: Option<Duration>, traffic: &Traffic) -> Why {
    let end = lifetime.map(|lifetime| Instant::now() + lifetime);
    let (mut moved, mut since) = (traffic.total(), Instant::now());
    loop {
        let look = idle.map(|idle| (Instant::now() + idle / LOOKS).min(since + idle));
        let Some(next) = [look, end].into_iter().flatten().min() else {
            return pending().await;
        };
        tokio::time::sleep_until(next).await;
        let now = Instant::now();
        if end.is_some_and(|end| end <= now) {
            return Why::Lifetime;
        }
        if traffic.total() != moved {
            (moved, since) = (traffic.total(), now);
        }
        if idle.is_some_and(|idle| since + idle <= now) {
            return Why::Idle;
        }
    }
}

impl Ending {
    fn soon(why: Why, close: Close) -> Self {
        Self {
            why,
            close,
            cut_by: Instant::now() + CUT_WITHIN,
        }
    }
}

impl Close {
    fn going_away(reason: &'static str) -> Self {
        Self {
            code: 1001,
            reason: reason.into(),
        }
    }

    /// Who has the tunnel may not have it any more (1008).
    #[must_use]
    pub fn policy(reason: &'static str) -> Self {
        Self {
            code: 1008,
            reason: reason.into(),
        }
    }
}

/// Watches for an [`Ending`].
pub(super) struct Control {
    bell: Arc<Bell>,
    ring: Waker,
    /// Who is woken now.
    task: Waker,
    ending: Pin<Box<dyn Future<Output = Ending>>>,
}

/// Wakes the tunnel, and tells that it was this that woke it.
#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Waker>,
}

impl Control {
    pub(super) fn new(ending: impl Future<Output = Ending> + 'static) -> Self {
        let task = Waker::noop().clone();
        let bell = Arc::new(Bell {
            rung: AtomicBool::new(true), // what was never asked does not know whom to call
            task: Mutex::new(task.clone()),
        });
        Self {
            ring: bell.clone().into(),
            bell,
            task,
            ending: Box::pin(ending),
        }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        if !self.task.will_wake(context.waker()) {
            self.task.clone_from(context.waker());
            self.bell.answer_to(&self.task);
        }
        // Looked at before it is written, which costs as much as the rest of a poll.
        if !self.bell.rung.load(Ordering::Relaxed) || !self.bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        self.ending.as_mut().poll(&mut Context::from_waker(&self.ring))
    }
}

impl Bell {
    fn answer_to(&self, task: &Waker) {
        self.task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(task);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}
