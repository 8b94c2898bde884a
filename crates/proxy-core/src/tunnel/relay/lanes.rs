//! The thread of a relay.

use std::{
    collections::HashMap,
    io,
    os::fd::AsRawFd as _,
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
};

use mio::{Events, Interest, Poll, Token, Waker, event::Event, unix::SourceFd};
use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};
use slab::Slab;
use tokio::sync::oneshot;

use super::{Away, Order};
use crate::tunnel::way::{AT_ONCE, IN_A_ROW};

/// Connections that are told of at once.
const EVENTS: usize = 256;
/// Stands for orders; callers have even numbers from zero on, and upstreams the odd ones behind them.
const ORDERS: Token = Token(usize::MAX);

/// A peer that is gone is an error, and no signal. Where this cannot be said with each call, std has said so of the socket.
#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::DONTWAIT;

/// A tunnel, and where it goes back to.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) number: u64,
    pub(super) away: Box<Away>,
    pub(super) home: oneshot::Sender<Box<Away>>,
}

/// All tunnels of a relay.
pub(super) struct Lanes {
    poll: Poll,
    orders: Receiver<Order>,
    /// Nothing is told of a bell that is let go of right after it was rung.
    _bell: Arc<Waker>,
    lanes: Slab<Lane>,
    /// Where among them a number is.
    places: HashMap<u64, usize>,
    scratch: Vec<u8>,
}

impl Lanes {
    /// With what is to be woken after each order.
    pub(super) fn new(orders: Receiver<Order>) -> io::Result<(Self, Arc<Waker>)> {
        let poll = Poll::new()?;
        let bell = Arc::new(Waker::new(poll.registry(), ORDERS)?);
        let lanes = Self {
            poll,
            orders,
            _bell: bell.clone(),
            lanes: Slab::new(),
            places: HashMap::new(),
            scratch: vec![0; AT_ONCE],
        };
        Ok((lanes, bell))
    }

    /// Goes on until it is told to end, or nobody is there any more who could.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::error!(%error, "tunnels can no longer be waited for");
                    return;
                }
                _ => {}
            }
            for event in &events {
                self.moved(event);
            }
            // Not before: a new tunnel must not get what is said of the one whose place it takes.
            if !self.obey() {
                return;
            }
        }
    }

    /// Something came, or ended; perhaps of a tunnel that has just gone back, or it is only the bell.
    fn moved(&mut self, event: &Event) {
        let (place, by_caller) = (event.token().0 / 2, event.token().0.is_multiple_of(2));
        let Some(lane) = self.lanes.get_mut(place) else {
            return;
        };
        let over = event.is_read_closed() || event.is_error();
        if over || !lane.away.pass(by_caller, &mut self.scratch) {
            self.give_back(place);
        }
    }

    /// Whether to go on.
    fn obey(&mut self) -> bool {
        loop {
            match self.orders.try_recv() {
                Ok(Order::Take(lane)) => self.take(lane),
                Ok(Order::GiveBack(number)) => {
                    if let Some(place) = self.places.get(&number) {
                        self.give_back(*place);
                    }
                }
                Err(TryRecvError::Empty) => return true,
                Ok(Order::End) | Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn take(&mut self, lane: Lane) {
        let entry = self.lanes.vacant_entry();
        let place = entry.key();
        self.places.insert(lane.number, place);
        let lane = entry.insert(lane);
        let registry = self.poll.registry();
        let ends = [(&lane.away.caller, 2 * place), (&lane.away.upstream, 2 * place + 1)];
        let watched = ends.into_iter().try_for_each(|(socket, token)| {
            registry.register(&mut SourceFd(&socket.as_raw_fd()), Token(token), Interest::READABLE)
        });
        if let Err(error) = watched {
            tracing::warn!(%error, "a tunnel cannot be waited for: it costs a little more without");
            lane.away.refused = true;
            self.give_back(place);
        }
    }

    fn give_back(&mut self, place: usize) {
        let Lane { number, away, home } = self.lanes.remove(place);
        self.places.remove(&number);
        for socket in [&away.caller, &away.upstream] {
            // Of one that could not be watched there is nothing to take back.
            let _ = self.poll.registry().deregister(&mut SourceFd(&socket.as_raw_fd()));
        }
        let _ = home.send(away); // to nobody: then it is closed
    }
}

impl Away {
    /// Moves what has come from one end; whether that is all there is to be done.
    pub(super) fn pass(&mut self, by_caller: bool, scratch: &mut [u8]) -> bool {
        let (source, sink, way, moved) = if by_caller {
            let moved = &self.traffic.to_upstream;
            (&self.caller, &self.upstream, &mut self.to_upstream, moved)
        } else {
            let moved = &self.traffic.to_caller;
            (&self.upstream, &self.caller, &mut self.to_caller, moved)
        };
        for _ in 0..IN_A_ROW {
            let count = match recv(source, &mut *scratch, RecvFlags::DONTWAIT) {
                Ok((count @ 1.., _)) => count,
                Err(Errno::AGAIN) => return true,
                Ok(_) | Err(_) => return false, // which the worker meets again
            };
            let came = &scratch[..count];
            // What is wrong with a sink is what the worker meets, too, with what is left.
            let written = send(sink, came, SEND).unwrap_or(0);
            way.went(came, written, moved);
            if written < count {
                return false;
            }
            if count < scratch.len() {
                return true; // there was no more: what comes is told
            }
        }
        false
    }
}
