use actix_web::App;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn efd() -> web::Data<DemoEfd> {
    web::Data::new(DemoEfd::new(Account {
        name: "efdreader",
        password: "open sesame".to_owned(),
    }))
}

async fn send(request: TestRequest, credentials: &str) -> Answer {
    ask(&efd(), request, credentials).await
}

async fn ask(efd: &web::Data<DemoEfd>, request: TestRequest, credentials: &str) -> Answer {
    let app = init_service(App::new().app_data(efd.clone()).configure(configure)).await;
    let basic = format!("Basic {}", STANDARD.encode(credentials));
    let request = request.insert_header(("authorization", basic)).to_request();
    let response = call_service(&app, request).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = read_body(response).await;
    Answer {
        status,
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// As the reader.
async fn get(target: &str) -> Answer {
    send(TestRequest::get().uri(target), "efdreader:open sesame").await
}

async fn post(target: &str, form: &[(&str, &str)]) -> Answer {
    let request = TestRequest::post().uri(target).set_form(form);
    send(request, "efdreader:open sesame").await
}

const LAST_HOUR: &str = "/query?db=efd&q=SELECT+fwhm+FROM+%22lsst.sal.DIMM.dimmMeasurement%22+WHERE+time%3Enow()-1h";

#[actix_web::test]
async fn nobody_but_the_reader_gets_an_answer() {
    for credentials in ["efdreader:guess", "ada:open sesame", "efdreader:", ""] {
        let answer = send(TestRequest::get().uri("/query?q=SHOW+DATABASES"), credentials).await;
        assert_eq!(answer.status, 401, "{credentials}");
        assert_eq!(answer.body, "{\"error\":\"authorization failed\"}\n");
        assert_eq!(
            answer.headers.get("www-authenticate").unwrap(),
            "Basic realm=\"InfluxDB\""
        );
    }
    let by_parameters = "/query?q=SHOW+DATABASES&u=efdreader&p=open+sesame";
    assert_eq!(send(TestRequest::get().uri(by_parameters), "ada:x").await.status, 401);
}

#[actix_web::test]
async fn ping_asks_for_no_password_and_tells_the_version() {
    for request in [
        TestRequest::get(),
        TestRequest::with_uri("/").method("HEAD".parse().unwrap()),
    ] {
        let answer = send(request.uri("/ping"), "").await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""));
        assert_eq!(answer.headers.get("x-influxdb-version").unwrap(), "1.6.7");
    }
}

#[actix_web::test]
async fn an_answer_looks_like_one_of_influxdb() {
    let answer = get("/query?q=SHOW+DATABASES").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers.get("content-type").unwrap(), "application/json");
    assert_eq!(answer.headers.get("x-influxdb-version").unwrap(), "1.6.7");
    let line =
        r#"{"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["efd"]]}]}]}"#;
    assert_eq!(answer.body, format!("{line}\n"));
    let pretty = get("/query?q=SHOW+TAG+KEYS&db=efd&pretty=true").await.body;
    assert_eq!(
        pretty,
        "{\n    \"results\": [\n        {\n            \"statement_id\": 0\n        }\n    ]\n}\n"
    );
}

#[actix_web::test]
async fn a_form_and_a_query_string_ask_the_same_and_the_form_is_heard_first() {
    let form = [
        ("q", "SHOW MEASUREMENTS"),
        ("db", "efd"),
        ("chunked", "false"),
        ("epoch", "ns"),
    ];
    let posted = post("/query", &form).await;
    assert_eq!(
        posted.body,
        get("/query?db=efd&epoch=ns&chunked=false&q=SHOW+MEASUREMENTS")
            .await
            .body
    );
    assert_eq!(post("/query?q=SHOW+DATABASES&db=other", &form).await.body, posted.body);
    assert_eq!(post("/query?q=SHOW+MEASUREMENTS&db=efd", &[]).await.body, posted.body);
}

#[actix_web::test]
async fn times_are_in_the_unit_that_is_asked_for() {
    let text = get(LAST_HOUR).await.json()["results"][0]["series"][0]["values"][0][0].clone();
    assert!(text.as_str().unwrap().ends_with('Z'), "{text}");
    let mut before = i64::MAX;
    for (unit, nanoseconds) in [
        ("ns", 1),
        ("u", 1000),
        ("ms", 1_000_000),
        ("s", SECOND),
        ("m", 60 * SECOND),
        ("h", 3600 * SECOND),
    ] {
        let answer = get(&format!("{LAST_HOUR}&epoch={unit}")).await.json();
        let time = answer["results"][0]["series"][0]["values"][0][0].as_i64().unwrap();
        let age = OffsetDateTime::now_utc().unix_timestamp() - time * nanoseconds / SECOND;
        assert!((3500..7300).contains(&age), "{unit}: {age} s");
        assert!(time < before);
        before = time;
    }
}

