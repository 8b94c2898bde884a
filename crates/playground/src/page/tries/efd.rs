//! What to try with the EFD.

use super::{Asked, Group, Try, get};
use crate::addresses::EFD_KEY;

pub(super) fn querying(efd: &Asked) -> Group {
    let mut tries = vec![
        get(
            "List the keys",
            efd,
            "/list",
            200,
            "The databases that you may use: one, demo_efd.",
        ),
        get(
            "Fetch a lease",
            efd,
            &format!("/creds/{EFD_KEY}"),
            200,
            "User and password of your own, good for queries through efd-token until your token ends. The shared password \
             stays where it is.",
        ),
    ];
    tries.extend(queries(efd));
    Group {
        title: "Query the EFD",
        tries,
    }
}

fn queries(efd: &Asked) -> [Try; 3] {
    [
        query(
            "Find the topics",
            efd,
            "SHOW MEASUREMENTS",
            200,
            "Three, from the demo EFD. Your token is as good as a lease here.",
        ),
        query(
            "Take the latest points",
            efd,
            "SELECT actualPosition, demandPosition FROM \"lsst.sal.MTMount.azimuth\" ORDER BY time DESC LIMIT 5",
            200,
            "Where the mount points, 10 seconds apart, and where it should.",
        ),
        query(
            "Ask which databases there are",
            efd,
            "SHOW DATABASES",
            200,
            "efd-token answers this one itself: with what the key opens, and nothing else.",
        ),
    ]
}

pub(super) fn refused(efd: &Asked) -> Group {
    let tries = vec![
        query(
            "Write into the EFD",
            efd,
            "SELECT * INTO \"copy\" FROM \"lsst.sal.ESS.temperature\"",
            403,
            "It looks like a SELECT, but it writes: the hint names the kind of statement. The EFD never sees it.",
        ),
        query(
            "Hide it behind another statement",
            efd,
            "SHOW MEASUREMENTS; DROP MEASUREMENT \"lsst.sal.ESS.temperature\"",
            403,
            "Every statement is read, not only the first.",
        ),
        query(
            "Look into another database",
            efd,
            "SELECT * FROM \"_internal\"..\"httpd\" LIMIT 1",
            403,
            "The key opens efd alone.",
        ),
        get(
            "Ask for a key that does not exist",
            efd,
            "/creds/usdf_efd",
            404,
            "In the same words as for a key that exists and is not yours.",
        ),
    ];
    Group {
        title: "Be refused by efd-token",
        tries,
    }
}

/// As a form, which is how clients send it.
fn query(title: &'static str, efd: &Asked, statement: &str, status: u16, outcome: &'static str) -> Try {
    let mut query = get(title, efd, &format!("/efd/{EFD_KEY}/query?db=efd"), status, outcome);
    query.command += &format!(" --data-urlencode 'q={statement}'");
    query
}
