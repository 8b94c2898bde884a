pub(crate) mod support;
pub(crate) mod tls;

use std::{
    io::Write as _,
    sync::{Arc, Barrier, mpsc},
    thread,
    time::{Duration, Instant},
};

use actix_http::header::{AUTHORIZATION, HeaderValue};
use futures_util::future::join_all;
use url::Url;

use self::support::{FakePlatform, Question, capture_log, client, raw_answer};
use super::{Answer, PlatformClient, PlatformError, tls_config};

fn url(platform: &FakePlatform, path: &str) -> Url {
    format!("{}{path}", platform.url()).parse().unwrap()
}

async fn get(platform: &FakePlatform) -> Result<Answer, PlatformError> {
    client().get(&url(platform, "/"), &[]).await
}

async fn refused(answer: &'static [u8]) -> String {
    let platform = FakePlatform::start(move |_| answer.to_vec());
    get(&platform).await.expect_err("the answer is broken").to_string()
}

#[actix_web::test]
async fn each_question_has_a_connection_of_its_own() {
    let platform = FakePlatform::start(|_| raw_answer(200, "text/plain", b"yes"));
    let client = client();
    for _ in 0..2 {
        let answer = client.get(&url(&platform, "/a?b=c"), &[]).await.unwrap();
        assert_eq!((answer.status, &*answer.body), (200, b"yes".as_slice()));
    }
    // The platform reads one request from each connection.
    let questions = platform.questions();
    assert_eq!(questions.len(), 2);
    for question in &questions {
        assert_eq!((question.method.as_str(), question.path.as_str()), ("GET", "/a?b=c"));
        assert_eq!(question.header("connection"), "close");
        assert_eq!(question.header("user-agent"), "nbgate");
        assert_eq!(question.header("accept"), "application/json");
        assert_eq!(question.header("accept-encoding"), "");
    }
}

#[actix_web::test]
async fn a_form_is_encoded_and_sent_with_its_credential() {
    let platform = FakePlatform::start(|_| raw_answer(201, "text/plain", b""));
    let authorization = HeaderValue::from_static("Basic dXNlcjpwYXNz");
    let form = [("token", "a+b&c=d"), ("hint", "é")];
    let answer = client()
        .post_form(&url(&platform, "/"), authorization, &form)
        .await
        .unwrap();
    assert_eq!(answer.status, 201);
    let Question { method, body, .. } = &platform.questions()[0];
    assert_eq!(
        (method.as_str(), body.as_str()),
        ("POST", "token=a%2Bb%26c%3Dd&hint=%C3%A9")
    );
    assert_eq!(platform.questions()[0].header("authorization"), "Basic dXNlcjpwYXNz");
    assert_eq!(
        platform.questions()[0].header("content-type"),
        "application/x-www-form-urlencoded"
    );
}

/// J32: whoever asked sees the redirect, and takes it for what it is, no answer.
#[actix_web::test]
async fn redirects_are_not_followed() {
    let sink = FakePlatform::start(|_| raw_answer(200, "text/plain", b"yes"));
    let location = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        sink.url()
    );
    let platform = FakePlatform::start(move |_| location.clone().into_bytes());
    assert_eq!(get(&platform).await.unwrap().status, 302);
    assert!(sink.questions().is_empty());
}

#[actix_web::test]
async fn an_answer_is_whole_and_final_or_an_error() {
    for (answer, why) in [
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}".as_slice(),
            "its answer is broken: it ends before its end",
        ),
        (
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "its answer is broken: 103 is not a final answer",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\n{}",
            "its answer is broken: it has neither a length nor chunks",
        ),
    ] {
        assert_eq!(refused(answer).await, why);
    }
    for garbage in [
        b"".as_slice(),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let why = refused(garbage).await;
        assert!(
            why.starts_with("its answer is broken") || why.starts_with("it cannot be reached"),
            "{why}"
        );
    }
}

#[actix_web::test]
async fn a_chunked_body_is_an_answer() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n";
    let platform = FakePlatform::start(move |_| chunked.to_vec());
    assert_eq!(&*get(&platform).await.unwrap().body, b"{\"a\":1}");
}

