//! What the terminal shows once everything listens; the landing page shows the same lines.  (pure)
//!
//! The curl line and the Python snippet read the token from its file, as on a platform, which keeps them short; they
//! work as printed, and need nothing but curl and Python's standard library.

pub(crate) mod efd;
pub(crate) mod instance;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::addresses::Addresses;

/// Whose file follows: without it, nobody trusts the certificate.
const AUTHORITY: &str = "The authority that signed the certificate of all three services, for who has to trust it:";

/// What `--beyond-loopback` means, and what to do first where the files of this run are not.
pub(crate) const OPEN: &str = "Others can reach the page and the services, and whoever reaches the page is given the token. \
Where this runs in a container, put the token first to where the lines below look for it:";

pub(crate) fn banner(addresses: &Addresses, ready_in: Duration) -> String {
    let mut text = format!("nbgate playground, ready in {:.2} s\n\n", ready_in.as_secs_f64());
    for place in places(addresses) {
        text += &format!("  {:<16} {:<40} {}\n", place.name, place.url, place.about);
    }
    let authority = addresses.ca_file.as_ref().map(|file| file.display().to_string());
    let blocks = [
        ("A token of ada, for 8 hours:", Some(addresses.token.clone())),
        (OPEN, keep_token(addresses)),
        (AUTHORITY, authority),
        ("An issue, with curl:", Some(curl_line(addresses))),
        (
            "A search, in a notebook or in python3:",
            Some(python_snippet(addresses)),
        ),
        (
            "Temperatures of the last day, with curl:",
            Some(efd::curl_line(addresses)),
        ),
        (
            "A lease, and a curve, in a notebook or in python3:",
            Some(efd::python_snippet(addresses)),
        ),
        (
            "With EfdClient, in a notebook that has lsst-efd-client:",
            efd::client_snippet(addresses),
        ),
        (
            "The instance of ada, with curl; it says what reached it of the request:",
            Some(instance::curl_line(addresses)),
        ),
        (
            "Refused to grace, as it is not hers (404), and to a guest, who may not run notebooks (403):",
            Some(instance::refused_lines(addresses)),
        ),
        (
            "A WebSocket to it, opened with curl (101):",
            Some(instance::handshake_line(addresses)),
        ),
        (
            "The instance of ada, in a browser; this address signs you in as ada:",
            Some(addresses.sign_in()),
        ),
    ];
    for (title, block) in blocks.into_iter().filter_map(|(title, block)| Some((title, block?))) {
        text += &format!("\n{title}\n\n{block}\n");
    }
    text + "\nCtrl-C stops everything.\n"
}

/// One thing that listens.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    pub(crate) about: &'static str,
}

pub(crate) fn places(addresses: &Addresses) -> [Place; 11] {
    let place = |name, url, about| Place { name, url, about };
    let http = |address: SocketAddr, path: &str| format!("http://{address}/{path}");
    [
        place("page", http(addresses.page, ""), "all of this, and things to try"),
        place(
            "jira-proxy",
            format!("{}/", addresses.jira()),
            "Jira, as a notebook asks it",
        ),
        place(
            "efd-token",
            format!("{}/", addresses.efd()),
            "the EFD, with leases of one's own",
        ),
        place(
            "instance-proxy",
            format!("{}/", addresses.instance()),
            "the instance of ada, as she reaches it",
        ),
        place(
            "metrics",
            http(addresses.jira_admin, "metrics"),
            "of jira-proxy, on a port for operators",
        ),
        place("EFD metrics", http(addresses.efd_admin, "metrics"), "of efd-token"),
        place(
            "instance metrics",
            http(addresses.instance_admin, "metrics"),
            "of instance-proxy",
        ),
        place(
            "demo Jira",
            http(addresses.demo_jira, ""),
            "300 issues, for its bot only",
        ),
        place(
            "demo EFD",
            http(addresses.demo_efd, ""),
            "3 topics over 48 hours, for its reader only",
        ),
        place(
            "demo instance",
            http(addresses.demo_instance, ""),
            "a machine that on a real site only the proxy reaches",
        ),
        place(
            "issuer",
            http(addresses.issuer, ""),
            "OpenID tokens for ada, grace, bot-noteburst, guest",
        ),
    ]
}

pub(crate) fn curl_line(addresses: &Addresses) -> String {
    format!(
        "curl{} -H \"Authorization: Bearer {}\" '{}/rest/api/2/issue/DM-42?fields=summary,status'",
        trust_in_curl(addresses),
        token_in_shell(addresses),
        addresses.jira()
    )
}

/// A line for a machine that has the addresses but not the files.
pub(crate) fn keep_token(addresses: &Addresses) -> Option<String> {
    let directory = addresses.token_file.parent().filter(|_| addresses.beyond_loopback)?;
    Some(format!(
        "mkdir -m 700 {} && printf %s {} > {}",
        in_shell(directory),
        addresses.token,
        in_shell(&addresses.token_file)
    ))
}

