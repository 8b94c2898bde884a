use std::{io::Read as _, net::TcpListener, time::Duration};

use actix_http::{Payload, h1};
use futures_util::stream;
use proxy_testkit::{BlackHole, FakeUpstream, PATIENCE, Script, eventually};

use super::*;
use crate::{
    tenant::tests::upstream,
    transport::{Transport, line::MAX_LARGE, tests::transport},
    upstream::Reuse,
};

fn pool(transport: &Transport, server: &FakeUpstream, reuse: Reuse) -> Rc<Pool> {
    let mut upstream = upstream(&format!("{}/", server.url()));
    upstream.reuse = reuse;
    transport.pool(&"one".into(), &upstream, 1, "ada")
}

fn request(method: &str) -> Request<Upload> {
    let request = Request::builder().method(method).uri("/x").header("host", "x");
    request.body(Upload::default()).unwrap()
}

async fn read(mut body: AnswerBody) -> usize {
    let mut length = 0;
    while let Some(frame) = std::future::poll_fn(|context| body.poll_frame(context)).await {
        length += frame.unwrap().into_data().map_or(0, |data| data.len());
    }
    length
}

async fn send(pool: &Rc<Pool>, method: &str, fresh: bool) -> Response<AnswerBody> {
    pool.send(request(method), fresh, Instant::now() + PATIENCE)
        .await
        .unwrap()
}

async fn ask(pool: &Rc<Pool>) -> usize {
    read(send(pool, "GET", false).await.into_body()).await
}

/// An answer, and a while later the end of its connection, of which it did not speak.
fn closed_soon() -> Script {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    Script::raw(answer).wait(Duration::from_millis(100)).close()
}

/// Waits, off the worker, until the server has no connection.
async fn all_closed(server: FakeUpstream) -> FakeUpstream {
    let waiting = actix_web::web::block(move || {
        eventually(PATIENCE, || server.open_connections() == 0);
        server
    });
    waiting.await.unwrap()
}

#[actix_web::test]
async fn one_connection_serves_one_request_after_the_other_however_the_answer_ends() {
    let (server, transport) = (FakeUpstream::start(), transport());
    let pool = pool(&transport, &server, Reuse::Credential);
    for (answer, length) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 5),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            5,
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", 0),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 0),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0),
    ] {
        server.answer("/x", Script::raw(answer));
        assert_eq!(ask(&pool).await, length, "{answer}");
        assert_eq!(pool.idle.borrow().len(), 1, "{answer}");
    }
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn two_requests_at_once_have_two_connections() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Credential);
    let (one, two) = futures_util::future::join(send(&pool, "GET", false), send(&pool, "GET", false)).await;
    for answer in [one, two] {
        assert_eq!(read(answer.into_body()).await, 5);
    }
    assert_eq!((pool.idle.borrow().len(), server.connections()), (2, 2));
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
    drop(send(&pool, "GET", false).await);
    assert!(pool.idle.borrow().is_empty());
    all_closed(server).await;
}

#[actix_web::test]
async fn what_came_unasked_for_is_nobodys() {
    let (server, transport) = (FakeUpstream::start(), transport());
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmineHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nyours";
    server.answer_next("/x", Script::raw(two));
    server.answer("/x", Script::answer(200, &[], "other"));
    let pool = pool(&transport, &server, Reuse::Credential);
    assert_eq!(ask(&pool).await, 4);
    assert!(pool.idle.borrow().is_empty());
    assert_eq!(ask(&pool).await, 5);
    assert_eq!(server.connections(), 2);
}

#[actix_web::test]
async fn a_connection_that_still_carries_a_body_is_lent_to_nobody_though_its_answer_has_ended() {
    const EARLY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly";
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer_next("/x", Script::new().send(EARLY).read_body());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Credential);
    let (mut body, payload) = h1::Payload::create(false);
    body.feed_data(Bytes::from_static(b"half"));
    let post = request("POST").map(|_| Upload::of(Payload::H1 { payload }));
    let answer = pool.send(post, false, Instant::now() + PATIENCE).await.unwrap();
    assert_eq!(read(answer.into_body()).await, 5);
    assert_eq!((ask(&pool).await, server.connections()), (5, 2));
    body.feed_data(Bytes::from_static(b" and half"));
    body.feed_eof();
    assert_eq!((ask(&pool).await, server.connections()), (5, 2));
    let posted = server.requests().swap_remove(0);
    assert_eq!((posted.body.as_slice(), posted.complete), (b"half".as_slice(), false));
}

