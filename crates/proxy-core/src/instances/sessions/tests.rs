use super::{Session, judged};
use crate::duties::Unconfirmed;

fn session(instance: &str, kernel: &str, session: &str) -> Option<Session> {
    Some(Session {
        instance: instance.to_owned(),
        kernel: kernel.to_owned(),
        session: session.to_owned(),
    })
}

#[test]
fn a_kernels_socket_is_a_session_wherever_the_server_is() {
    for target in [
        "/jupyter/42/api/kernels/c0ffee-1/channels?session_id=5e55-10",
        "/lab/42/deep/api/kernels/c0ffee-1/channels?token=x&session_id=5e55-10&a=b",
        "/api/kernels/c0ffee-1/channels?session_id=5e55%2D10",
    ] {
        assert_eq!(
            Session::of(target, "42"),
            session("42", "c0ffee-1", "5e55-10"),
            "{target}"
        );
    }
}

#[test]
fn nothing_else_is() {
    let long = "a".repeat(151);
    for target in [
        "/jupyter/42/api/kernels/c0ffee/channels",
        "/jupyter/42/api/kernels/c0ffee/channels?session_id=",
        "/jupyter/42/api/kernels/c0ffee/channels?xsession_id=1",
        "/jupyter/42/api/kernels/c0ffee/channels/x?session_id=1",
        "/jupyter/42/api/kernels//channels?session_id=1",
        "/jupyter/42/api/kernels/kernel/channels?session_id=1",
        "/jupyter/42/api/kernels/a/b/channels?session_id=1",
        "/jupyter/42/api/kernels/a%2Fb/channels?session_id=1",
        "/jupyter/42/api/kernels/a/channels?session_id=%22%7D",
        "/jupyter/42/terminals/websocket/1?session_id=1",
        "/jupyter/42/api/events/subscribe",
        &format!("/jupyter/42/api/kernels/{long}/channels?session_id=1"),
        &format!("/jupyter/42/api/kernels/a/channels?session_id={long}"),
    ] {
        assert_eq!(Session::of(target, "42"), None, "{target}");
    }
}

#[test]
fn an_unknown_session_is_closed_and_only_a_refusal_is_one() {
    for status in [200, 204, 404, 410] {
        assert_eq!(judged(status), Ok(()));
    }
    for status in [400, 401, 403, 405, 422] {
        assert!(matches!(judged(status), Err(Unconfirmed::Refused(_))), "{status}");
    }
    for status in [302, 408, 425, 429, 500, 502, 503, 504] {
        assert!(matches!(judged(status), Err(Unconfirmed::NotNow(_))), "{status}");
    }
}
