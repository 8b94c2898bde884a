use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use proxy_testkit::{FakeAuthority, PATIENCE};
use rustls::{ClientConnection, StreamOwned, version::TLS13};
use socket2::SockRef;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::service::tls::tests::server;

/// A client that takes nothing until it is told to, and then everything.
fn client(authority: &FakeAuthority, address: SocketAddr) -> mpsc::Sender<()> {
    let session = ClientConnection::new(authority.client(&[&TLS13]), address.ip().into()).unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let stream = std::net::TcpStream::connect(address).unwrap();
        let mut session = StreamOwned::new(session, stream);
        session.conn.complete_io(&mut session.sock).unwrap();
        told.recv().unwrap();
        // It ends with the connection, in whatever way.
        let _ = std::io::copy(&mut session, &mut std::io::sink());
    });
    tell
}

/// A session with such a client, whose system takes little at a time.
async fn session() -> (Socket, mpsc::Sender<()>) {
    let authority = FakeAuthority::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let told = client(&authority, listener.local_addr().unwrap());
    let (io, _) = listener.accept().await.unwrap();
    SockRef::from(&io).set_send_buffer_size(4_096).unwrap();
    let acceptor = TlsAcceptor::from(server(&authority.issue()));
    let session = acceptor.accept(Counted::new(io)).await.unwrap();
    (Socket::Tls(Box::new(session)), told)
}

/// One attempt to write; whether it has ended.
async fn write(socket: &mut Socket, bytes: &[u8]) -> bool {
    let written = poll_fn(|context| Poll::Ready(Pin::new(&mut *socket).poll_write(context, bytes)));
    written.await.is_ready()
}

/// One attempt to flush, a little later.
async fn flush(socket: &mut Socket) -> bool {
    tokio::time::sleep(Duration::from_millis(1)).await;
    let flushed = poll_fn(|context| Poll::Ready(Pin::new(&mut *socket).poll_flush(context)));
    flushed.await.is_ready()
}

#[actix_web::test]
async fn of_a_session_counts_what_the_client_takes_and_not_what_waits_in_it() {
    let (mut socket, told) = session().await;
    assert!(!socket.holds_back());
    let (began, mut quiet) = (Instant::now(), 0);
    // Until the system takes no more, while the session still would.
    while quiet < 50 {
        assert!(write(&mut socket, &[0; 512]).await && began.elapsed() < PATIENCE);
        quiet = 0;
        while quiet < 50 && !flush(&mut socket).await {
            quiet = if socket.took(false) { 0 } else { quiet + 1 };
        }
    }
    assert!(socket.holds_back());
    let ready = write(&mut socket, &[0; 512]).await;
    assert!(ready && !socket.took(ready), "nobody took it");

    // Until the session takes no more either.
    while write(&mut socket, &[0; 16_384]).await {
        assert!(!socket.took(true));
    }
    told.send(()).unwrap();
    let mut done = false;
    while !done {
        done = flush(&mut socket).await;
        let took = socket.took(done);
        assert!(took || !done, "all of it was taken");
        assert!(began.elapsed() < 2 * PATIENCE, "the client takes nothing");
    }
    assert!(!socket.holds_back());
}
