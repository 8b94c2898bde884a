//! The same under TLS, towards the caller and towards the upstream.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
};

use proxy_testkit::{Ended, FakeAuthority, RawClient};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    version::TLS13,
};
use tempfile::TempDir;

use crate::harness::{Harness, Setup, agreed, handshake, read};

/// An upstream under TLS that agrees, sends everything back, and ends when it has heard `bye`.
fn upstream(authority: &FakeAuthority) -> SocketAddr {
    let issued = authority.issue();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]);
    let config = config.unwrap().with_no_client_auth();
    let config = Arc::new(
        config
            .with_single_cert(vec![CertificateDer::from(issued.der)], key)
            .unwrap(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let session = ServerConnection::new(config.clone()).unwrap();
            // What a test leaves unread is no matter here.
            let _ = serve(StreamOwned::new(session, stream));
        }
    });
    address
}

fn serve(mut session: StreamOwned<ServerConnection, std::net::TcpStream>) -> io::Result<()> {
    let mut bytes = vec![0; 100_000];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let count = session.read(&mut bytes)?;
        head.extend_from_slice(&bytes[..count]);
    }
    session.write_all(agreed("").as_bytes())?;
    loop {
        let count = session.read(&mut bytes)?;
        session.write_all(&bytes[..count])?;
        if count == 0 || bytes[..count].ends_with(b"bye") {
            session.conn.send_close_notify();
            return session.flush();
        }
    }
}

#[test]
fn a_tunnel_under_tls_on_both_sides_is_one_like_any_other() {
    let (authority, directory) = (FakeAuthority::new(), TempDir::new().unwrap());
    let issued = authority.issue();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let proxy = Harness::with(Setup {
        url: Some(format!("https://{}", upstream(&authority))),
        tls: Some([file("tls.crt", &issued.certificate), file("tls.key", &issued.key)]),
        authorities: Some(file("ca.pem", &authority.certificate())),
        ..Setup::default()
    });
    let tls = authority.client(&[&TLS13]);
    let mut client = RawClient::connect_over_tls(proxy.address, &tls).unwrap();
    client.send(format!("{}early", handshake("/x", "ada", "")));
    assert_eq!(client.read_response().status, 101);
    assert_eq!(read(&mut client, 5), b"early");
    let large: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    for piece in large.chunks(50_000) {
        client.send(piece);
        assert!(read(&mut client, piece.len()) == piece);
    }
    client.send("bye");
    assert_eq!(
        client.read_to_end(),
        (b"bye".to_vec(), Ended::Closed),
        "with a word of TLS"
    );
    let end = proxy.end_of_tunnel();
    assert_eq!((&end["ended_by"], &end["bytes"]), (&"upstream".into(), &800_008.into()));
}
