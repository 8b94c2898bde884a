//! WebSockets for the bench, at next to no cost: an instance that sends every message back, and callers who wait for each
//! message to come back before they send the next, or who are only there.
//!
//! ```text
//! websockets echo ADDRESS                                        until it is stopped
//! websockets load ADDRESS PATH TOKEN CONNECTIONS SECONDS SIZE    prints round trips, seconds, and what one took
//! websockets hold ADDRESS PATH TOKEN CONNECTIONS                 prints `open`, and holds them until its input ends
//! ```
//!
//! One thread and one epoll. Nothing is checked beyond what keeps count: what tunnels carry is for `e2e/instance`.

use std::{
    env,
    error::Error,
    io::{self, BufRead as _, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const HEAD_END: &[u8] = b"\r\n\r\n";
/// Sockets that are told of at once.
const EVENTS: usize = 256;
/// A load on which nothing moves for so long has failed.
const STUCK: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["echo", address] => echo(address),
        ["load", address, path, token, connections, seconds, size] => {
            let sockets = open(address, path, token, connections.parse()?)?;
            load(sockets, Duration::from_secs_f64(seconds.parse()?), size.parse()?)
        }
        ["hold", address, path, token, connections] => hold(open(address, path, token, connections.parse()?)?),
        _ => Err("see the first lines of websockets.rs".into()),
    }
}

// Callers

/// So many upgraded connections.
fn open(address: &str, path: &str, token: &str, connections: usize) -> Outcome<Vec<TcpStream>> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let open_one = |_| {
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.write_all(request.as_bytes())?;
        let mut head = Vec::new();
        while !head.ends_with(HEAD_END) {
            let mut byte = [0];
            socket.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        match head.starts_with(b"HTTP/1.1 101 ") {
            true => Ok(socket),
            false => Err(String::from_utf8_lossy(&head).into()),
        }
    };
    (0..connections).map(open_one).collect()
}

struct Caller {
    socket: TcpStream,
    /// Bytes of the message that have come back.
    back: usize,
    since: Instant,
}

