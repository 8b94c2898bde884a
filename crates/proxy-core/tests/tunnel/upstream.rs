//! An upstream whose connections a test has in hand.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use proxy_testkit::PATIENCE;

use crate::harness::agreed;

/// Agrees to everything, and hands over the connections.
pub(crate) struct Handing {
    pub(crate) address: SocketAddr,
    accepted: Receiver<TcpStream>,
}

impl Handing {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (hand_over, accepted) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if hand_over.send(agree(stream)).is_err() {
                    return;
                }
            }
        });
        Self { address, accepted }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next connection, behind its handshake.
    pub(crate) fn next(&self) -> TcpStream {
        self.accepted.recv_timeout(PATIENCE).unwrap()
    }
}

fn agree(mut stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    head(&mut stream);
    stream.write_all(agreed("").as_bytes()).unwrap();
    stream
}

/// All that comes until the peer ends, within a time.
pub(crate) fn rest(stream: &mut TcpStream, within: Duration) -> Vec<u8> {
    stream.set_read_timeout(Some(within)).unwrap();
    let mut bytes = Vec::new();
    // What ends it, a reset too, is not what is looked at here.
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

/// A caller whose connection a test has in hand, with the tunnel open.
pub(crate) fn caller(address: SocketAddr, handshake: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(handshake.as_bytes()).unwrap();
    stream
}

/// Reads a head, and not a byte more.
pub(crate) fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}
