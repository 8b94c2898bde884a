use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Found, known_state};
use crate::{
    config::sections::ReachConfig,
    headers::{HeaderPolicy, Passing},
    instances::{Place, Places},
    tenant::Kind,
    upstream::{Networks, Paths, Reception, Redirects, Reuse, Timeouts},
};

const KIND: Kind = Kind {
    not_found: "nothing",
    paths: Paths::Opaque,
    redirects: Redirects::Relay,
    headers: HeaderPolicy {
        request: Passing::Only(&[]),
        response: Passing::Only(&[]),
        request_defaults: &[],
        sandbox: false,
    },
    body_media: &[],
    reception: |_, _| Reception::Unsaid,
    extra_query: |_, _| None,
    presets: "",
    operations: "{}",
    user_agent: "test",
};

pub(in crate::instances) fn places() -> Places {
    let second = Duration::from_secs(1);
    let config = ReachConfig {
        networks: Networks {
            allowed: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            loopback: false,
        },
        timeouts: Timeouts {
            connect: second,
            response: second,
            idle: second,
            upload: second,
        },
        max_request_body_bytes: 1,
        reuse: Reuse::User,
    };
    Places::new(vec![("Jupyter".into(), 8888), ("Web".into(), 80)], KIND, &config)
}

fn place(places: &Places, address: &str, id: &str) -> Option<Place> {
    places.place(address.parse::<IpAddr>().unwrap(), id)
}

fn of_claims(claims: &Value) -> Found {
    let token = format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(claims.to_string()));
    Found::new(&token, place(&places(), "10.0.0.1", "42").unwrap(), Instant::now())
}

#[test]
fn a_caller_has_the_name_that_the_accepted_token_says() {
    for (claims, name) in [
        (json!({ "preferred_username": "ada", "sub": "7" }), "ada"),
        (json!({ "preferred_username": "", "sub": "7" }), "7"),
        (json!({ "preferred_username": ["x"], "sub": "7" }), "7"),
    ] {
        assert_eq!(of_claims(&claims).identity(false).user(), name, "{claims}");
    }
    let unnamed = [
        json!({}),
        json!([]),
        json!({ "sub": "a\nb" }),
        json!({ "sub": "x".repeat(300) }),
    ];
    for claims in unnamed {
        let name = of_claims(&claims).identity(false).user().to_owned();
        assert!(name.starts_with("token-") && name.len() == 18, "{name}");
    }
    let opaque = |token| Found::new(token, place(&places(), "10.0.0.1", "42").unwrap(), Instant::now());
    assert_ne!(
        opaque("one").identity(false).user(),
        opaque("other").identity(false).user()
    );
}

#[test]
fn whether_a_cookie_proved_it_is_told() {
    let found = of_claims(&json!({ "sub": "ada" }));
    assert!(found.identity(true).by_cookie() && !found.identity(false).by_cookie());
    assert_eq!(found.identity(true).subject(), found.identity(false).subject());
}

#[test]
fn a_tokens_end_is_known_where_it_is_a_time() {
    let ends = |exp: Value| {
        of_claims(&json!({ "sub": "ada", "exp": exp }))
            .identity(false)
            .expires()
    };
    let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds));
    assert_eq!(ends(json!(1_800_000_000)), at(1_800_000_000.0));
    assert_eq!(ends(json!(1_800_000_000.5)), at(1_800_000_000.5));
    for odd in [json!("soon"), json!(-1), json!(1e300), Value::Null] {
        assert_eq!(ends(odd), None);
    }
}

#[test]
fn a_place_is_in_the_networks_and_reached_by_its_address() {
    let places = places();
    let found = place(&places, "::ffff:10.0.3.17", "42").unwrap();
    let origins = [0, 1, 2].map(|port| found.upstream(port).map(|upstream| upstream.origin.to_string()));
    assert_eq!(
        origins,
        [
            Some("http://10.0.3.17:8888".to_owned()),
            Some("http://10.0.3.17".to_owned()),
            None
        ]
    );
    let found = place(&places, "fd00::1", "42").unwrap();
    assert_eq!(&*found.upstream(0).unwrap().origin, "http://[fd00::1]:8888");
    for outside in [
        "192.168.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "fd00:ec2::254",
        "::1",
        "::ffff:127.0.0.1",
        "11.0.0.1",
    ] {
        assert!(place(&places, outside, "42").is_none(), "{outside}");
    }
}

#[test]
fn an_address_is_taken_once_it_is_another_machines() {
    let places = places();
    let first = place(&places, "10.0.0.1", "42").unwrap();
    let again = place(&places, "10.0.0.1", "42").unwrap();
    let other = place(&places, "10.0.0.2", "43").unwrap();
    assert!(!first.is_taken() && !again.is_taken());
    let next = place(&places, "10.0.0.1", "44").unwrap();
    assert!(first.is_taken() && again.is_taken() && !next.is_taken() && !other.is_taken());
    for number in 0..3_000_u32 {
        let address = IpAddr::from((0x0a01_0000 + number).to_be_bytes());
        drop(places.place(address, &format!("1{number}")));
    }
    place(&places, "10.0.0.2", "45").unwrap();
    assert!(
        other.is_taken(),
        "what is in use is remembered, however many there were"
    );
}

#[test]
fn an_address_is_taken_once_its_machine_has_left_it() {
    let places = places();
    let first = place(&places, "10.0.0.1", "42").unwrap();
    let other = place(&places, "10.0.0.9", "43").unwrap();
    let second = place(&places, "10.0.0.2", "42").unwrap();
    assert!(first.is_taken() && !second.is_taken());
    assert!(place(&places, "192.168.0.1", "42").is_none());
    assert!(second.is_taken(), "it is outside of the networks now");
    let third = place(&places, "10.0.0.3", "42").unwrap();
    let next = place(&places, "10.0.0.3", "44").unwrap();
    places.left("42");
    assert!(third.is_taken() && !next.is_taken(), "44 has come in between");
    places.left("44");
    assert!(next.is_taken() && !other.is_taken());
}

#[test]
fn states_are_repeated_if_they_are_the_platforms() {
    assert_eq!(
        (known_state("STOPPED"), known_state("<script>")),
        ("STOPPED", "UNKNOWN")
    );
}