#[actix_web::test]
async fn a_body_that_its_upstream_takes_no_more_of_ends_with_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let transport = transport();
    let upstream = upstream(&format!("http://{address}/"));
    let pool = transport.pool(&"one".into(), &upstream, 1, "ada");
    let body = Rc::new(());
    let held = body.clone();
    let endless = stream::repeat_with(move || {
        let _held = &held;
        Ok(Bytes::from_static(&[b'x'; 65_536]))
    });
    let payload: Payload = Payload::Stream {
        payload: Box::pin(endless),
    };
    let post = request("POST").map(|_| Upload::of(payload));
    let late = pool
        .send(post, false, Instant::now() + Duration::from_millis(300))
        .await;
    assert!(matches!(late, Err(SendError::Timeout)));
    assert_eq!(Rc::strong_count(&body), 1, "nobody sends it any more");
    let received = actix_web::web::block(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut all = Vec::new();
        let end = stream.read_to_end(&mut all);
        (
            end.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
            all.len(),
        )
    });
    let (open, length) = received.await.unwrap();
    assert!(!open && length > 65_536, "{length} bytes came, open: {open}");
}

#[actix_web::test]
async fn a_connection_that_may_not_be_shared_serves_one_request() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Never);
    for _ in 0..3 {
        assert_eq!(ask(&pool).await, 5);
        assert!(pool.idle.borrow().is_empty());
    }
    assert_eq!(server.connections(), 3);
}

#[actix_web::test]
async fn what_was_not_sent_yet_goes_on_another_connection_whatever_its_method() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer_next("/x", closed_soon());
    server.answer("/x", Script::answer(200, &[], "again"));
    let pool = pool(&transport, &server, Reuse::Credential);
    assert_eq!(ask(&pool).await, 5);
    // Lent before its end is known.
    let Idle { line, .. } = pool.idle.borrow_mut().pop().unwrap();
    let server = all_closed(server).await;
    let answer = pool.send_on(Some(line), request("POST"), Instant::now() + PATIENCE);
    assert_eq!(answer.await.unwrap().status(), 200);
    assert_eq!((server.requests().len(), server.connections()), (2, 2));
}

#[actix_web::test]
async fn a_fresh_connection_is_fresh_though_another_lies_idle() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Credential);
    ask(&pool).await;
    send(&pool, "GET", true).await;
    assert_eq!(server.connections(), 2);
}

#[actix_web::test]
async fn a_silent_upstream_is_waited_for_until_the_deadline_and_its_connection_closed() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::new().hang());
    let pool = pool(&transport, &server, Reuse::Credential);
    let deadline = Instant::now() + Duration::from_millis(50);
    let sent = pool.send(request("GET"), false, deadline).await;
    assert!(matches!(sent, Err(SendError::Timeout)) && Instant::now() >= deadline);
    all_closed(server).await;
}

#[actix_web::test]
async fn an_address_that_is_silent_is_a_timeout_and_no_refusal() {
    let (hole, transport) = (BlackHole::new(), transport());
    let mut upstream = upstream(&format!("{}/", hole.url()));
    upstream.timeouts.connect = Duration::from_millis(20);
    let pool = transport.pool(&"one".into(), &upstream, 1, "ada");
    for _ in 0..10 {
        let sent = pool.send(request("GET"), false, Instant::now() + PATIENCE).await;
        assert!(matches!(sent, Err(SendError::Timeout)), "{sent:?}");
    }
}

#[actix_web::test]
async fn what_lies_idle_too_long_is_closed_and_so_is_what_is_one_too_many() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Credential);
    ask(&pool).await;
    pool.sweep(Instant::now() + IDLE - Duration::from_secs(1), &mut quiet());
    assert_eq!(pool.idle.borrow().len(), 1);
    pool.sweep(Instant::now() + IDLE, &mut quiet());
    assert!(pool.idle.borrow().is_empty());
    let at_once = (0..MAX_IDLE + 6).map(|_| send(&pool, "GET", false));
    for answer in futures_util::future::join_all(at_once).await {
        read(answer.into_body()).await;
    }
    assert_eq!(pool.idle.borrow().len(), MAX_IDLE);
}

#[actix_web::test]
async fn an_idle_connection_that_the_upstream_closes_is_let_go_of_at_once() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", closed_soon());
    let pool = pool(&transport, &server, Reuse::Credential);
    ask(&pool).await;
    assert_eq!(pool.idle.borrow().len(), 1);
    all_closed(server).await;
    // Well before the sweeper would look by itself.
    let deadline = Instant::now() + Duration::from_millis(500);
    while !pool.idle.borrow().is_empty() {
        assert!(Instant::now() < deadline, "it still lies there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[actix_web::test]
async fn few_connections_have_a_large_buffer_and_give_its_place_back_when_they_end() {
    let (server, transport) = (FakeUpstream::start(), transport());
    server.answer("/x", Script::answer(200, &[], "hello"));
    let pool = pool(&transport, &server, Reuse::Credential);
    let at_once = (0..MAX_LARGE + 5).map(|_| send(&pool, "GET", false));
    let answers = futures_util::future::join_all(at_once).await;
    assert_eq!(pool.shared.large.get(), MAX_LARGE);
    drop(answers);
    assert_eq!(pool.shared.large.get(), 0);
}
