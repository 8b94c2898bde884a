//! Where tunnels are while bytes just go through them: one thread beside each worker, which waits for all of them at once and
//! does nothing but read here what it writes there.
//!
//! A message of a WebSocket is a read and a write, whoever moves it; a task that is woken for each costs some twentieth more,
//! which is all that nginx would be cheaper by (docs/performance.md). So a tunnel is here as long as each piece that is read
//! is taken by the other end at once. As soon as anything else happens (an end, an error, an end that takes nothing, a long
//! burst), its connections go back to its worker, which knows what to do ([`Pump`](super::pump::Pump)), and come again after
//! a while, when nothing is left to be done. Connections under TLS stay with their workers.
//!
//! **Invariant**: nothing that was read is lost on the way between the two: what was not written is kept with its direction.

mod lanes;

use std::{
    cell::RefCell,
    io,
    net::TcpStream,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
};

use mio::Waker;
use tokio::sync::oneshot;

use self::lanes::{Lane, Lanes};
use super::{Traffic, way::Way};

thread_local! {
    /// The worker's own. It ends with the worker.
    static RELAY: RefCell<Option<Rc<Relay>>> = const { RefCell::new(None) };
}

#[cfg(test)]
thread_local! {
    /// How often a tunnel of this thread's was lent.
    pub(super) static LENDS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// As if this thread's relay had failed.
#[cfg(test)]
pub(super) fn die() {
    RELAY.with_borrow(|relay| relay.as_ref().map(|relay| relay.tell(Order::End)));
}

/// Names tunnels while they are away.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Both connections of a tunnel, and how far each direction has come.
#[derive(Debug)]
pub(super) struct Away {
    pub(super) caller: TcpStream,
    pub(super) upstream: TcpStream,
    pub(super) to_caller: Way,
    pub(super) to_upstream: Way,
    pub(super) traffic: Arc<Traffic>,
    /// The relay could not take it: it need not be asked again.
    pub(super) refused: bool,
}

/// What a worker tells its relay.
#[derive(Debug)]
enum Order {
    Take(Lane),
    GiveBack(u64),
    /// All that are left are closed.
    End,
}

/// A worker's end of its relay.
#[derive(Debug)]
struct Relay {
    orders: Sender<Order>,
    bell: Arc<Waker>,
}

/// A tunnel that is away. Dropped, both of its connections are closed.
#[derive(Debug)]
pub(super) struct Lent {
    number: u64,
    relay: Rc<Relay>,
    back: oneshot::Receiver<Box<Away>>,
}

/// Lets bytes go through until something else happens, or it is [called back](Lent::call_back).
///
/// # Errors
/// The tunnel itself, if there is no relay.
pub(super) fn relay(away: Box<Away>) -> Result<Lent, Box<Away>> {
    #[cfg(test)]
    LENDS.set(LENDS.get() + 1);
    RELAY.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Relay::start()
                .map(Rc::new)
                .inspect_err(|error| tracing::warn!(%error, "no thread for tunnels: they cost a little more without"))
                .ok();
        }
        let Some(relay) = slot.clone() else {
            return Err(away);
        };
        let (number, (home, back)) = (NUMBER.fetch_add(1, Ordering::Relaxed), oneshot::channel());
        match relay.tell(Order::Take(Lane { number, away, home })) {
            Err(Order::Take(lane)) => {
                *slot = None; // it has died: the next one makes another
                Err(lane.away)
            }
            _ => Ok(Lent { number, relay, back }),
        }
    })
}

impl Lent {
    /// Resolves when the tunnel is back; to nothing if its connections are lost.
    pub(super) async fn back(&mut self) -> Option<Box<Away>> {
        (&mut self.back).await.ok()
    }

    /// Has it come back soon.
    pub(super) fn call_back(&self) {
        let _ = self.relay.tell(Order::GiveBack(self.number)); // who has died has nothing to give
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.back.is_terminated() {
            self.call_back(); // to nobody, who lets go of it
        }
    }
}

impl Relay {
    fn start() -> io::Result<Self> {
        let (orders, todo) = channel();
        let (lanes, bell) = Lanes::new(todo)?;
        thread::Builder::new().name("tunnels".into()).spawn(|| lanes.run())?;
        Ok(Self { orders, bell })
    }

    /// # Errors
    /// The order, if nobody is there to obey.
    fn tell(&self, order: Order) -> Result<(), Order> {
        self.orders.send(order).map_err(|refused| refused.0)?;
        // Without the bell, the order is seen when anything else happens.
        let _ = self.bell.wake();
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.tell(Order::End);
    }
}

#[cfg(test)]
mod tests;
