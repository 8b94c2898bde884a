//! Over mere sockets, which the relay has meanwhile.

use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::{
    transport::Raw,
    tunnel::relay::{self, LENDS},
};

/// Both ends of a connection: the other's, and ours.
async fn connected() -> (TcpStream, Raw) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (other, Raw::Plain(listener.accept().await.unwrap().0))
}

#[tokio::test]
async fn mere_sockets_are_lent_and_come_back_for_whatever_the_relay_does_not_do() {
    locally(async {
        let ((mut caller, ours), (mut upstream, theirs)) = (connected().await, connected().await);
        let (drain, traffic) = (watch::Sender::new(None), Traffic::new());
        let control = Control::new(ending(None, drain.subscribe(), None, None, traffic.clone()));
        let end = spawn_local(Pump::new(ours, theirs, control, traffic).run());
        let flood: Vec<u8> = (0..=250).cycle().take(20_000_000).collect();
        for lends in 1..=2 {
            upstream.write_all(HELLO).await.unwrap();
            let mut came = [0; 7];
            caller.read_exact(&mut came).await.unwrap();
            assert_eq!((&came[..], LENDS.get()), (HELLO, lends), "it is away");
            // More than the system takes while nobody reads.
            let (mut from, mut to) = upstream.split();
            let (sent, came) = tokio::join!(to.write_all(&flood), async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let mut came = vec![0; flood.len()];
                caller.read_exact(&mut came).await.map(|_| came)
            });
            sent.unwrap();
            assert!(came.unwrap() == flood);
            assert_eq!(
                LENDS.get(),
                lends,
                "it is with its worker while it is not sure what comes"
            );
            tokio::time::sleep(REST).await;
            caller.write_all(b"thanks").await.unwrap();
            let mut came = [0; 6];
            from.read_exact(&mut came).await.unwrap();
            assert_eq!(&came, b"thanks");
        }
        drop(caller);
        assert_eq!(end.await.unwrap().why, Why::Caller);
    })
    .await;
}

#[tokio::test]
async fn a_tunnel_whose_relay_dies_ends_and_is_blamed_on_neither_side() {
    locally(async {
        let ((mut caller, ours), (mut upstream, theirs)) = (connected().await, connected().await);
        let (drain, traffic) = (watch::Sender::new(None), Traffic::new());
        let control = Control::new(ending(None, drain.subscribe(), None, None, traffic.clone()));
        let end = spawn_local(Pump::new(ours, theirs, control, traffic).run());
        upstream.write_all(HELLO).await.unwrap();
        caller.read_exact(&mut [0; 7]).await.unwrap();
        assert_eq!(LENDS.get(), 1, "it is away");
        relay::die();
        let end = end.await.unwrap();
        assert_eq!((end.why, end.close), (Why::Stopped, None));
        assert_eq!(caller.read(&mut [0]).await.unwrap_or(0), 0);
    })
    .await;
}
