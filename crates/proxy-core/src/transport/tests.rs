use std::{
    future::poll_fn,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tokio::time::Instant;

use super::{IDLE, MAX_POOLS, SendError, Transport, resolver::leads_out};
use crate::{
    client::{
        tests::tls::{ROOT, answering, platform},
        tls_config,
    },
    forward::upload::Upload,
    tenant::tests::upstream,
    upstream::Reuse,
};

pub(super) fn transport() -> Transport {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Transport::new(tls_config(None).unwrap())
}

#[actix_web::test]
async fn pools_are_parted_by_tenant_credential_and_user() {
    let transport = transport();
    let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
    let mut upstream = upstream("https://jira.example.org/");
    for (tenant, generation, user, pools) in [
        (&one, 1, "ada", 1),
        (&one, 1, "bob", 1),
        (&one, 2, "ada", 2),
        (&two, 1, "ada", 3),
    ] {
        transport.pool(tenant, &upstream, generation, user);
        assert_eq!(transport.pools.borrow().len(), pools);
    }
    upstream.reuse = Reuse::User;
    transport.pool(&one, &upstream, 1, "ada");
    transport.pool(&one, &upstream, 1, "bob");
    assert_eq!(transport.pools.borrow().len(), 5);
}

#[actix_web::test]
async fn the_number_of_pools_is_bounded() {
    let transport = transport();
    let tenant: Arc<str> = "one".into();
    let mut upstream = upstream("https://jira.example.org/");
    upstream.reuse = Reuse::User;
    for user in 0..MAX_POOLS + 50 {
        transport.pool(&tenant, &upstream, 1, &user.to_string());
    }
    assert_eq!(transport.pools.borrow().len(), MAX_POOLS);
}

#[test]
fn a_name_may_not_lead_inwards() {
    for (address, expected) in [
        ("127.0.0.1", false),
        ("169.254.169.254", false),
        ("0.0.0.0", false),
        ("224.0.0.1", false),
        ("::1", false),
        ("fe80::1", false),
        ("::ffff:127.0.0.1", false),
        ("fd00:ec2::254", false),
        ("::", false),
        ("10.0.0.1", true),
        ("192.0.2.1", true),
        ("2001:db8::1", true),
    ] {
        assert_eq!(leads_out(address.parse().unwrap()), expected, "{address}");
    }
}

#[actix_web::test]
async fn an_upstream_is_trusted_by_the_extra_authority_and_not_without_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ROOT).unwrap();
    let trusting = Transport::new(tls_config(Some(file.path())).unwrap());
    let upstream = upstream(&format!("https://localhost:{}/", platform().port()));
    let ask = async |transport: &Transport| {
        let request = http::Request::get("/").body(Upload::default()).unwrap();
        let pool = transport.pool(&"one".into(), &upstream, 1, "ada");
        let deadline = Instant::now() + Duration::from_secs(5);
        pool.send(request, false, deadline).await.map(|answer| answer.status())
    };
    assert_eq!(ask(&trusting).await.unwrap(), 200);
    assert!(matches!(ask(&transport()).await.unwrap_err(), SendError::Connect(_)));
}

#[actix_web::test]
async fn a_body_without_a_length_is_whole_over_tls_only_if_the_connection_was_closed_in_so_many_words() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ROOT).unwrap();
    let transport = Transport::new(tls_config(Some(file.path())).unwrap());
    for says_so in [true, false] {
        let address = answering(b"HTTP/1.1 200 OK\r\n\r\nsome or all".to_vec(), says_so);
        let upstream = upstream(&format!("https://localhost:{}/", address.port()));
        let request = http::Request::get("/").body(Upload::default()).unwrap();
        let pool = transport.pool(&"one".into(), &upstream, 1, "ada");
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut body = pool.send(request, false, deadline).await.unwrap().into_body();
        let mut whole = true;
        while let Some(frame) = poll_fn(|context| body.poll_frame(context)).await {
            whole &= frame.is_ok();
        }
        assert_eq!(whole, says_so);
    }
}

/// An upstream that answers every request on the one connection that it accepts, and tells when that has ended.
fn one_connection() -> (SocketAddr, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (ended, end) = mpsc::channel();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if line.is_empty() {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    .unwrap();
            }
        }
        let _ = ended.send(());
    });
    (address, end)
}

#[actix_web::test]
async fn no_connection_lies_idle_for_longer_than_it_may() {
    let (address, end) = one_connection();
    let (transport, upstream) = (transport(), upstream(&format!("http://{address}/")));
    let ask = async || {
        let request = http::Request::get("/").body(Upload::default()).unwrap();
        let pool = transport.pool(&"one".into(), &upstream, 1, "ada");
        let answer = pool.send(request, false, Instant::now() + Duration::from_secs(5)).await;
        assert_eq!(answer.unwrap().status(), 200);
    };
    let pass = async |time: Duration| {
        tokio::time::pause();
        for _ in 0..time.as_secs() {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        tokio::time::resume();
    };
    ask().await;
    pass(IDLE / 3).await;
    ask().await;
    assert!(end.try_recv().is_err(), "it is used again");
    pass(IDLE + Duration::from_secs(5)).await;
    let ended = actix_web::rt::task::spawn_blocking(move || end.recv_timeout(Duration::from_secs(5)));
    ended.await.unwrap().expect("the connection is closed");
}