#[actix_web::test]
async fn chunks_are_documents_of_which_all_but_the_last_are_partial() {
    let whole = get(LAST_HOUR).await.json()["results"][0]["series"][0]["values"].clone();
    let answer = get(&format!("{LAST_HOUR}&chunked=true&chunk_size=50")).await;
    let documents: Vec<Json> = answer
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(documents.len(), 3);
    let mut values = Vec::new();
    for (n, document) in documents.iter().enumerate() {
        let (result, partial) = (&document["results"][0], if n < 2 { json!(true) } else { Json::Null });
        assert_eq!(result["statement_id"], 0);
        assert_eq!(
            (&result["partial"], &result["series"][0]["partial"]),
            (&partial, &partial)
        );
        values.extend(result["series"][0]["values"].as_array().unwrap().clone());
    }
    // A point may have come, and one gone, in between.
    assert!(values.len().abs_diff(whole.as_array().unwrap().len()) <= 1);
    let several =
        get("/query?db=efd&chunked=true&q=SHOW+DATABASES;SHOW+TAG+KEYS;SHOW+FIELD+KEYS;SELECT+x+FROM+y..z").await;
    let lines: Vec<&str> = several.body.lines().collect();
    assert_eq!(
        lines.len(),
        6,
        "one for each series, and for each statement without one: {lines:?}"
    );
    assert_eq!(lines[1], r#"{"results":[{"statement_id":1}]}"#);
    assert_eq!(
        lines[5],
        r#"{"results":[{"statement_id":3,"error":"database not found: y"}]}"#
    );
}

#[actix_web::test]
async fn what_is_not_understood_is_400_and_what_fails_is_told_in_the_result() {
    for (target, error) in [
        (
            "/query?db=efd&q=DROP+DATABASE+efd",
            "error parsing query: found DROP, expected SELECT, SHOW at line 1, char 1",
        ),
        ("/query?db=efd", "missing required parameter \"q\""),
        ("/query?db=efd&q=", "missing required parameter \"q\""),
    ] {
        let answer = get(target).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (400, json!({ "error": error }))
        );
    }
    for (target, error) in [
        ("/query?q=SHOW+MEASUREMENTS", "database name required"),
        (
            "/query?q=SHOW+MEASUREMENTS&db=_internal",
            "database not found: _internal",
        ),
    ] {
        let answer = get(target).await;
        let expected = json!({ "results": [{ "statement_id": 0, "error": error }] });
        assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
    }
}

#[actix_web::test]
async fn there_is_nothing_to_write_to() {
    let write = TestRequest::post().uri("/write?db=efd").set_payload("x y=1");
    assert_eq!(send(write, "efdreader:open sesame").await.status, 404);
    for method in ["PUT", "DELETE", "PATCH"] {
        let request = TestRequest::with_uri("/query?q=SHOW+DATABASES").method(method.parse().unwrap());
        assert_eq!(send(request, "efdreader:open sesame").await.status, 405, "{method}");
    }
}

#[actix_web::test]
async fn what_came_in_is_told_without_secrets_and_what_could_write_is_counted() {
    let efd = efd();
    for target in [
        "/query?db=efd&q=SHOW+MEASUREMENTS",
        "/query?q=DROP+DATABASE+efd",
        "/write?db=efd",
    ] {
        ask(&efd, TestRequest::get().uri(target), "efdreader:open sesame").await;
    }
    ask(
        &efd,
        TestRequest::get().uri("/query?q=SHOW+DATABASES"),
        "ada:open sesame",
    )
    .await;
    let answer = ask(&efd, TestRequest::get().uri("/demo/seen"), "").await;
    let seen = answer.json();
    assert_eq!((&seen["requests"], &seen["writes"]), (&json!(4), &json!(2)));
    assert_eq!(seen["last"][3]["query"], "SHOW MEASUREMENTS");
    assert_eq!(seen["last"][3]["authorization"], "Basic of efdreader");
    assert_eq!(seen["last"][0]["authorization"], "Basic of ada");
    assert!(!answer.body.contains("sesame"));
}
