//! The same client over TLS.

use std::{io, net::SocketAddr, sync::Arc};

use rustls::{ClientConfig, ClientConnection, HandshakeKind};

use super::{RawClient, connected};
use crate::wire::Wire;

impl RawClient {
    /// Connects, and shakes hands as `tls` says with a server whose certificate is for this address.
    ///
    /// # Errors
    /// There is no session: what TLS says of it.
    ///
    /// # Panics
    /// Nobody listens there.
    #[track_caller]
    pub fn connect_over_tls(address: SocketAddr, tls: &Arc<ClientConfig>) -> io::Result<Self> {
        let mut stream = connected(address);
        let session = ClientConnection::new(tls.clone(), address.ip().into());
        let mut session = session.expect("every address is a name");
        session.complete_io(&mut stream)?;
        Ok(Self {
            wire: Wire::over_tls(session, stream),
            head_only: false,
        })
    }

    /// The server's own certificate, of TLS.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        Some(self.wire.session()?.peer_certificates()?.first()?)
    }

    /// Whether the session, of TLS, goes on from an earlier one.
    #[must_use]
    pub fn resumes(&self) -> bool {
        let kind = self.wire.session().and_then(|session| session.handshake_kind());
        kind == Some(HandshakeKind::Resumed)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{Shutdown, TcpListener, TcpStream},
        thread,
        time::Duration,
    };

    use rustix::net::sockopt::set_socket_linger;
    use rustls::{ServerConfig, ServerConnection, StreamOwned, version::TLS13};
    use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

    use super::*;
    use crate::{Ended, FakeAuthority};

    type Session = StreamOwned<ServerConnection, TcpStream>;

    /// A server that answers each request with `hello` and then ends.
    fn server(authority: &FakeAuthority, end: impl Fn(Session) + Send + 'static) -> SocketAddr {
        let issued = authority.issue();
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]);
        let config = config.unwrap().with_no_client_auth();
        let config = config.with_single_cert(vec![CertificateDer::from(issued.der)], key);
        let config = Arc::new(config.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_nodelay(true).unwrap();
                let mut session = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
                // A client that trusts nobody ends the handshake.
                if session.read(&mut [0; 4_096]).is_ok() {
                    session.write_all(b"hello").unwrap();
                    end(session);
                }
            }
        });
        address
    }

    #[test]
    fn how_a_session_ends_is_told_apart() {
        let ends: [(fn(Session), Ended); 3] = [
            (
                |mut session| {
                    session.conn.send_close_notify();
                    session.flush().unwrap();
                },
                Ended::Closed,
            ),
            (
                |session| session.sock.shutdown(Shutdown::Write).unwrap(),
                Ended::Unannounced,
            ),
            (
                |session| set_socket_linger(&session.sock, Some(Duration::ZERO)).unwrap(),
                Ended::Reset,
            ),
        ];
        let authority = FakeAuthority::new();
        for (end, expected) in ends {
            let address = server(&authority, end);
            let mut client = RawClient::connect_over_tls(address, &authority.client(&[&TLS13])).unwrap();
            client.send("GET / HTTP/1.1\r\n\r\n");
            assert_eq!(client.read_to_end(), (b"hello".to_vec(), expected));
        }
    }

    #[test]
    fn a_server_of_another_authority_is_not_trusted() {
        let address = server(&FakeAuthority::new(), drop);
        let tls = FakeAuthority::new().client(&[&TLS13]);
        let error = RawClient::connect_over_tls(address, &tls).unwrap_err();
        assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    }
}
