//! When a token is good. Rows of the catalogue: J10 to J12, J35.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::{super::Rules, ADA, EARLY, EXPIRED, NOW, check, claims, judged, rules};

#[test]
fn a_token_ends_when_it_says_and_the_leeway_is_over() {
    check(json!({"exp": NOW - 31}), EXPIRED);
    check(json!({"exp": NOW - 30}), EXPIRED);
    check(json!({"exp": NOW - 29}), ADA);
    check(json!({"exp": NOW as f64 - 29.5}), ADA);
    check(json!({"exp": NOW as f64 - 30.5}), EXPIRED);
    check(json!({"exp": 0}), EXPIRED);
    let strict = Rules {
        leeway: Duration::ZERO,
        ..rules()
    };
    assert!(judged(&strict, &json!({"exp": NOW})).is_err());
    assert!(judged(&strict, &json!({"exp": NOW as f64 + 0.5})).is_ok());
    let end = rules().judge(
        &claims(&json!({"exp": NOW as f64 + 0.5})),
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
    );
    assert_eq!(
        end.unwrap().expires,
        Some(SystemTime::UNIX_EPOCH + Duration::from_millis(NOW * 1000 + 500))
    );
}

#[test]
fn a_time_is_a_number_of_seconds_in_this_age() {
    for name in ["exp", "nbf", "iat"] {
        for value in [
            json!("1800000300"),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(9_223_372_036_854_775_808_u64),
            json!(u64::MAX),
            json!(253_402_300_800_u64),
            json!([]),
            json!(true),
            json!({}),
        ] {
            check(
                json!({name: value}),
                Err(&format!("the token is malformed: its claim `{name}` is not a time")),
            );
        }
    }
    check(json!({"exp": 253_402_300_799_u64}), ADA);
}

#[test]
fn a_token_must_have_begun() {
    for name in ["nbf", "iat"] {
        check(json!({name: NOW}), ADA);
        check(json!({name: NOW + 30}), ADA);
        check(json!({name: NOW + 31}), EARLY);
        check(json!({name: NOW as f64 + 30.5}), EARLY);
        check(json!({name: 0}), ADA);
    }
}

/// J35: a clock that is wrong by five minutes refuses; one that has gone back to the start of time lets nobody in.
#[test]
fn a_clock_that_is_wrong_is_not_made_up_for() {
    let at = |now: u64| {
        let claims = claims(&json!({"exp": NOW + 60, "iat": NOW}));
        rules()
            .judge(&claims, SystemTime::UNIX_EPOCH + Duration::from_secs(now))
            .is_ok()
    };
    assert!(at(NOW) && at(NOW + 89) && at(NOW - 30));
    assert!(!at(NOW + 300) && !at(NOW - 300) && !at(0));
    let before_all = SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(1)).unwrap();
    assert!(rules().judge(&claims(&json!({"iat": NOW})), before_all).is_err());
}

#[test]
fn a_token_may_not_live_longer_than_is_accepted() {
    let rules = Rules {
        max_lifetime: Some(Duration::from_secs(3_600)),
        ..rules()
    };
    let too_long = "the token is not valid for this service: it was issued for longer than is accepted here";
    for (patch, expected) in [
        (
            json!({"iat": NOW - 3_300, "exp": NOW + 300}),
            Ok("ada [] []".to_owned()),
        ),
        (json!({"iat": NOW - 3_301, "exp": NOW + 300}), Err(too_long.to_owned())),
        (json!({"iat": 0, "exp": NOW + 300}), Err(too_long.to_owned())),
        (
            json!({}),
            Err("the token is not valid for this service: it does not say when it was issued".to_owned()),
        ),
    ] {
        assert_eq!(judged(&rules, &patch), expected, "{patch}");
    }
}
