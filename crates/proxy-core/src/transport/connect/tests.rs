use std::{
    future::{Ready, ready},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    task::{Context, Poll},
    time::Duration,
    vec,
};

use http::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use proxy_testkit::{BlackHole, PATIENCE};
use tokio::time::timeout;
use tower_service::Service;

use super::tcp;

/// Knows these addresses for every name.
#[derive(Clone)]
struct Addresses(Vec<SocketAddr>);

impl Service<Name> for Addresses {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _name: Name) -> Self::Future {
        ready(Ok(self.0.clone().into_iter()))
    }
}

#[actix_web::test]
async fn an_address_that_is_silent_does_not_use_up_the_time_of_the_next() {
    let (silent, listener) = (BlackHole::new(), TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let good = listener.local_addr().unwrap();
    for addresses in [vec![silent.address(), good], vec![good, silent.address()]] {
        let mut connector = tcp(Addresses(addresses), Duration::from_millis(400));
        let connecting = connector.call(Uri::from_static("http://two.example/"));
        let connected = timeout(PATIENCE, connecting)
            .await
            .expect("the second is tried in time");
        assert_eq!(connected.unwrap().inner().peer_addr().unwrap(), good);
    }
}
