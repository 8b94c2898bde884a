//! What to try with an instance.

use super::{Asked, Group, Try, get};
use crate::addresses::{Addresses, INSTANCE_ID};
use crate::banner::in_shell;
use crate::banner::instance::HANDSHAKE;
use crate::issuer::{GRACE, GUEST, User};

pub(super) fn reaching(instances: &Asked) -> Group {
    let tries = vec![
        get(
            "Ask what reaches it",
            instances,
            &at("headers"),
            200,
            "Nearly everything that you send. Not your token, and X-Forwarded-… only as instance-proxy says.",
        ),
        with_options(
            "-X PUT -H 'Content-Type: text/plain' --data-binary 'The sky was clear.'",
            get(
                "Upload a file",
                instances,
                &at("files/night.txt"),
                201,
                "Of any size: instance-proxy passes it on as it comes.",
            ),
        ),
        get(
            "Download it again",
            instances,
            &at("files/night.txt"),
            200,
            "Byte for byte.",
        ),
        with_options(
            "-N",
            get(
                "Follow its events",
                instances,
                &at("events"),
                200,
                "Ten in three seconds, each passed on as it comes.",
            ),
        ),
        with_options(
            HANDSHAKE,
            get(
                "Open a WebSocket",
                instances,
                &at("echo"),
                101,
                "The instance’s own answer. curl can say nothing then, and leaves after a second; on the instance’s page you can.",
            ),
        ),
    ];
    Group {
        title: "Reach an instance",
        tries,
    }
}

fn at(path: &str) -> String {
    format!("/{INSTANCE_ID}/{path}")
}

fn with_options(options: &str, mut asked: Try) -> Try {
    asked.command = asked.command.replacen("curl -i", &format!("curl -i {options}"), 1);
    asked
}

fn with_token_of(user: &User, addresses: &Addresses, mut asked: Try) -> Try {
    let token = format!("$(cat {})", in_shell(&addresses.token_file_of(user)));
    asked.command = asked.command.replacen("$TOKEN", &token, 1);
    asked
}

/// A page of another site's, in a browser that has the cookie.
fn foreign(instances: &Asked) -> Try {
    let asked = get(
        "Let another site’s page open a WebSocket",
        instances,
        &at("echo"),
        403,
        "A browser would send your cookie along. So with a cookie only the service’s own pages may.",
    );
    let mut asked = with_options(HANDSHAKE, asked);
    asked.command = asked.command.replacen(
        "-H \"Authorization: Bearer $TOKEN\"",
        "-H 'Origin: https://elsewhere.example' -H \"Cookie: access_token=$TOKEN\"",
        1,
    );
    asked
}

pub(super) fn refused(instances: &Asked, addresses: &Addresses) -> Group {
    let tries = vec![
        with_token_of(
            &GRACE,
            addresses,
            get(
                "Reach somebody else’s",
                instances,
                &at(""),
                404,
                "It is ada’s, and grace is not told that it exists.",
            ),
        ),
        get(
            "Reach one that does not exist",
            instances,
            "/43/",
            404,
            "In the same words.",
        ),
        with_token_of(
            &GUEST,
            addresses,
            get(
                "Come without the scope",
                instances,
                &at(""),
                403,
                "A guest’s token is good, but not for running notebooks, and so for no instance.",
            ),
        ),
        foreign(instances),
    ];
    Group {
        title: "Be refused by instance-proxy",
        tries,
    }
}
