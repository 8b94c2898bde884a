//! The instance of ada: in a browser, over WebSocket, with large files.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::running::{Running, text};

const PATIENCE: Duration = Duration::from_secs(20);
/// A caller's frames have a mask; one of zeros changes nothing.
const MASK: [u8; 4] = [0; 4];

fn url(playground: &Running, path: &str) -> String {
    format!("{}{path}", playground.url("instance-proxy"))
}

/// As ada.
fn curl(playground: &Running, arguments: &str) -> Output {
    let token = playground.block("A token");
    playground.sh(&format!("curl -sS -H 'Authorization: Bearer {token}' {arguments}"))
}

fn seen(playground: &Running) -> Value {
    let seen = playground.get(&format!("{}demo/seen", playground.url("demo instance")));
    serde_json::from_str(&seen).unwrap()
}

#[test]
fn the_address_for_browsers_signs_in_and_leads_to_the_instance() {
    for playground in Running::both() {
        let address = playground.block("The instance of ada, in a browser");
        // As a browser does: it follows, and keeps the cookie for all ports of this machine.
        let page = playground.visit(address);
        assert!(page.contains("<h1>Demo instance</h1>"), "{page}");
        assert!(page.contains("x-forwarded-prefix: /instance/42"), "{page}");
        assert!(!page.contains("eyJ") && !page.contains("access_token"), "{page}");
        let seen = seen(&playground);
        assert_eq!(
            (&seen["requests"], &seen["last"][0]["authorization"]),
            (&1.into(), &"none".into())
        );
    }
}

#[test]
fn a_page_and_all_that_it_needs_are_below_the_instance() {
    let playground = Running::start();
    for (path, kind) in [
        ("", "text/html"),
        ("instance.css", "text/css"),
        ("instance.js", "text/javascript"),
        ("icon.svg", "image/svg"),
    ] {
        let arguments = format!(
            "-o /dev/null -w '%{{http_code}} %{{content_type}}' {}",
            url(&playground, path)
        );
        let answer = text(&curl(&playground, &arguments));
        assert!(answer.starts_with(&format!("200 {kind}")), "{path}: {answer}");
    }
}

#[test]
fn a_large_file_comes_back_as_it_was() {
    let playground = Running::start();
    let content: Vec<u8> = (0..16_u32 << 20).map(|n| (n % 251) as u8).collect();
    std::fs::write(playground.directory().join("large"), &content).unwrap();
    let file = url(&playground, "files/large");
    assert_eq!(
        text(&curl(&playground, &format!("-T large {file}"))),
        "large: 16777216 bytes\n"
    );
    text(&curl(&playground, &format!("-o back {file}")));
    let back = std::fs::read(playground.directory().join("back")).unwrap();
    assert!(back == content, "it was changed");
}

#[test]
fn a_websocket_says_everything_back_until_it_is_closed() {
    let playground = Running::start();
    let mut socket = open(&playground);
    let frames = [
        frame(0x81, b"clear"),
        frame(0x01, b"first "),
        frame(0x89, b"ping"),
        frame(0x80, b"last"),
        frame(0x88, &[0x03, 0xE8]),
    ]
    .concat();
    // A piece of a frame, then all the rest at once.
    for piece in [&frames[..5], &frames[5..]] {
        socket.write_all(piece).unwrap();
    }
    for (first, content) in [
        (0x81, &b"clear"[..]),
        (0x01, b"first "),
        (0x8A, b"ping"),
        (0x80, b"last"),
        (0x88, &[0x03, 0xE8]),
    ] {
        assert_eq!(next(&mut socket), (first, content.to_vec()));
    }
    assert_eq!(socket.read(&mut [0]).unwrap(), 0, "it goes on after its end");
    let seen = seen(&playground);
    assert_eq!(seen["last"][0]["authorization"], "none");
}

#[test]
fn a_websocket_is_closed_with_the_reason() {
    let playground = Running::start();
    // A reserved opcode, and more than a frame may have.
    for (wrong, code) in [(frame(0x83, b""), 1002_u16), (frame(0x82, &[0; 70_000]), 1009)] {
        let mut socket = open(&playground);
        socket.write_all(&wrong).unwrap();
        let (first, content) = next(&mut socket);
        assert_eq!((first, &content[..2]), (0x88, &code.to_be_bytes()[..]));
    }
}

/// As ada, past the handshake.
fn open(playground: &Running) -> TcpStream {
    let url = url(playground, "echo");
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut socket = TcpStream::connect(host).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let token = playground.block("A token");
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    // RFC 6455, 1.3.
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    socket
}

fn frame(first: u8, content: &[u8]) -> Vec<u8> {
    let length = match u8::try_from(content.len()) {
        Ok(short) if short < 126 => vec![0x80 | short],
        _ => [&[0x80 | 127][..], &(content.len() as u64).to_be_bytes()].concat(),
    };
    [&[first][..], &length, &MASK, content].concat()
}

/// The first byte of a short frame, and what is in it.
fn next(socket: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    socket.read_exact(&mut head).unwrap();
    let mut content = vec![0; head[1].into()];
    socket.read_exact(&mut content).unwrap();
    (head[0], content)
}
