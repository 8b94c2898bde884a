//! One connection of a fake upstream, on a thread of its own.

use std::{
    io::Write,
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex, atomic::Ordering},
    thread,
    time::Duration,
};

use rustix::net::sockopt::set_socket_linger;

use super::{Seen, Shared, locked};
use crate::{
    script::Step,
    wire::{Framing, Head, Wire},
};

/// How a connection ends.
#[derive(PartialEq, Eq)]
enum End {
    Close,
    Reset,
}

pub(super) fn serve(stream: TcpStream, shared: &Arc<Shared>) {
    let Ok(handle) = stream.try_clone() else { return };
    let _ = stream.set_nodelay(true);
    let number = {
        let mut connections = locked(&shared.connections);
        let number = connections.received.len();
        connections.received.push(Vec::new());
        connections.open.insert(number, handle);
        number
    };
    if shared.stopped.load(Ordering::SeqCst) {
        let _ = stream.shutdown(Shutdown::Both);
    }
    let shared = shared.clone();
    thread::spawn(move || {
        let transcript = shared.clone();
        let wire = Wire::new(stream, move |bytes| {
            locked(&transcript.connections).received[number].extend_from_slice(bytes)
        });
        let mut connection = Connection {
            wire,
            shared: shared.clone(),
            number,
            seen: Arc::default(),
            unread_body: None,
        };
        let end = connection.serve();
        // Both handles go at once, so that the peer sees the end now.
        let handle = locked(&shared.connections).open.remove(&number);
        if end == End::Reset {
            let _ = set_socket_linger(connection.wire.stream(), Some(Duration::ZERO));
        } else {
            let _ = connection.wire.stream().shutdown(Shutdown::Both);
        }
        drop((handle, connection));
    });
}

struct Connection {
    wire: Wire,
    shared: Arc<Shared>,
    number: usize,
    /// The request in hand.
    seen: Arc<Mutex<Seen>>,
    unread_body: Option<Framing>,
}

impl Connection {
    fn serve(&mut self) -> End {
        loop {
            let Some(raw) = self.wire.take_until(b"\r\n\r\n") else {
                return End::Close;
            };
            let head = Head::parse(&raw);
            let mut words = head.first.splitn(3, ' ').map(str::to_owned);
            let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let keep = words.next().as_deref() == Some("HTTP/1.1") && !head.says("connection", "close");
            let framing = head.framing(Framing::Length(0));
            let complete = framing == Framing::Length(0);
            self.unread_body = (!complete).then_some(framing);
            let connection = self.number;
            let seen = Seen {
                connection,
                method,
                target,
                headers: head.fields,
                body: Vec::new(),
                complete,
                raw,
            };
            let script = self.shared.script(&seen.method, seen.path());
            let method = seen.method.clone();
            self.seen = Arc::new(Mutex::new(seen));
            locked(&self.shared.seen).push(self.seen.clone());
            for step in script.steps {
                if let Some(end) = self.take(step, &method) {
                    return end;
                }
            }
            if !self.read_body() || !keep {
                return End::Close;
            }
        }
    }

    /// Takes one step; how the connection ends if that ends it.
    fn take(&mut self, step: Step, method: &str) -> Option<End> {
        let more = match step {
            Step::ReadBody => self.read_body(),
            Step::Answer(response) => self.send(&response.to_bytes(method)),
            Step::Send(bytes) => self.send(&bytes),
            Step::Repeat(bytes, times) => (0..times).all(|_| self.send(&bytes)),
            Step::Drip(bytes, pause) => bytes.chunks(1).all(|byte| {
                thread::sleep(pause);
                self.send(byte)
            }),
            Step::Wait(time) => {
                thread::sleep(time);
                true
            }
            Step::Echo => self.echo(),
            Step::Hang => self.hang(),
            Step::HalfClose => self.wire.stream().shutdown(Shutdown::Write).is_ok() && self.hang(),
            Step::Close => false,
            Step::Reset => return Some(End::Reset),
        };
        (!more).then_some(End::Close)
    }

    fn send(&self, bytes: &[u8]) -> bool {
        let mut stream = self.wire.stream();
        stream.write_all(bytes).is_ok()
    }

    fn read_body(&mut self) -> bool {
        let Some(framing) = self.unread_body.take() else {
            return true;
        };
        let seen = &self.seen;
        let complete = self.wire.take_body(framing, &mut |raw, body| {
            let mut seen = locked(seen);
            seen.raw.extend_from_slice(raw);
            seen.body.extend_from_slice(body);
        });
        locked(seen).complete = complete;
        complete
    }

    fn echo(&mut self) -> bool {
        loop {
            let bytes = self.wire.take_all();
            if !self.send(&bytes) || !self.wire.read_more() {
                return false;
            }
        }
    }

    /// Reads, and does nothing with it, until the peer ends.
    fn hang(&mut self) -> bool {
        while self.wire.read_more() {}
        false
    }
}
