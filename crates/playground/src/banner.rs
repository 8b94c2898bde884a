//! What the terminal shows once everything listens; the landing page shows the same lines.  (pure)
//!
//! The curl line and the Python snippet read the token from its file, as on a platform, which keeps them short; they
//! work as printed, and need nothing but curl and Python's standard library.

use std::time::Duration;

use crate::addresses::Addresses;

pub(crate) fn banner(addresses: &Addresses, ready_in: Duration) -> String {
    let mut text = format!("nbgate playground, ready in {:.2} s\n\n", ready_in.as_secs_f64());
    for place in places(addresses) {
        text += &format!("  {:<11} {:<40} {}\n", place.name, place.url, place.about);
    }
    let blocks = [
        ("A token of ada, for 8 hours:", addresses.token.clone()),
        ("An issue, with curl:", curl_line(addresses)),
        ("A search, in a notebook or in python3:", python_snippet(addresses)),
    ];
    for (title, block) in blocks {
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

pub(crate) fn places(addresses: &Addresses) -> [Place; 5] {
    let place = |name, url, about| Place { name, url, about };
    [
        place(
            "page",
            format!("http://{}/", addresses.page),
            "all of this, and things to try",
        ),
        place(
            "jira-proxy",
            format!("{}/", addresses.jira()),
            "what a notebook talks to",
        ),
        place(
            "metrics",
            format!("http://{}/metrics", addresses.admin),
            "for operators, on a port of its own",
        ),
        place(
            "demo Jira",
            format!("http://{}/", addresses.demo_jira),
            "300 issues, for its bot only",
        ),
        place(
            "issuer",
            format!("http://{}/", addresses.issuer),
            "OpenID tokens for ada, grace, bot-noteburst",
        ),
    ]
}

pub(crate) fn curl_line(addresses: &Addresses) -> String {
    format!(
        "curl -H \"Authorization: Bearer {}\" '{}/rest/api/2/issue/DM-42?fields=summary,status'",
        token_in_shell(addresses),
        addresses.jira()
    )
}

/// The token as a shell reads it from its file.
pub(crate) fn token_in_shell(addresses: &Addresses) -> String {
    let path = addresses.token_file.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if path.bytes().all(is_plain) {
        format!("$(cat {path})")
    } else {
        format!("$(cat '{}')", path.replace('\'', r"'\''"))
    }
}

pub(crate) fn python_snippet(addresses: &Addresses) -> String {
    format!(
        r#"import json, urllib.request as web
url = "{}/rest/api/2/search?jql=project=OBS&maxResults=5"
headers = {{"Authorization": "Bearer " + open({}).read()}}
answer = json.load(web.urlopen(web.Request(url, headers=headers)))
for issue in answer["issues"]: print(issue["key"], issue["fields"]["summary"])"#,
        addresses.jira(),
        // A JSON string is one of Python's as well.
        serde_json::Value::from(addresses.token_file.to_string_lossy())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_python_snippet_has_five_lines_and_imports_the_standard_library_only() {
        let snippet = python_snippet(&Addresses::example());
        assert_eq!(snippet.lines().count(), 5);
        let imports: Vec<&str> = snippet.lines().filter(|line| line.contains("import")).collect();
        assert_eq!(imports, ["import json, urllib.request as web"]);
    }

    #[test]
    fn the_banner_tells_every_address_the_token_and_both_snippets() {
        let addresses = Addresses::example();
        let text = banner(&addresses, Duration::from_millis(42));
        assert!(text.starts_with("nbgate playground, ready in 0.04 s\n"));
        for place in places(&addresses) {
            assert!(text.contains(&place.url), "{}", place.name);
        }
        for line in [&addresses.token, &curl_line(&addresses), &python_snippet(&addresses)] {
            assert!(text.contains(&format!("\n{line}\n")), "{line}");
        }
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