/// Each connection sends a message as soon as the one before has come back.
fn load(sockets: Vec<TcpStream>, length: Duration, size: usize) -> Outcome<()> {
    let message = [&header(size, true)[..], &vec![b'x'; size]].concat();
    let whole = header(size, false).len() + size;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut callers = Vec::new();
    let began = Instant::now();
    for (number, mut socket) in sockets.into_iter().enumerate() {
        socket.set_nonblocking(true)?;
        watch(&poll, &socket, number)?;
        socket.write_all(&message)?;
        callers.push(Caller {
            socket,
            back: 0,
            since: Instant::now(),
        });
    }
    let (mut events, mut buffer, mut waits) = (Vec::with_capacity(EVENTS), vec![0; 65_536], Vec::new());
    while began.elapsed() < length {
        for number in ready(&poll, &mut events, Some(&STUCK))? {
            let caller = &mut callers[number];
            caller.back += caller.socket.read(&mut buffer)?;
            if caller.back == whole {
                waits.push(caller.since.elapsed());
                (caller.back, caller.since) = (0, Instant::now());
                caller.socket.write_all(&message)?;
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    waits.sort_unstable();
    let percentile = |share: usize| waits[waits.len() * share / 100].as_secs_f64() * 1000.0;
    println!("{} {seconds} {} {}", waits.len(), percentile(50), percentile(99));
    Ok(())
}

/// Says something once on each connection, and then nothing.
fn hold(mut sockets: Vec<TcpStream>) -> Outcome<()> {
    let message = [&header(5, true)[..], b"hello"].concat();
    for socket in &mut sockets {
        socket.write_all(&message)?;
        socket.read_exact(&mut [0; 7])?;
    }
    println!("open");
    io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

// The instance

struct Connection {
    socket: TcpStream,
    /// What has come of a head or frame that is not whole.
    begun: Vec<u8>,
    upgraded: bool,
}

fn echo(address: &str) -> Outcome<()> {
    let listener = TcpListener::bind(address)?;
    rustix::net::listen(&listener, 4096)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    watch(&poll, &listener, usize::MAX)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let (mut events, mut buffer) = (Vec::with_capacity(EVENTS), vec![0; 65_536]);
    loop {
        for number in ready(&poll, &mut events, None)? {
            if number == usize::MAX {
                let (socket, _) = listener.accept()?;
                socket.set_nonblocking(true)?;
                socket.set_nodelay(true)?;
                watch(&poll, &socket, connections.len())?;
                connections.push(Some(Connection {
                    socket,
                    begun: Vec::new(),
                    upgraded: false,
                }));
            } else if let Some(connection) = &mut connections[number]
                && !matches!(connection.answer(&mut buffer), Ok(true))
            {
                connections[number] = None;
            }
        }
    }
}

impl Connection {
    /// Reads once and sends back what is whole; whether the connection goes on.
    fn answer(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        let count = self.socket.read(buffer)?;
        if !self.upgraded {
            self.begun.extend_from_slice(&buffer[..count]);
            if let Some(end) = find(&self.begun, HEAD_END) {
                self.socket.write_all(&agreement(&self.begun[..end]))?;
                (self.upgraded, self.begun) = (true, self.begun.split_off(end + HEAD_END.len()));
            }
        } else if self.begun.is_empty() && whole(&buffer[..count]) == Some(count) {
            send_back(&mut self.socket, &buffer[..count])?; // the usual case: nothing is copied
        } else {
            self.begun.extend_from_slice(&buffer[..count]);
            while let Some(size) = whole(&self.begun) {
                let left = self.begun.split_off(size);
                send_back(&mut self.socket, &std::mem::replace(&mut self.begun, left))?;
            }
        }
        Ok(count > 0)
    }
}

/// The size of the frame that `bytes` begin with, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let (head, size) = match bytes {
        [_, length, high, low, ..] if length & 0x7F == 126 => (8, usize::from(u16::from_be_bytes([*high, *low]))),
        [_, length, ..] => (6, usize::from(length & 0x7F)),
        _ => return None,
    };
    (bytes.len() >= head + size).then_some(head + size)
}

/// A caller's frame, without its mask, which is of zeros here.
fn send_back(socket: &mut TcpStream, frame: &[u8]) -> io::Result<()> {
    let head = if frame[1] & 0x7F == 126 { 4 } else { 2 };
    let mut unmasked = [&frame[..head], &frame[head + 4..]].concat();
    unmasked[1] &= 0x7F;
    socket.write_all(&unmasked)
}

fn agreement(head: &[u8]) -> Vec<u8> {
    let head = String::from_utf8_lossy(head);
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let key = fields.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
    let key = key.map_or("", |(_, value)| value.trim());
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()));
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

// Both

/// The head of a binary frame; a caller's has a mask, of zeros.
fn header(size: usize, masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut head = match u8::try_from(size) {
        Ok(short) if short < 126 => vec![0x82, short | mask],
        _ => [
            &[0x82, 126 | mask][..],
            &u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes(),
        ]
        .concat(),
    };
    head.extend_from_slice(if masked { &[0; 4] } else { &[] });
    head
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn watch(poll: &OwnedFd, source: impl AsFd, number: usize) -> io::Result<()> {
    Ok(epoll::add(
        poll,
        source,
        epoll::EventData::new_u64(number as u64),
        epoll::EventFlags::IN,
    )?)
}

/// The numbers of what can be read, once there are any.
fn ready(poll: &OwnedFd, events: &mut Vec<epoll::Event>, timeout: Option<&Timespec>) -> Outcome<Vec<usize>> {
    events.clear();
    epoll::wait(poll, spare_capacity(events), timeout)?;
    if events.is_empty() {
        return Err("nothing moves any more".into());
    }
    Ok(events.iter().map(|event| event.data.u64() as usize).collect())
}
