use std::time::Duration;

use http_body::Body as _;
use hyper::body::Incoming;
use proxy_testkit::{FakeUpstream, PATIENCE, Script, eventually};

use super::*;
use crate::{tenant::tests::upstream, transport::Transport, transport::tests::transport, upstream::Reuse};

fn pool(transport: &Transport, server: &FakeUpstream, reuse: Reuse) -> Rc<Pool> {
    let mut upstream = upstream(&format!("{}/", server.url()));
    upstream.reuse = reuse;
    transport.pool(&"one".into(), &upstream, 1, "ada")
}

fn request(method: &str) -> Request<Upload> {
    let request = Request::builder().method(method).uri("/x").header("host", "x");
    request.body(Upload::default()).unwrap()
}

async fn read(mut body: Incoming) -> usize {
    let mut length = 0;
    while let Some(frame) = std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await {
        length += frame.unwrap().into_data().map_or(0, |data| data.len());
    }
    length
}

/// Whether the connection is where it can be taken from, in a moment: it has to notice that its answer has ended.
async fn settled(pool: &Pool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if pool.idle.borrow().iter().all(|idle| idle.sender.is_ready()) {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

async fn ask(pool: &Rc<Pool>) -> usize {
    let (response, lease) = pool.send(request("GET"), false).await.unwrap();
    let length = read(response.into_body()).await;
    lease.give_back();
    assert!(settled(pool).await);
    length
}

#[actix_web::test]
async fn one_connection_serves_one_request_after_the_other() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Credential);
    for _ in 0..5 {
        assert_eq!(ask(&pool).await, 5);
        assert_eq!(pool.idle(), 1);
    }
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn two_requests_at_once_have_two_connections() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Credential);
    let (one, two) = (pool.send(request("GET"), false), pool.send(request("GET"), false));
    let (one, two) = futures_util::future::join(one, two).await;
    for (response, lease) in [one.unwrap(), two.unwrap()] {
        assert_eq!(read(response.into_body()).await, 5);
        lease.give_back();
    }
    assert_eq!((pool.idle(), server.connections()), (2, 2));
}

#[actix_web::test]
async fn a_connection_whose_answer_was_not_read_to_its_end_is_closed() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer(
        "/x",
        Script::new()
            .send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhel")
            .hang(),
    );
    let pool = pool(&transport, &server, Reuse::Credential);
    let (response, lease) = pool.send(request("GET"), false).await.unwrap();
    drop((response, lease));
    assert_eq!(pool.idle(), 0);
    tokio::task::yield_now().await;
    let gone = actix_web::web::block(move || eventually(PATIENCE, || server.open_connections() == 0));
    gone.await.unwrap();
}

#[actix_web::test]
async fn a_connection_that_may_not_be_shared_serves_one_request() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Never);
    for _ in 0..3 {
        assert_eq!(ask(&pool).await, 5);
        assert_eq!(pool.idle(), 0);
    }
    assert_eq!(server.connections(), 3);
}

#[actix_web::test]
async fn what_was_not_sent_yet_goes_on_another_connection_whatever_its_method() {
    let (server, transport) = (FakeUpstream::start(), transport());
    // The first answer ends its connection without saying so beforehand.
    server.answer_next(
        "/x",
        Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").close(),
    );
    server.answer("/x", Script::answer(200, &[], "again"));
    let pool = pool(&transport, &server, Reuse::Credential);
    assert_eq!(ask(&pool).await, 5);
    let gone = actix_web::web::block(move || {
        eventually(PATIENCE, || server.open_connections() == 0);
        server
    });
    let server = gone.await.unwrap();
    let (response, _lease) = pool.send(request("POST"), false).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(server.requests().len(), 2);
}

#[actix_web::test]
async fn a_fresh_connection_is_fresh_though_another_lies_idle() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Credential);
    ask(&pool).await;
    pool.send(request("GET"), true).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[actix_web::test]
async fn what_lies_idle_too_long_is_closed_and_so_is_what_is_one_too_many() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Credential);
    ask(&pool).await;
    pool.sweep(Instant::now() + IDLE - Duration::from_secs(1));
    assert_eq!(pool.idle(), 1);
    pool.sweep(Instant::now() + IDLE);
    assert_eq!(pool.idle(), 0);
    let at_once = (0..MAX_IDLE + 6).map(|_| pool.send(request("GET"), false));
    for answer in futures_util::future::join_all(at_once).await {
        answer.unwrap().1.give_back();
    }
    assert_eq!(pool.idle(), MAX_IDLE);
}

#[actix_web::test]
async fn few_connections_have_a_large_buffer_and_give_its_place_back_when_they_end() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Credential);
    let at_once = (0..MAX_LARGE + 5).map(|_| pool.send(request("GET"), false));
    let answers = futures_util::future::join_all(at_once).await;
    assert_eq!(pool.large.get(), MAX_LARGE);
    drop(answers);
    let deadline = Instant::now() + PATIENCE;
    while pool.large.get() > 0 {
        assert!(Instant::now() < deadline, "{} are still there", pool.large.get());
        tokio::task::yield_now().await;
    }
}
