//! How an instance is reached: with curl, by those who may and those who may not, and over WebSocket.  (pure)

use super::{in_shell, token_in_shell, trust_in_curl};
use crate::addresses::Addresses;
use crate::issuer::{GRACE, GUEST};

/// How a WebSocket begins; the key is RFC 6455's own example. curl would wait for what follows: a second is enough.
pub(crate) const HANDSHAKE: &str = "-sN -m 1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
                                    -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='";

/// As ada, whose it is.
pub(crate) fn curl_line(addresses: &Addresses) -> String {
    line(addresses, "", &token_in_shell(addresses), "headers")
}

/// As those who may not, each with a token of their own.
pub(crate) fn refused_lines(addresses: &Addresses) -> String {
    let line = |user| {
        let file = addresses.token_file_of(user);
        line(addresses, " -i", &format!("$(cat {})", in_shell(&file)), "headers")
    };
    format!("{}\n{}", line(&GRACE), line(&GUEST))
}

pub(crate) fn handshake_line(addresses: &Addresses) -> String {
    line(
        addresses,
        &format!(" -i {HANDSHAKE}"),
        &token_in_shell(addresses),
        "echo",
    )
}

fn line(addresses: &Addresses, options: &str, token: &str, path: &str) -> String {
    let (trust, url) = (trust_in_curl(addresses), addresses.instance());
    format!("curl{trust}{options} -H \"Authorization: Bearer {token}\" '{url}/{path}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_the_token_of_its_own_caller() {
        let addresses = Addresses::example_with_tls();
        let refused = refused_lines(&addresses);
        for (line, token) in [
            (curl_line(&addresses).as_str(), "/token)"),
            (refused.lines().next().unwrap(), "/token-grace)"),
            (refused.lines().nth(1).unwrap(), "/token-guest)"),
            (handshake_line(&addresses).as_str(), "/token)"),
        ] {
            assert!(line.contains(token), "{line}");
            assert!(
                line.starts_with("curl --cacert /tmp/nbgate-example/ca.pem ") && !line.contains("http://"),
                "{line}"
            );
            assert_eq!(line.lines().count(), 1);
        }
    }
}
