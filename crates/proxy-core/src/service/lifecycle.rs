//! From start to drain: not ready → grace, at half of which tunnels end → stop accepting → deadline → exit.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::dev::ServerHandle;
use anyhow::Context as _;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{Clients, Service, admin, listener};
use crate::tunnel::Drain;

/// Connections that may wait to be accepted: the system's own default is too small for a burst of notebooks.
const BACKLOG: i32 = 2_048;
/// How long the last audit events may take to get out.
const FLUSH: Duration = Duration::from_secs(2);
/// A worker that has not ticked for so long is stuck: it should tick every second.
const STUCK: Duration = Duration::from_secs(30);

/// What probes ask for.
#[derive(Debug)]
pub(super) struct State {
    draining: AtomicBool,
    started: AtomicBool,
    since: Instant,
    heartbeats: Mutex<Vec<Weak<AtomicU64>>>,
    /// When the grace of the drain is over, once half of it is: told to tunnels, which nothing else ends.
    drain: watch::Sender<Option<tokio::time::Instant>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            draining: AtomicBool::default(),
            started: AtomicBool::default(),
            since: Instant::now(),
            heartbeats: Mutex::default(),
            drain: watch::Sender::new(None),
        }
    }
}

impl State {
    /// A worker's heartbeat: watched until it is dropped. Holds seconds, see [`State::seconds`].
    pub(super) fn heartbeat(&self) -> Arc<AtomicU64> {
        let heartbeat = Arc::new(AtomicU64::new(self.seconds()));
        let mut heartbeats = self.heartbeats.lock().unwrap_or_else(PoisonError::into_inner);
        heartbeats.retain(|known| known.strong_count() > 0);
        heartbeats.push(Arc::downgrade(&heartbeat));
        heartbeat
    }

    /// Since the start.
    pub(super) fn seconds(&self) -> u64 {
        self.since.elapsed().as_secs()
    }

    /// Whether every worker has ticked lately.
    pub(super) fn alive(&self) -> bool {
        self.alive_at(self.seconds())
    }

    fn alive_at(&self, now: u64) -> bool {
        let heartbeats = self.heartbeats.lock().unwrap_or_else(PoisonError::into_inner);
        let ticks = heartbeats.iter().filter_map(Weak::upgrade);
        ticks
            .map(|tick| tick.load(Ordering::Relaxed))
            .all(|tick| now.saturating_sub(tick) < STUCK.as_secs())
    }

    /// Tells probes that the service stops: whoever leads callers here has to notice first.
    fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Tells tunnels that the service stops, and that new connections are taken for so long still. There are no new tunnels
    /// from now on.
    fn end_tunnels(&self, rest: Duration) {
        self.drain.send_replace(Some(tokio::time::Instant::now() + rest));
    }

    pub(super) fn ends_tunnels(&self) -> bool {
        self.drain.borrow().is_some()
    }

    /// Tells a tunnel that the service stops.
    pub(super) fn drain(&self) -> Drain {
        self.drain.subscribe()
    }

    pub(super) fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(super) fn started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }
}

/// A started service.
pub struct Running {
    /// Where callers are served.
    pub public: SocketAddr,
    /// Where operators are served.
    pub admin: SocketAddr,
    service: Arc<Service>,
    state: Arc<State>,
    public_handle: actix_server::ServerHandle,
    admin_handle: ServerHandle,
}

impl Service {
    /// Binds both listeners and starts serving, on the current actix system. Port 0 takes a free port.
    ///
    /// # Errors
    /// An address that cannot be bound, named.
    pub fn start(self) -> anyhow::Result<Running> {
        self.start_background()?;
        let public = bind(self.server.host, self.server.port)?;
        let admin = bind(self.server.admin_host, self.server.admin_port)?;
        let (public_address, admin_address) = (public.local_addr()?, admin.local_addr()?);
        let (service, state) = (Arc::new(self), Arc::<State>::default());
        let admin_server = admin::serve(service.clone(), admin, state.clone())?;
        let public_server = listener::serve(service.clone(), public, state.clone())?;
        let running = Running {
            public: public_address,
            admin: admin_address,
            public_handle: public_server.handle(),
            admin_handle: admin_server.handle(),
            service: service.clone(),
            state: state.clone(),
        };
        actix_rt::spawn(admin_server);
        actix_rt::spawn(public_server);
        actix_rt::spawn(keep_fresh(service.clone()));
        service.run_background();
        state.started.store(true, Ordering::Relaxed);
        let tls = service.certificate.is_some();
        tracing::info!(public = %public_address, admin = %admin_address, tls, "listening");
        Ok(running)
    }

    /// Serves until SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    /// An address that cannot be bound, named.
    pub async fn run(self) -> anyhow::Result<()> {
        // Before anything is bound, so that a signal during the start is not lost.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let running = self.start()?;
        let grace = tokio::select! {
            _ = terminate.recv() => Duration::from_secs(running.service.server.drain_grace_seconds),
            // Somebody at a terminal: no load balancer has to notice.
            _ = interrupt.recv() => Duration::ZERO,
        };
        tokio::select! {
            () = running.drain(grace) => tracing::info!("drained"),
            _ = terminate.recv() => tracing::warn!("second signal: stopped at once"),
            _ = interrupt.recv() => tracing::warn!("second signal: stopped at once"),
        }
        Ok(())
    }
}

impl Running {
    /// Whether callers can be told apart, and new ones should come.
    #[must_use]
    pub fn ready(&self) -> bool {
        !self.state.draining() && self.service.authenticators.ready()
    }

    /// Stops at once, whatever is in progress.
    pub async fn stop(&self) {
        self.state.begin_drain();
        self.state.end_tunnels(Duration::ZERO);
        self.public_handle.stop(false).await;
        self.service.lines.flush(FLUSH);
        self.admin_handle.stop(false).await;
    }

    /// Not ready at once, no new connections after `grace`, then waits for what is in progress, up to the deadline.
    ///
    /// Tunnels end at half of `grace`: by then whoever comes again is led to another replica, and nobody was refused before.
    pub async fn drain(&self, grace: Duration) {
        self.state.begin_drain();
        tracing::info!(?grace, "draining");
        let half = grace / 2;
        tokio::time::sleep(half).await;
        self.state.end_tunnels(grace - half);
        tokio::time::sleep(grace - half).await;
        self.public_handle.stop(true).await;
        self.service.finish_background().await;
        self.service.lines.flush(FLUSH);
        self.admin_handle.stop(false).await;
    }
}

/// Keeps what authenticators must know (signing keys) fresh, for as long as the service runs.
async fn keep_fresh(service: Arc<Service>) {
    let clients = Clients::new(&service.tls);
    while let Some(after) = service.authenticators.refresh(&clients.platform).await {
        tokio::time::sleep(after).await;
    }
}

fn bind(host: IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::new(host, port);
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok::<_, io::Error>(socket.into())
    };
    open().with_context(|| format!("cannot listen on {address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_worker_that_does_not_tick_is_not_alive_until_it_ticks_again_or_is_gone() {
        let state = State::default();
        assert!(state.alive_at(1_000), "nothing is watched yet");
        let (ticking, stuck) = (state.heartbeat(), state.heartbeat());
        ticking.store(1_000, Ordering::Relaxed);
        assert!(!state.alive_at(1_000));
        stuck.store(980, Ordering::Relaxed);
        assert!(state.alive_at(1_000) && !state.alive_at(1_010));
        drop(stuck);
        assert!(state.alive_at(1_010) && !state.alive_at(1_030));
    }
}
