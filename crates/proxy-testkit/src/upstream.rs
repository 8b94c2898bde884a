//! A scripted HTTP/1.1 server on real sockets, without a framework, so that it can break every rule.

mod connection;

use std::{
    collections::{HashMap, VecDeque},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use serde_json::{Value, json};

use crate::{script::Script, wire};

/// One request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Number of the connection it came on, from 0.
    pub connection: usize,
    /// Method.
    pub method: String,
    /// Target as on the wire, query included.
    pub target: String,
    /// Fields in order, duplicates kept, names as written.
    pub headers: Vec<(String, String)>,
    /// Body without its framing, as far as it has arrived.
    pub body: Vec<u8>,
    /// Whether the body arrived whole.
    pub complete: bool,
    /// Every byte of head and body as it stood on the wire.
    pub raw: Vec<u8>,
}

impl Seen {
    /// The first value of a field.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::all(&self.headers, name).next()
    }

    /// All values of a field, in order.
    #[must_use]
    pub fn header_values(&self, name: &str) -> Vec<&str> {
        wire::all(&self.headers, name).collect()
    }

    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the request's body is JSON")
    }
}

/// A scripted upstream. Without a script it answers 200 and JSON. Dropped, it ends every connection.
#[derive(Debug)]
pub struct FakeUpstream {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    scripts: Mutex<Scripts>,
    seen: Mutex<Vec<Arc<Mutex<Seen>>>>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Scripts {
    always: HashMap<String, Script>,
    next: HashMap<String, VecDeque<Script>>,
    otherwise: Option<Script>,
}

#[derive(Debug, Default)]
struct Connections {
    /// All bytes received, by connection.
    received: Vec<Vec<u8>>,
    open: HashMap<usize, TcpStream>,
}

impl FakeUpstream {
    /// Starts one on a port of its own.
    ///
    /// # Panics
    /// Loopback has no free port.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Starts one at this address: 127.0.0.2 with another's port is another machine.
    ///
    /// # Panics
    /// Somebody listens there.
    #[must_use]
    pub fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("the address is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared::default());
        let acceptor = thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared)
        });
        Self {
            shared,
            address,
            acceptor: Some(acceptor),
        }
    }

    /// An address where nobody listens: connections are refused.
    ///
    /// # Panics
    /// Loopback has no free port.
    #[must_use]
    pub fn refusing() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        listener.local_addr().expect("a bound listener has an address")
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on does this with every request for `path`, whatever its query.
    pub fn answer(&self, path: &str, script: Script) {
        locked(&self.shared.scripts).always.insert(path.to_owned(), script);
    }

    /// Does this with the next request for `path`, once; asked several times, with the next ones in turn.
    pub fn answer_next(&self, path: &str, script: Script) {
        locked(&self.shared.scripts)
            .next
            .entry(path.to_owned())
            .or_default()
            .push_back(script);
    }

    /// Does this with every request for a path without a script of its own.
    pub fn otherwise(&self, script: Script) {
        locked(&self.shared.scripts).otherwise = Some(script);
    }

    /// What has arrived so far, in order; the last ones perhaps not yet whole.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        locked(&self.shared.seen)
            .iter()
            .map(|seen| locked(seen).clone())
            .collect()
    }

    /// The only request.
    ///
    /// # Panics
    /// There is none, or more than one.
    #[must_use]
    #[track_caller]
    pub fn request(&self) -> Seen {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        locked(&self.shared.connections).received.len()
    }

    /// How many connections are open. An upstream notices the peer's end only where it reads: in any step but waiting.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        locked(&self.shared.connections).open.len()
    }

    /// Whether the connection of this number is open; noticed as [`FakeUpstream::open_connections`] notices it.
    #[must_use]
    pub fn is_open(&self, connection: usize) -> bool {
        locked(&self.shared.connections).open.contains_key(&connection)
    }

    /// Every byte received, by connection: what is no request, too.
    #[must_use]
    pub fn received(&self) -> Vec<Vec<u8>> {
        locked(&self.shared.connections).received.clone()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        locked(&self.shared.seen).clear();
    }

    /// Stops listening and ends every connection; what was seen remains.
    pub fn stop(&mut self) {
        let Some(acceptor) = self.acceptor.take() else { return };
        self.shared.stopped.store(true, Ordering::SeqCst);
        for stream in locked(&self.shared.connections).open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the acceptor, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
        let _ = acceptor.join();
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn script(&self, method: &str, path: &str) -> Script {
        let mut scripts = locked(&self.scripts);
        let next = scripts.next.get_mut(path).and_then(VecDeque::pop_front);
        let always = || scripts.always.get(path).or(scripts.otherwise.as_ref()).cloned();
        next.or_else(always)
            .unwrap_or_else(|| Script::json(200, &json!({ "method": method, "path": path })))
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(stream) = stream {
            connection::serve(stream, shared);
        }
    }
}

/// A test that failed elsewhere does not hide what was seen.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
