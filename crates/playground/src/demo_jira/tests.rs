mod reading;
mod searching;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::{App, HttpServer, rt, test};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::*;

const BASE: &str = "http://127.0.0.1:4001";

fn demo_jira() -> web::Data<DemoJira> {
    web::Data::new(DemoJira::new(
        BASE.to_owned(),
        Account {
            name: "demo-bot",
            password: "open sesame".to_owned(),
        },
    ))
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn ask(jira: &web::Data<DemoJira>, request: test::TestRequest) -> Answer {
    let app = test::init_service(App::new().app_data(jira.clone()).configure(configure)).await;
    let response = test::call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    Answer {
        status,
        headers,
        body: test::read_body(response).await.to_vec(),
    }
}

/// As the bot.
async fn get(path: &str) -> Answer {
    let request = test::TestRequest::get()
        .uri(path)
        .insert_header(("authorization", basic("demo-bot:open sesame")));
    ask(&demo_jira(), request).await
}

async fn post(path: &str, body: Value) -> Answer {
    let bot = ("authorization", basic("demo-bot:open sesame"));
    ask(
        &demo_jira(),
        test::TestRequest::post().uri(path).insert_header(bot).set_json(body),
    )
    .await
}

/// The whole answer as it is on the wire.
async fn raw(path: &'static str) -> String {
    let server = HttpServer::new(|| App::new().app_data(demo_jira()).configure(configure))
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
    let address: SocketAddr = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    rt::spawn(server);
    let answer = web::block(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let bot = basic("demo-bot:open sesame");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {bot}\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    });
    let answer = answer.await.unwrap();
    handle.stop(false).await;
    answer
}
