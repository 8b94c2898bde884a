//! The binary itself: what it says of a configuration, and how it ends.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use proxy_testkit::{FakeUpstream, PATIENCE, RawClient, eventually};

const BINARY: &str = env!("CARGO_BIN_EXE_jira-proxy");

fn command(environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().envs(environment.iter().copied());
    command
}

pub(crate) fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command(environment).args(arguments).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Today's manifest of jira-data-proxy with `[[identity]]` as the one addition.
pub(crate) const MANIFEST: &[(&str, &str)] = &[
    ("SAFIR_PATH_PREFIX", "/jira-data-proxy"),
    ("SAFIR_NAME", "jira-data-proxy"),
    ("SAFIR_PROFILE", "production"),
    ("SAFIR_LOG_LEVEL", "info"),
    ("JIRA_BASE_URL", "https://jira.example.org/"),
    ("JIRA_USERNAME", "bot-jira"),
    ("JIRA_PASSWORD", "canary-of-the-environment"),
    (
        "JIRA_PROXY__IDENTITY",
        r#"[{"kind":"gafaelfawr","base_url":"https://data.example.org"}]"#,
    ),
];

#[test]
fn the_originals_manifest_starts_with_an_identity_as_the_one_addition() {
    let good = run(&["check-config"], MANIFEST);
    assert_eq!(
        (good.status.code(), text(&good.stdout).trim()),
        (Some(0), "configuration is good"),
        "{}",
        text(&good.stderr)
    );
    assert!(
        text(&good.stderr).contains("JIRA_PASSWORD"),
        "a secret in the environment warns: {}",
        text(&good.stderr)
    );
    let without: Vec<_> = MANIFEST
        .iter()
        .copied()
        .filter(|(name, _)| !name.starts_with("JIRA_PROXY"))
        .collect();
    let refused = run(&["check-config"], &without);
    assert_eq!(refused.status.code(), Some(78));
    assert!(text(&refused.stderr).contains("identity"), "{}", text(&refused.stderr));
}

#[test]
fn a_wrong_configuration_does_not_start_and_says_every_problem_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let toml = r#"
[server]
prot = 8080
keep_alive_seconds = "long"
[[identity]]
kind = "oidcc"
[[tenant]]
prefix = "jira"
[tenant.upstream]
url = "ftp://jira.example.org"
[tenant.credential]
kind = "basic"
username = "bot"
[tenant.policy]
preset = "lax"
publish = ["attachements"]
[[tenant]]
name = "two"
[[tenant.policy.rule]]
name = "a"
action = "deny"
paths = ["/rest"]
"#;
    fs::write(file.path(), toml).unwrap();
    let started = Instant::now();
    let output = run(&["--config", file.path().to_str().unwrap()], &[]);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(output.status.code(), Some(78));
    let said = text(&output.stderr);
    for part in [
        "server.prot",
        "`port`",
        "server.keep_alive_seconds",
        "identity[0].kind",
        "gafaelfawr",
        "tenant[0].prefix",
        "tenant[0].upstream.url",
        "password_file",
        "tenant[0].policy.preset is `lax`",
        "tenant[1].policy.rule[0].paths[0] begins with `/`",
    ] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
}

#[test]
fn the_effective_configuration_and_policy_can_be_printed_without_a_secret() {
    let config = run(&["print-config"], MANIFEST);
    let shown = text(&config.stdout);
    assert!(
        config.status.success() && shown.contains("https://jira.example.org/") && shown.contains("bot-jira"),
        "{shown}"
    );
    assert!(!shown.contains("canary-of-the-environment"));
    let policy = run(&["print-policy"], MANIFEST);
    assert!(policy.status.success());
    for rule in ["personal-data", "no-login-by-query", "read", "search", "(default)"] {
        assert!(text(&policy.stdout).contains(rule), "{}", text(&policy.stdout));
    }
    assert!(text(&run(&["--version"], &[]).stdout).starts_with("jira-proxy "));
    assert!(text(&run(&["--help"], &[]).stdout).contains("print-policy"));
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let environment: Vec<_> = MANIFEST
        .iter()
        .copied()
        .chain([
            ("JIRA_PROXY__SERVER__HOST", "127.0.0.1"),
            ("JIRA_PROXY__SERVER__PORT", port.as_str()),
            ("JIRA_PROXY__SERVER__ADMIN_PORT", "0"),
        ])
        .collect();
    let output = run(&["serve"], &environment);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr) + &text(&output.stdout);
    assert!(said.contains(&format!("127.0.0.1:{port}")), "{said}");
}

#[test]
fn a_hub_managed_service_binds_what_the_hub_says_and_ends_on_sigterm() {
    let (hub, jira) = (FakeUpstream::start(), FakeUpstream::start());
    let model =
        serde_json::json!({ "kind": "user", "name": "ada", "groups": [], "scopes": ["access:services!service=jira"] });
    hub.answer("/hub/api/user", proxy_testkit::Script::json(200, &model));
    // The hub chooses a port itself: one that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (url, api, base) = (
        format!("http://127.0.0.1:{port}"),
        format!("{}/hub/api", hub.url()),
        jira.url(),
    );
    let mut child = command(&[
        ("JUPYTERHUB_SERVICE_NAME", "jira"),
        ("JUPYTERHUB_SERVICE_URL", &url),
        ("JUPYTERHUB_SERVICE_PREFIX", "/services/jira/"),
        ("JUPYTERHUB_API_URL", &api),
        ("JUPYTERHUB_API_TOKEN", "canary-of-the-hub"),
        ("JIRA_BASE_URL", &base),
        ("JIRA_USERNAME", "bot"),
        ("JIRA_PASSWORD", "secret-of-jira"),
        ("JIRA_PROXY__IDENTITY", r#"[{"kind":"jupyterhub"}]"#),
        ("JIRA_PROXY__SERVER__ADMIN_PORT", "0"),
        ("JIRA_PROXY__SERVER__ADMIN_HOST", "127.0.0.1"),
        ("JIRA_PROXY__SERVER__DRAIN_GRACE_SECONDS", "0"),
    ])
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    eventually(4 * PATIENCE, || std::net::TcpStream::connect(address).is_ok());
    assert!(
        RawClient::get(address, "/services/jira/", &[]).status < 500,
        "the hub's own check at its start"
    );
    assert_eq!(
        RawClient::get(
            address,
            "/services/jira/rest/api/2/field",
            &[("Authorization", "token abcdef123456")]
        )
        .status,
        200
    );
    assert_eq!(jira.request().target, "/rest/api/2/field");
    proves_hardened(child.id());

    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut lines = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_to_string(&mut lines)
        .unwrap();
    let events: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert!(
        events
            .iter()
            .any(|event| event["user"] == "ada" && event["status"] == 200),
        "{lines}"
    );
    for secret in ["abcdef123456", "canary-of-the-hub", "secret-of-jira"] {
        assert!(!lines.contains(secret));
    }
}

/// No core file, and no other process of this user may look into the memory.
fn proves_hardened(process: u32) {
    let limits = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("limits")).unwrap();
    let core = limits
        .as_bytes()
        .lines()
        .map_while(Result::ok)
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
}
