//! Bytes both ways, once caller and upstream have agreed on WebSocket (RFC 6455): until one of them ends, or we have to.
//!
//! What they say is neither understood nor changed, nor is it kept: a tunnel on which nothing moves holds no buffer. Only
//! where frames begin and end is followed, so that an end of our making (a drain, access that was withdrawn, a limit) is
//! told to both in a close frame of our own, between two of theirs.
//!
//! **Invariant**: nothing is inserted but between two frames, and nothing behind a close frame. What a tunnel holds on to
//! ([`Tunnel::holding`], its place among the tenant's, its audit event) is let go of however the tunnel ends.

mod ending;
mod frames;
#[cfg(fuzzing)]
pub mod fuzzing;
pub(crate) mod handshake;
mod origin;
mod pump;
mod relay;
mod way;

use std::{
    any::Any,
    borrow::Cow,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_rt::net::TcpStream;
use actix_web::HttpResponse;
use bytes::{Bytes, BytesMut};
use socket2::{SockRef, TcpKeepalive};

pub(crate) use self::ending::Drain;
pub use self::origin::check_origin;
use self::{
    ending::{Control, ending},
    pump::Pump,
};
use crate::{limits::TunnelPlace, socket::Lend, telemetry::TunnelRecord, transport::Raw};

/// A peer that does not answer, nor take what it is sent, for so long is dead.
const DEAD: Duration = Duration::from_secs(90);

/// What came of a request for another protocol.
pub enum Upgrade {
    /// The upstream agreed: its 101 is relayed, then bytes both ways.
    Accepted(Tunnel),
    /// The upstream answered with plain HTTP instead: the caller gets that, and the connection ends.
    Answered(HttpResponse),
}

/// A connection to an upstream that has agreed, and what ends with it.
#[must_use = "dropping it closes the connection to the upstream"]
pub struct Tunnel {
    upstream: Raw,
    /// The 101, as the caller gets it.
    head: Vec<u8>,
    /// What the upstream sent right behind its 101.
    early: Bytes,
    place: TunnelPlace,
    until: Option<Until>,
    held: Vec<Box<dyn Any>>,
}

type Until = Pin<Box<dyn Future<Output = Close>>>;

/// Why a tunnel is closed, as both sides are told (RFC 6455, 7.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// 1001: going away; 1008: policy; 4000 to 4999: a service's own.
    pub code: u16,
    /// For people; what is beyond 123 bytes is left out.
    pub reason: Cow<'static, str>,
}

impl Tunnel {
    /// A tunnel to an upstream that has answered with 101.
    pub(crate) fn new(upstream: Raw, head: Vec<u8>, early: Bytes, place: TunnelPlace) -> Self {
        Self {
            upstream,
            head,
            early,
            place,
            until: None,
            held: Vec::new(),
        }
    }

    /// `end` resolves when the tunnel has to go (access withdrawn, lifetime over): both sides get a close frame with that
    /// code and reason. Asked again, the tunnel ends with whichever comes first.
    pub fn until(mut self, end: impl Future<Output = Close> + 'static) -> Self {
        self.until = Some(match self.until.take() {
            None => Box::pin(end),
            Some(other) => Box::pin(first(other, end)),
        });
        self
    }

    /// Dropped when the tunnel has ended, however it ended.
    pub fn holding(mut self, guard: impl Any) -> Self {
        self.held.push(Box::new(guard));
        self
    }

    /// Moves bytes until it is over. `unwritten` is what the caller has not got yet of answers before.
    pub(crate) async fn run(self, caller: impl Lend, unwritten: BytesMut, drain: Drain, mut record: TunnelRecord) {
        self.upstream.tcp().map(watch_for_death);
        let traffic = record.traffic().clone();
        let (idle, lifetime) = (self.place.bounds().idle, self.place.bounds().lifetime);
        let control = Control::new(ending(self.until, drain, idle, lifetime, traffic.clone()));
        let mut begin = unwritten;
        begin.extend_from_slice(&self.head);
        let pump = Pump::new(caller, self.upstream, control, traffic).beginning(begin, &self.early);
        drop((self.head, self.early)); // perhaps a part of a much larger buffer
        record.ended(Box::pin(pump.run()).await);
        drop((record, self.held, self.place));
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tunnel").finish_non_exhaustive()
    }
}

async fn first(one: Until, other: impl Future<Output = Close>) -> Close {
    tokio::select! {
        close = one => close,
        close = other => close,
    }
}

/// Has the system find out that the other end of a connection is gone without a word, though nothing is sent on it.
pub(crate) fn watch_for_death(tcp: &TcpStream) {
    let socket = SockRef::from(tcp);
    let alive = TcpKeepalive::new().with_time(DEAD / 3).with_interval(DEAD / 6);
    #[cfg(target_os = "linux")]
    let alive = alive.with_retries(4);
    // A system that refuses leaves the tunnel with its own limits.
    let _ = socket.set_tcp_keepalive(&alive);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(DEAD));
}

/// Why a tunnel ended, in its audit event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The caller closed it, or is gone.
    Caller,
    /// The upstream closed it, or is gone.
    Upstream,
    /// The caller took no byte for too long.
    Stalled,
    /// The service stops.
    Drain,
    /// Nothing moved for too long.
    Idle,
    /// It has been open for too long.
    Lifetime,
    /// The service that made it says so: [`Tunnel::until`].
    Service,
    /// It was let go of before it was over: at the deadline of a drain, or because the thread that moved it died.
    Stopped,
}

/// How a tunnel ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) why: Why,
    /// What both sides were told, unless they ended it themselves.
    pub(crate) close: Option<Close>,
}

impl Why {
    /// The name in audit events.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Upstream => "upstream",
            Self::Stalled => "stalled",
            Self::Drain => "drain",
            Self::Idle => "idle",
            Self::Lifetime => "lifetime",
            Self::Service => "service",
            Self::Stopped => "stopped",
        }
    }
}

/// Bytes that went through a tunnel.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) to_caller: Count,
    pub(crate) to_upstream: Count,
}

/// A number of bytes. Only who moves them adds to it, which is one at a time; anybody may look.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.0.store(self.get().wrapping_add(bytes as u64), Ordering::Relaxed);
    }
}

impl Traffic {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    fn total(&self) -> u64 {
        self.to_caller.get().wrapping_add(self.to_upstream.get())
    }
}

#[cfg(test)]
mod tests;