#[actix_web::test]
async fn a_chunked_body_that_is_cut_is_not_json() {
    let cut = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n";
    let platform = FakePlatform::start(move |_| cut.to_vec());
    let json = match get(&platform).await {
        Ok(answer) => answer.json::<serde_json::Value>(),
        Err(error) => Err(error),
    };
    assert!(matches!(json, Err(PlatformError::Broken(_))), "{json:?}");
}

/// J31: gzip or not, a body counts as it comes over the wire.
#[actix_web::test]
async fn a_body_is_bounded_and_never_decompressed() {
    let platform = FakePlatform::start(|_| raw_answer(200, "application/json", &vec![b' '; 10 << 20]));
    assert!(matches!(get(&platform).await, Err(PlatformError::TooLarge)));
    let largest = FakePlatform::start(|_| raw_answer(200, "application/json", &vec![b' '; super::MAX_BODY]));
    assert_eq!(get(&largest).await.unwrap().body.len(), super::MAX_BODY);
    let gzip = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08";
    let platform = FakePlatform::start(move |_| gzip.to_vec());
    assert_eq!(&*get(&platform).await.unwrap().body, b"\x1f\x8b\x08");
}

#[actix_web::test]
async fn nobody_there_is_an_error_at_once() {
    let gone = FakePlatform::start(|_| Vec::new());
    let url = url(&gone, "/");
    drop(gone);
    // The listener's thread ends after its last connection.
    while std::net::TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).is_ok() {
        thread::yield_now();
    }
    assert!(matches!(
        client().get(&url, &[]).await,
        Err(PlatformError::Unreachable(_))
    ));
}

#[actix_web::test]
async fn the_deadline_is_for_the_whole_answer() {
    let (silence, wait) = mpsc::channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let held = wait.clone();
    let silent = FakePlatform::start(move |_| {
        let _ = held.lock().unwrap().recv();
        Vec::new()
    });
    let hasty = PlatformClient::with_deadline(tls_config(None).unwrap(), Duration::from_millis(200));
    assert!(matches!(
        hasty.get(&url(&silent, "/"), &[]).await,
        Err(PlatformError::Timeout)
    ));
    drop(silence);

    // A head at once, and then a byte now and then: no single wait is long.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let slow: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            thread::park_timeout(Duration::from_millis(20));
        }
    });
    let start = Instant::now();
    assert!(matches!(hasty.get(&slow, &[]).await, Err(PlatformError::Timeout)));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[actix_web::test]
async fn an_ipv6_address_is_connected_to() {
    // Where the machine has no IPv6, there is nothing to ask.
    if let Ok(platform) = FakePlatform::listen("[::1]:0", |_| raw_answer(204, "text/plain", b"")) {
        assert_eq!(get(&platform).await.unwrap().status, 204);
        assert!(platform.questions()[0].header("host").starts_with("[::1]:"));
    }
}

#[actix_web::test]
async fn no_debug_text_holds_a_credential_or_a_body() {
    let platform = FakePlatform::start(|_| raw_answer(200, "text/plain", b"c4n4ry"));
    let mut token = HeaderValue::from_static("Bearer c4n4ry");
    token.set_sensitive(true);
    let (guard, log) = capture_log();
    let answer = client()
        .get(&url(&platform, "/"), &[(AUTHORIZATION, token)])
        .await
        .unwrap();
    let error = answer.json::<u64>().unwrap_err();
    let type_error = Answer {
        status: 200,
        says_json: true,
        body: "\"c4n4ry\"".into(),
    }
    .json::<u64>()
    .unwrap_err();
    drop(guard);
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    for text in [
        format!("{answer:?}"),
        format!("{:?}", client()),
        error.to_string(),
        format!("{type_error:?}"),
        log,
    ] {
        assert!(!text.contains("c4n4ry"), "{text}");
    }
    assert_eq!(format!("{answer:?}"), "Answer { status: 200, bytes: 6 }");
}

#[actix_web::test]
async fn more_questions_than_awc_would_allow_are_asked_at_once() {
    let everybody = Arc::new(Barrier::new(150));
    let platform = FakePlatform::start(move |_| {
        everybody.wait();
        raw_answer(200, "text/plain", b"yes")
    });
    let (client, url) = (client(), url(&platform, "/"));
    let answers = join_all((0..150).map(|_| client.get(&url, &[]))).await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Ok(Answer { status: 200, .. })))
    );
}
