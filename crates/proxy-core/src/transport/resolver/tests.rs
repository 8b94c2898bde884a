use super::GuardedResolver;
use crate::config::sections::check::{http_url, is_loopback};

/// What a configuration takes for this machine is what may be connected to, and nothing else is either.
#[test]
fn plain_http_is_for_the_hosts_that_may_lead_here() {
    for (host, here) in [
        ("localhost", true),
        ("LocalHost", true),
        ("127.0.0.1", true),
        ("127.8.9.1", true),
        ("[::1]", true),
        ("[::ffff:127.0.0.1]", true),
        ("jira.localhost", false),
        ("localhost.", false),
        ("localhost.evil", false),
        ("127.0.0.1.evil", false),
        ("0.0.0.0", false),
        ("10.0.0.1", false),
        ("[::]", false),
        ("[::ffff:10.0.0.1]", false),
    ] {
        let url = http_url(&format!("http://{host}:8080/")).unwrap();
        assert_eq!(is_loopback(&url), here, "{host}");
        assert_eq!(GuardedResolver::new(host).local, here, "{host}");
    }
}
