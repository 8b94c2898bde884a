use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

impl Session for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (one, listener.accept().await.unwrap().0)
}

#[actix_web::test]
async fn who_uses_a_connection_that_is_lent_is_told_and_afterwards_it_is_as_before() {
    let (io, mut other) = connected().await;
    let mut socket = Socket::<TcpStream>::Plain(io);
    other.write_all(b"before").await.unwrap();
    let lent = socket.lend().unwrap();
    assert!(socket.tcp().is_none() && socket.lend().is_none());
    let told = socket.read_u8().await.unwrap_err();
    assert_eq!(told.kind(), io::ErrorKind::NotConnected);
    for told in [socket.write_u8(1).await, socket.flush().await, socket.shutdown().await] {
        assert_eq!(told.unwrap_err().kind(), io::ErrorKind::NotConnected);
    }
    socket.give_back(lent);
    let mut came = [0; 6];
    socket.read_exact(&mut came).await.unwrap();
    assert_eq!(&came, b"before");
    socket.write_all(b"x").await.unwrap();
    assert_eq!(other.read_u8().await.unwrap(), b'x');
}

#[actix_web::test]
async fn a_session_is_not_lent() {
    let (io, _other) = connected().await;
    let mut socket = Socket::Tls(Box::new(io));
    assert!(socket.lend().is_none());
    assert!(matches!(socket, Socket::Tls(_)) && socket.tcp().is_some());
}
