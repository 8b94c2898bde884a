use std::time::Duration;

use url::Url;

use crate::{
    forward::links::LinkBases,
    upstream::{Paths, Redirects, Reuse, Timeouts, Upstream},
};

/// An upstream for tests of pure functions.
pub(crate) fn upstream(base: &str) -> Upstream {
    let url = Url::parse(base).unwrap();
    let second = Duration::from_secs(1);
    Upstream {
        name: "Jira".into(),
        origin: url.origin().ascii_serialization().into(),
        authority: url.authority().parse().unwrap(),
        host: url.authority().parse().unwrap(),
        base_path: url.path().into(),
        prefix: "/jira-data-proxy".into(),
        not_found: "not here",
        paths: Paths::Strict,
        redirects: Redirects::Follow,
        reuse: Reuse::Credential,
        rewrite_links: true,
        link_bases: LinkBases::new(&[base.trim_end_matches('/').to_owned()]),
        extra_query: |_, _| None,
        scan_bodies: false,
        max_request_body: 1_024,
        timeouts: Timeouts {
            connect: second,
            response: second,
            idle: second,
            upload: second,
        },
    }
}
