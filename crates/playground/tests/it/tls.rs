//! `--tls`: all services over https, under a certificate that only this run's authority vouches for.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::running::{Running, entries, text};

/// curl's own: the certificate is not one that it trusts.
const NOT_TRUSTED: i32 = 60;

fn start() -> Running {
    Running::start_with("tmp", &["--tls"])
}

#[test]
fn who_trusts_the_authority_is_served_and_who_does_not_refuses() {
    let playground = start();
    let (url, token) = (playground.url("jira-proxy"), playground.block("A token"));
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let me = |options: &str| {
        playground.sh(&format!(
            "curl -sS {options} -H 'Authorization: Bearer {token}' {url}-/me"
        ))
    };
    let trust = format!("--cacert {}", playground.authority().unwrap());
    let answer: Value = serde_json::from_str(&text(&me(&trust))).unwrap();
    assert_eq!(answer["user"], "ada");
    assert_eq!(me("").status.code(), Some(NOT_TRUSTED));
    // By name too, and by the other address.
    let port = url.trim_end_matches("/jira-data-proxy/").rsplit(':').next().unwrap();
    for host in ["localhost", "[::1]"] {
        let there = format!("{trust} --connect-to {host}:{port}:127.0.0.1:{port}");
        let url = format!("https://{host}:{port}/");
        text(&playground.sh(&format!("curl -sS {there} '{url}'")));
    }
    // In the clear there is nothing but a word about it.
    let clear = playground.sh(&format!("curl -s {}", url.replace("https", "http")));
    assert!(text(&clear).contains("this port speaks https"));
}

#[test]
fn links_in_answers_are_https() {
    let playground = start();
    let line = playground.block("An issue").replace("curl ", "curl -sS ");
    let issue = text(&playground.sh(&line));
    let own = issue.matches(playground.url("jira-proxy")).count();
    assert!(own > 0 && !issue.contains("http://127.0.0.1"), "{issue}");
}

#[test]
fn strict_python_trusts_it_too() {
    let playground = start();
    let code = format!(
        "import ssl, urllib.request as web\n\
         trust = ssl.create_default_context(cafile='{}')\n\
         trust.verify_flags |= ssl.VERIFY_X509_STRICT\n\
         print(web.urlopen('{}-/problems', context=trust).status)",
        playground.authority().unwrap(),
        playground.url("jira-proxy")
    );
    let printed = text(&playground.command("python3", &["-c", &code]).output().unwrap());
    assert_eq!(printed, "200\n");
}

#[test]
fn the_files_are_for_this_user_alone_and_the_key_of_the_authority_is_in_none() {
    let mut playground = start();
    let directory = playground.token_file().parent().unwrap().to_owned();
    let modes: BTreeMap<String, u32> = entries(&directory)
        .iter()
        .map(|path| {
            let mode = path.metadata().unwrap().permissions().mode() & 0o777;
            (path.file_name().unwrap().to_str().unwrap().to_owned(), mode)
        })
        .collect();
    let files = [
        "ca.pem",
        "password",
        "proxy.conf.json",
        "tls.crt",
        "tls.key",
        "token",
        "token-grace",
        "token-guest",
    ]
    .map(|name| (name.to_owned(), 0o600));
    let expected = files.into_iter().chain([("documents".to_owned(), 0o700)]);
    assert_eq!(modes, expected.collect());
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
    assert_eq!(playground.authority(), directory.join("ca.pem").to_str());
    assert!(!read("ca.pem").contains("PRIVATE KEY") && !read("tls.crt").contains("PRIVATE KEY"));
    assert!(!playground.banner.contains("PRIVATE KEY"));
    let ended = playground.stop_with("INT");
    assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""));
    assert!(ended.left.is_empty(), "{:?}", ended.left);
}

#[test]
fn a_playground_without_it_makes_no_certificate() {
    let playground = Running::start();
    assert!(playground.authority().is_none());
    let names = entries(playground.token_file().parent().unwrap());
    assert_eq!(names.len(), 6, "{names:?}");
}
