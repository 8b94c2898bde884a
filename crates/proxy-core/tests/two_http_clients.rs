//! Why bytes are forwarded by hyper and not by awc (`docs/decisions/0001-two-http-clients.md`): what awc 3.11 does with
//! answers that are ordinary or broken. A test that fails here is good news: awc was mended, and the decision can be
//! looked at again. What the forwarder makes of the same answers is tested with jira-proxy (`streaming`, `contract`).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use std::time::Duration;

use awc::{Client, error::PayloadError};
use bytes::Bytes;
use proxy_testkit::{FakeUpstream, Script};

const PATIENCE: Duration = Duration::from_secs(2);

async fn ask(client: &Client, upstream: &FakeUpstream) -> (u16, Result<Bytes, PayloadError>) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut answer = client
        .get(format!("{}/x", upstream.url()))
        .timeout(PATIENCE)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.body().await)
}

fn scripted(raw: &str) -> FakeUpstream {
    let upstream = FakeUpstream::start();
    upstream.answer_next("/x", Script::raw(raw).close());
    upstream
}

fn client() -> Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::default()
}

#[actix_web::test]
async fn awc_takes_an_interim_answer_for_the_final_one() {
    let upstream = scripted("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal");
    assert_eq!(ask(&client(), &upstream).await.0, 103);
}

#[actix_web::test]
async fn awc_takes_a_chunked_body_that_was_cut_short_for_a_whole_one() {
    let upstream = scripted("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    let (status, body) = ask(&client(), &upstream).await;
    assert_eq!((status, body.unwrap()), (200, Bytes::from_static(b"half")));
}

#[actix_web::test]
async fn awc_loses_a_body_that_ends_with_the_connection() {
    let upstream = scripted("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole");
    let (status, body) = ask(&client(), &upstream).await;
    assert_eq!((status, body.unwrap()), (200, Bytes::new()));
}

#[actix_web::test]
async fn awc_waits_for_the_body_of_a_304() {
    let upstream = FakeUpstream::start();
    upstream.answer(
        "/x",
        Script::raw("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n").hang(),
    );
    let mut answer = client().get(format!("{}/x", upstream.url())).send().await.unwrap();
    assert_eq!(answer.status(), 304);
    assert!(
        tokio::time::timeout(Duration::from_millis(500), answer.body())
            .await
            .is_err()
    );
}
