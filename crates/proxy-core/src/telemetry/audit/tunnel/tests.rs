use actix_web::http::Method;

use crate::{
    telemetry::{Decision, audit::tests::desk},
    tunnel::{Close, End, Why},
};

#[test]
fn a_tunnel_has_two_events_and_the_second_says_how_it_ended() {
    let desk = desk();
    let record = desk.record(Method::GET);
    record.route("terminal".into());
    record.decision(Decision::Allowed, Some("terminal".into()));
    record.detail("instance", "42");
    let mut tunnel = record.tunnel();
    drop(record);
    let start = desk.event();
    assert_eq!((&start["event"], &start["status"]), (&"request".into(), &101.into()));
    assert_eq!(start["outcome"], "completed");
    tunnel.traffic().to_caller.add(7);
    tunnel.traffic().to_upstream.add(5);
    tunnel.ended(End {
        why: Why::Service,
        close: Some(Close {
            code: 1008,
            reason: "access\n was withdrawn".into(),
        }),
    });
    drop(tunnel);
    let [_, end] = desk.events().try_into().unwrap();
    assert_eq!(
        (&end["event"], &end["request_id"]),
        (&"tunnel".into(), &start["request_id"])
    );
    for name in ["service", "tenant", "route", "rule", "peer", "instance"] {
        assert_eq!(end[name], start[name], "{name}");
    }
    assert_eq!((&end["bytes"], &end["bytes_received"]), (&7.into(), &5.into()));
    assert_eq!(
        (&end["ended_by"], &end["close_code"]),
        (&"service".into(), &1008.into())
    );
    assert_eq!(end["close_reason"], "access\n was withdrawn");
    assert!(end["duration_ms"].as_f64().unwrap() >= 0.0 && end.get("status").is_none());
}

#[test]
fn a_tunnel_that_nobody_told_the_end_of_was_stopped() {
    let desk = desk();
    drop(desk.record(Method::GET).tunnel());
    let ends: Vec<_> = desk
        .events()
        .into_iter()
        .filter(|event| event["event"] == "tunnel")
        .collect();
    assert_eq!(ends.len(), 1);
    assert_eq!(
        (&ends[0]["ended_by"], ends[0].get("close_code")),
        (&"stopped".into(), None)
    );
}
