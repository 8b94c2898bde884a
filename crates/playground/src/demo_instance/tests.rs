use actix_web::App;
use actix_web::test::{TestRequest, call_service, init_service, read_body};

use super::*;

/// The status of each answer, and its body.
async fn ask(requests: Vec<TestRequest>) -> Vec<(u16, String)> {
    let instance = web::Data::new(DemoInstance::default());
    let app = init_service(App::new().app_data(instance).configure(configure)).await;
    let mut answers = Vec::new();
    for request in requests {
        let response = call_service(&app, request.to_request()).await;
        let status = response.status().as_u16();
        let body = read_body(response).await;
        answers.push((status, String::from_utf8_lossy(&body).into_owned()));
    }
    answers
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

fn put(path: &str, content: &str) -> TestRequest {
    TestRequest::put().uri(path).set_payload(content.to_owned())
}

#[actix_web::test]
async fn what_was_uploaded_is_downloaded() {
    let answers = ask(vec![
        get("/files/night.txt"),
        put("/files/night.txt", "clear"),
        put("/files/night.txt", "<clouds>"),
        get("/files/night.txt"),
        get("/"),
    ])
    .await;
    let [before, first, second, after, page] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!(before.0, 404);
    assert_eq!((first.0, second.0), (201, 201));
    assert_eq!(*after, (200, "<clouds>".to_owned()));
    assert!(page.1.contains("href=\"files/night.txt\"") && page.1.contains("8 bytes"));
}

#[actix_web::test]
async fn there_is_room_for_a_few_files_and_a_name_is_a_plain_one() {
    let uploads = (0..9).map(|number| put(&format!("/files/{number}"), "x")).collect();
    let answers = ask(uploads).await;
    assert!(answers[..8].iter().all(|answer| answer.0 == 201), "{answers:?}");
    assert_eq!(answers[8].0, 507);
    for name in ["", "a/b", "a%2Fb", "%3Cb%3E", &"x".repeat(65)] {
        let answers = ask(vec![put(&format!("/files/{name}"), "x")]).await;
        assert_eq!(answers[0].0, 404, "{name}");
    }
    let answers = ask(vec![put("/files/large", &"x".repeat(MAX_BYTES + 1))]).await;
    assert_eq!(answers[0].0, 413);
}

#[actix_web::test]
async fn the_page_shows_what_reached_it_and_lies_where_a_proxy_says() {
    let request = get("/?a=%3Cb%3E").insert_header(("X-Own", "<script>"));
    let answers = ask(vec![
        request,
        get("/").insert_header(("X-Forwarded-Prefix", "/instance/42")),
    ])
    .await;
    let [(_, direct), (_, behind)] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert!(
        direct.contains("GET /?a=%3Cb%3E") && direct.contains("x-own: &lt;script&gt;"),
        "{direct}"
    );
    assert!(direct.contains("<base href=\"/\">"), "{direct}");
    assert!(behind.contains("<base href=\"/instance/42/\">"), "{behind}");
}

#[actix_web::test]
async fn events_come_to_an_end_that_is_named() {
    let answers = ask(vec![get("/events")]).await;
    let events: Vec<&str> = answers[0].1.split_terminator("\n\n").collect();
    assert_eq!(events.len(), 11);
    assert_eq!(
        (events[0], events[10]),
        ("data: event 1 of 10", "event: end\ndata: that was all")
    );
}

#[actix_web::test]
async fn what_is_no_handshake_opens_no_websocket() {
    let upgrade = || get("/echo").insert_header(("Connection", "Upgrade"));
    for request in [
        get("/echo"),
        upgrade(),
        upgrade().insert_header(("Upgrade", "websocket")),
        upgrade()
            .insert_header(("Upgrade", "websocket"))
            .insert_header(("Sec-WebSocket-Version", "12"))
            .insert_header(("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")),
    ] {
        let answers = ask(vec![request]).await;
        assert!((400..500).contains(&answers[0].0), "{answers:?}");
    }
}

#[actix_web::test]
async fn everything_is_noted_and_an_upload_is_a_write() {
    let answers = ask(vec![get("/"), put("/files/a", ""), get("/none"), get("/demo/seen")]).await;
    let seen: serde_json::Value = serde_json::from_str(&answers[3].1).unwrap();
    assert_eq!((&seen["requests"], &seen["writes"]), (&3.into(), &1.into()));
    assert_eq!(answers[2], (404, "This instance has nothing here.\n".to_owned()));
}