/// What curl is told to trust the authority, if there is one.
fn trust_in_curl(addresses: &Addresses) -> String {
    let file = addresses.ca_file.as_deref().map(in_shell);
    file.map_or_else(String::new, |file| format!(" --cacert {file}"))
}

/// The token as a shell reads it from its file.
pub(crate) fn token_in_shell(addresses: &Addresses) -> String {
    format!("$(cat {})", in_shell(&addresses.token_file))
}

/// The name of a file as a shell reads it.
pub(crate) fn in_shell(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if path.bytes().all(is_plain) {
        path.into_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// A JSON string is one of Python's as well.
fn quoted(path: &Path) -> serde_json::Value {
    path.to_string_lossy().into()
}

/// What Python imports, says and passes on to trust the authority, if there is one.
fn trust_in_python(addresses: &Addresses) -> (&'static str, String, &'static str) {
    match &addresses.ca_file {
        Some(file) => (
            ", ssl",
            format!("trust = ssl.create_default_context(cafile={})\n", quoted(file)),
            ", context=trust",
        ),
        None => ("", String::new(), ""),
    }
}

pub(crate) fn python_snippet(addresses: &Addresses) -> String {
    let (import, trust, context) = trust_in_python(addresses);
    format!(
        r#"import json{import}, urllib.request as web
url = "{}/rest/api/2/search?jql=project=OBS&maxResults=5"
{trust}headers = {{"Authorization": "Bearer " + open({}).read()}}
answer = json.load(web.urlopen(web.Request(url, headers=headers){context}))
for issue in answer["issues"]: print(issue["key"], issue["fields"]["summary"])"#,
        addresses.jira(),
        quoted(&addresses.token_file)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_python_snippet_has_five_lines_and_imports_the_standard_library_only() {
        for (addresses, lines, expected) in [
            (Addresses::example(), 5, "import json, urllib.request as web"),
            (
                Addresses::example_with_tls(),
                6,
                "import json, ssl, urllib.request as web",
            ),
        ] {
            let snippet = python_snippet(&addresses);
            assert_eq!(snippet.lines().count(), lines);
            let imports: Vec<&str> = snippet.lines().filter(|line| line.contains("import")).collect();
            assert_eq!(imports, [expected]);
        }
    }

    #[test]
    fn over_https_both_snippets_name_the_authority_and_so_does_the_banner() {
        let addresses = Addresses::example_with_tls();
        let (curl, python) = (curl_line(&addresses), python_snippet(&addresses));
        assert!(
            curl.starts_with("curl --cacert /tmp/nbgate-example/ca.pem -H "),
            "{curl}"
        );
        assert!(python.contains(r#"create_default_context(cafile="/tmp/nbgate-example/ca.pem")"#));
        for snippet in [&curl, &python] {
            assert!(snippet.contains("https://127.0.0.1:8080/") && !snippet.contains("http://"));
        }
        let text = banner(&addresses, Duration::ZERO);
        assert!(
            text.contains(&format!("{AUTHORITY}\n\n/tmp/nbgate-example/ca.pem\n")),
            "{text}"
        );
        assert!(!banner(&Addresses::example(), Duration::ZERO).contains(AUTHORITY));
    }

    #[test]
    fn the_banner_tells_every_address_the_token_and_every_snippet() {
        let addresses = Addresses::example();
        let text = banner(&addresses, Duration::from_millis(42));
        assert!(text.starts_with("nbgate playground, ready in 0.04 s\n"));
        for place in places(&addresses) {
            assert!(text.contains(&place.url), "{}", place.name);
        }
        for line in [
            &addresses.token,
            &curl_line(&addresses),
            &python_snippet(&addresses),
            &efd::curl_line(&addresses),
            &efd::python_snippet(&addresses),
            &instance::curl_line(&addresses),
            &instance::refused_lines(&addresses),
            &instance::handshake_line(&addresses),
            &addresses.sign_in(),
        ] {
            assert!(text.contains(&format!("\n{line}\n")), "{line}");
        }
    }

    #[test]
    fn only_what_others_can_reach_says_so_and_how_to_keep_the_token() {
        let mut addresses = Addresses::example();
        assert!(!banner(&addresses, Duration::ZERO).contains(OPEN));
        addresses.beyond_loopback = true;
        let kept = format!(
            "mkdir -m 700 /tmp/nbgate-example && printf %s {} > /tmp/nbgate-example/token",
            addresses.token
        );
        assert!(banner(&addresses, Duration::ZERO).contains(&format!("{OPEN}\n\n{kept}\n")));
    }

    #[test]
    fn a_temporary_directory_may_have_any_name() {
        let mut addresses = Addresses::example();
        assert_eq!(token_in_shell(&addresses), "$(cat /tmp/nbgate-example/token)");
        addresses.token_file = "/tmp/ada's \"own\"/token".into();
        assert_eq!(token_in_shell(&addresses), r#"$(cat '/tmp/ada'\''s "own"/token')"#);
        assert!(python_snippet(&addresses).contains(r#"open("/tmp/ada's \"own\"/token").read()"#));
    }
}
