use std::io::Write as _;

use actix_web::http::header::HeaderMap;
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use super::*;
use crate::service::{progress::Busy, socket::Socket};

const HEAD: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[actix_web::test]
async fn what_was_held_back_takes_no_memory_once_it_is_handed_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (io, _) = listener.accept().await.unwrap();
    let hour = Duration::from_secs(3_600);
    let limits = Limits {
        head: hour,
        keep_alive: hour,
        write: hour,
    };
    let mut timed = Timed::new(Socket::Plain(io), limits, Metrics::new("test", "0"));
    client.write_all(HEAD.repeat(100).as_bytes()).unwrap();
    let mut buffer = [0; 16_384];
    for _ in 0..100 {
        assert_eq!(timed.read(&mut buffer).await.unwrap(), HEAD.len());
        drop(Busy::begin(Some(timed.progress()), &HeaderMap::new(), || false));
    }
    assert!(!timed.held.try_reclaim(1));
}
