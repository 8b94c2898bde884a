use super::Session;

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
