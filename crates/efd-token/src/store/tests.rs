use std::time::Duration;

use proxy_core::upstream::Timeouts;
use serde_json::{Value, json};

use super::*;

fn rules(unlisted: bool) -> Rules {
    let shared = KeyConfig {
        mode: Mode::Shared,
        ..KeyConfig::unlisted()
    };
    let elsewhere = KeyConfig {
        url: Some("http://127.0.0.1:8086/x/".parse().unwrap()),
        databases: vec!["one".to_owned(), "two".to_owned()],
        ..KeyConfig::unlisted()
    };
    Rules {
        listed: HashMap::from([
            ("api".to_owned(), shared),
            ("efd".to_owned(), elsewhere),
            ("own".to_owned(), KeyConfig::unlisted()),
        ]),
        unlisted: unlisted.then(KeyConfig::unlisted),
        upstream: UpstreamConfig {
            allow_insecure_http: false,
            scan_bodies: false,
            timeouts: Timeouts {
                connect: Duration::from_secs(5),
                response: Duration::from_secs(60),
                idle: Duration::from_secs(60),
                upload: Duration::from_secs(60),
            },
            max_query_bytes: 1_000,
        },
    }
}

fn read(name: &str, document: Value) -> Result<Document, String> {
    rules(true).document(name, &SecretString::from(document.to_string()))
}

fn url(document: Value) -> String {
    let influxdb = read("any", document).unwrap().influxdb;
    influxdb.map_or_else(
        || "none".to_owned(),
        |influxdb| format!("{}{}", influxdb.upstream.origin, influxdb.upstream.base_path),
    )
}

#[test]
fn a_document_says_where_its_influxdb_is_in_several_ways() {
    let with = |more: Value| {
        let mut document = json!({ "username": "u", "password": "p" });
        document
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        url(document)
    };
    assert_eq!(
        with(json!({ "host": "h.example.org", "port": "443", "path": "." })),
        "https://h.example.org/"
    );
    assert_eq!(
        with(json!({ "host": "h.example.org", "port": 8443, "path": "/influxdb/" })),
        "https://h.example.org:8443/influxdb/"
    );
    assert_eq!(with(json!({ "host": "h.example.org" })), "https://h.example.org/");
    assert_eq!(
        with(json!({ "url": "https://h.example.org/x", "host": "ignored" })),
        "https://h.example.org/x/"
    );
    for wrong in [
        json!({}),
        json!({ "host": "a/b" }),
        json!({ "host": "a", "port": "x" }),
        json!({ "host": "a", "port": 99999 }),
        json!({ "host": "u:p@a" }),
        json!({ "host": "a", "path": "/../b" }),
        json!({ "url": "ftp://a/" }),
        json!({ "url": "http://influxdb.example.org/" }),
        json!({ "host": ["a"] }),
    ] {
        assert_eq!(with(wrong.clone()), "none", "{wrong}");
    }
}

#[test]
fn the_configuration_comes_before_the_document() {
    let document = json!({ "username": "u", "password": "p", "host": "h.example.org", "database": "three" });
    let influxdb = read("efd", document.clone()).unwrap().influxdb.unwrap();
    assert_eq!(
        (influxdb.upstream.base_path.as_str(), influxdb.databases),
        ("/x/", vec!["one".to_owned(), "two".to_owned()])
    );
    let influxdb = read("any", document).unwrap().influxdb.unwrap();
    assert_eq!(influxdb.databases, ["three"]);
}

#[test]
fn what_is_listed_for_leases_has_to_be_an_influxdbs_and_what_is_not_may_be_anything() {
    let other = json!({ "token": "t", "endpoint": "x" });
    assert!(read("own", other.clone()).is_err());
    assert!(read("any", other.clone()).unwrap().influxdb.is_none());
    assert!(read("api", other).unwrap().influxdb.is_none());
    for text in ["", "{", "[]", "null", "\"x\"", "1", "{} {}"] {
        assert!(
            rules(true).document("api", &SecretString::from(text)).is_err(),
            "{text}"
        );
    }
}

#[test]
fn no_error_and_no_debug_text_repeats_what_a_document_holds() {
    for text in [
        r#"{"password": "s3cret", "username": 1}"#,
        r#"{"password": "s3cret" x"#,
        r#"{"password": ["s3cret"], "username": "u"}"#,
        r#"{"url": "ftp://u:s3cret@x/", "username": "u", "password": "p"}"#,
    ] {
        let error = rules(true).document("own", &SecretString::from(text)).unwrap_err();
        assert!(!error.contains("s3cret"), "{error}");
    }
    let good = read("any", json!({ "username": "u", "password": "s3cret", "host": "h" })).unwrap();
    assert!(!format!("{good:?}").contains("s3cret"));
}
