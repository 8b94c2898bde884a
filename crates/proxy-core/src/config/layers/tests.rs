use std::path::Path;

use super::{Environment, Layers};
use crate::{
    bootstrap,
    config::{
        Problems,
        sections::{CredentialKind, SecretSource, Username},
        tests::{ABOUT, Config, REQUIRED, bad, bare, configured, environment, good},
    },
};

#[test]
fn later_layers_win() {
    let file = "[[tenant]]\nprefix = '/file'\n[log]\nlevel = 'warn'";
    let own = [("TEST_PROXY__LOG__LEVEL", "debug")];
    let old = [("OLD_PREFIX", "/replaced"), ("OLD_LEVEL", "error")];
    for (toml, variables, prefix, level) in [
        ("", vec![], "/old", "info"),
        ("", old.to_vec(), "/replaced", "error"),
        (file, vec![], "/file", "warn"),
        (file, old.to_vec(), "/file", "warn"),
        ("", own.to_vec(), "/old", "debug"),
        (file, [old.as_slice(), &own].concat(), "/file", "debug"),
        ("", [old.as_slice(), &own].concat(), "/replaced", "debug"),
    ] {
        let config = good(toml, &variables);
        assert_eq!(
            (config.tenant[0].prefix.as_str(), config.log.level.as_str()),
            (prefix, level),
            "{toml} {variables:?}"
        );
    }
}

#[test]
fn each_tenant_lies_over_the_template_and_only_the_first_over_replaced_variables() {
    let config = good(
        "[[tenant]]\n[[tenant]]\nname = 'two'\nprefix = '/two'\nupstream = { url = 'https://two.example.org', idle_timeout_seconds = 7 }\n\
         credential = { username = 'two', password_file = 'x' }",
        &[],
    );
    let [first, second] = config.tenant.as_slice() else {
        panic!()
    };
    assert_eq!(
        (first.name.as_str(), first.upstream.url.as_str()),
        ("default", "https://old.example.org/")
    );
    assert_eq!(
        (second.upstream.url.as_str(), second.upstream.idle_timeout_seconds),
        ("https://two.example.org/", 7)
    );
    assert_eq!(
        (second.upstream.response_timeout_seconds, second.policy.preset.as_str()),
        (60, "read-only")
    );
    let problems = bad("[[tenant]]\n[[tenant]]\nname = 'two'\nprefix = '/two'", &[]).to_string();
    for key in [
        "tenant[1].upstream.url is missing",
        "tenant[1].credential.username is missing",
    ] {
        assert!(problems.contains(key), "{key} in\n{problems}");
    }
}

#[test]
fn a_variable_is_what_it_looks_like_and_text_stays_exact() {
    let user = |value: &str| {
        let tenant = format!(r#"[{{"upstream": {{"url": "https://a"}}, "credential": {{"username": {value}}}}}]"#);
        match good("", &[("TEST_PROXY__TENANT", &tenant)])
            .tenant
            .remove(0)
            .credential
            .kind
        {
            CredentialKind::Basic {
                username: Username::Text(text),
                ..
            } => text,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        (user("7").as_str(), user("\"007\"").as_str(), user("true").as_str()),
        ("7", "007", "true")
    );
    for (text, read) in [
        ("7", "7"),
        ("007", "007"),
        ("1e3", "1e3"),
        ("1.50", "1.50"),
        ("true", "true"),
        ("[x", "[x"),
        ("null", "null"),
        ("+1", "+1"),
    ] {
        let config = bare(
            "[[identity]]\nkind = 'gafaelfawr'\nbase_url = 'https://i'",
            &[REQUIRED, &[("OLD_USER", text)]].concat(),
        )
        .unwrap();
        assert!(
            matches!(&config.tenant[0].credential.kind, CredentialKind::Basic { username: Username::Text(user), .. } if user == read),
            "{text}"
        );
    }
    let config = good(
        "",
        &[
            ("TEST_PROXY__SERVER__PORT", "8081"),
            ("TEST_PROXY__SERVER__TRUSTED_PEERS", r#"["10.0.0.0/8"]"#),
            ("TEST_PROXY__SERVER__WORKERS", "3.0"),
        ],
    );
    assert_eq!(
        (
            config.server.port,
            config.server.trusted_peers.len(),
            config.server.workers
        ),
        (8081, 1, 3)
    );
    assert_eq!(
        good("", &[("TEST_PROXY__SERVER__HOST", "\"0.0.0.0\"")])
            .server
            .host
            .to_string(),
        "0.0.0.0",
        "quotes of a compose file"
    );
}

#[test]
fn longer_names_win_over_shorter_ones() {
    let config = good(
        "",
        &[
            ("TEST_PROXY__SERVER", r#"{"port": 1, "workers": 2}"#),
            ("TEST_PROXY__SERVER__PORT", "3"),
        ],
    );
    assert_eq!(
        (config.server.port, config.server.workers, config.server.admin_port),
        (3, 2, 8090)
    );
}

#[test]
fn variables_that_are_not_ours_do_not_count() {
    // Kubernetes injects the first two for a Service named `test-proxy`.
    let foreign = [
        ("TEST_PROXY_PORT", "tcp://10.0.0.1:80"),
        ("TEST_PROXY_SERVICE_HOST", "10.0.0.1"),
        ("TEST_PROXYX__SERVER__PORT", "1"),
        ("SERVER__PORT", "1"),
    ];
    assert_eq!(good("", &foreign).server.port, 8080);
}

#[test]
fn problems_name_the_variable_that_they_come_from() {
    for (variable, value, expected) in [
        (
            "TEST_PROXY__SERVER__PORT",
            "x",
            "server.port (from TEST_PROXY__SERVER__PORT) is a text: write a whole number",
        ),
        (
            "TEST_PROXY__SERVER__PROT",
            "1",
            "server.prot (from TEST_PROXY__SERVER__PROT) is not a key here: did you mean `port`?",
        ),
        (
            "TEST_PROXY__SERVRE__PORT",
            "1",
            "servre (from TEST_PROXY__SERVRE__PORT) is not a key here: did you mean `server`?",
        ),
        ("TEST_PROXY__", "1", "(from TEST_PROXY__) is not a key here"),
        (
            "TEST_PROXY__SERVER",
            "1",
            "server (from TEST_PROXY__SERVER) is 1: write a table",
        ),
        (
            "TEST_PROXY__TENANT",
            "[{kind: basic}]",
            "tenant (from TEST_PROXY__TENANT, which is not JSON: key must be a string at line 1 column 3) is a text",
        ),
        (
            "TEST_PROXY__TENANT",
            r#"[{"name": "a", "name": "b"}]"#,
            "which is not JSON: a key is there twice",
        ),
        (
            "TEST_PROXY__TENANT",
            r#"[{"name": "A B"}]"#,
            "tenant[0].name (from TEST_PROXY__TENANT) is not a name",
        ),
        (
            "TEST_PROXY__TENANT__0__NAME",
            "x",
            "tenant (from TEST_PROXY__TENANT__0__NAME) is a table: write `[[tenant]]` tables",
        ),
        (
            "OLD_PREFIX",
            "old",
            "tenant[0].prefix (from OLD_PREFIX) does not begin with `/`",
        ),
        (
            "OLD_URL",
            "ftp://x/",
            "tenant[0].upstream.url (from OLD_URL) has scheme `ftp`: use http or https",
        ),
    ] {
        let problems = bad("", &[(variable, value)]).to_string();
        assert!(problems.contains(expected), "{expected} in\n{problems}");
    }
    let problems = bad("[[tenant]]\nprefix = 'x'", &[("OLD_PREFIX", "/y")]).to_string();
    assert!(
        problems.contains("tenant[0].prefix does not"),
        "the file said it, not the variable: {problems}"
    );
}

#[test]
fn one_way_to_say_a_thing_replaces_another() {
    let config = good(
        "[[tenant]]\ncredential = { username_file = 'u', password_file = 'p' }",
        &[],
    );
    let CredentialKind::Basic { username, password } = &config.tenant[0].credential.kind else {
        panic!()
    };
    assert_eq!(username, &Username::File("u".into()));
    assert!(
        matches!(password, SecretSource::File(path) if path == Path::new("p")),
        "the file wins over the variable"
    );
    let config = good("[[tenant]]\ncredential = { kind = 'bearer', token_file = 't' }", &[]);
    assert!(matches!(
        config.tenant[0].credential.kind,
        CredentialKind::Bearer { .. }
    ));
}

#[test]
fn a_secret_of_the_environment_is_used_warned_about_and_never_shown() {
    let mut problems = Problems::default();
    let layers = Layers::load_str(&ABOUT, "", &environment(REQUIRED), &mut problems).unwrap();
    assert_eq!(problems.warnings().len(), 1);
    assert!(
        problems.warnings()[0].starts_with("OLD_PASSWORD holds a secret"),
        "{problems:?}"
    );
    let shown = format!("{}{layers:?}{problems:?}{:?}", layers.to_toml(), environment(REQUIRED));
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        shown.contains("# tenant[0].credential.password is in OLD_PASSWORD\n")
            && shown.contains("https://old.example.org/"),
        "{shown}"
    );
    let config = good("", &[]);
    let CredentialKind::Basic {
        password: SecretSource::Variable("OLD_PASSWORD", _),
        ..
    } = &config.tenant[0].credential.kind
    else {
        panic!("{config:?}")
    };
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn passwords_within_urls_are_not_printed() {
    let mut problems = Problems::default();
    let toml = "[[identity]]\nissuer = 'https://user:hunter2@idp.example.org/a@b'\nurls = ['http://x@y?z=1']";
    let shown = Layers::load_str(&ABOUT, toml, &environment(&[]), &mut problems)
        .unwrap()
        .to_toml();
    assert!(
        shown.contains("https://[REDACTED]@idp.example.org/a@b") && shown.contains("http://[REDACTED]@y?z=1"),
        "{shown}"
    );
}

#[test]
fn what_is_printed_reads_back_as_the_same() {
    let toml = "[[tenant]]\n[[tenant.policy.rule]]\nname = 'a'\naction = 'deny'\n[server]\ntrusted_peers = ['::1']";
    let mut problems = Problems::default();
    let shown = Layers::load_str(&ABOUT, toml, &environment(REQUIRED), &mut problems)
        .unwrap()
        .to_toml();
    let again = Layers::load_str(&ABOUT, &shown, &environment(REQUIRED), &mut problems)
        .unwrap()
        .to_toml();
    assert_eq!(shown, again);
}

#[test]
fn files_are_read_as_editors_leave_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    let good = "[log]\r\nlevel = 'warn'\r\n[[identity]]\r\nkind = 'gafaelfawr'\r\nbase_url = 'https://i'\r\n";
    let read = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        bootstrap::load::<Config>(&ABOUT, Some(&file), &environment(REQUIRED)).map(|config| config.log.level)
    };
    assert_eq!(read(good.as_bytes()).unwrap(), "warn");
    assert_eq!(read(format!("\u{feff}{good}").as_bytes()).unwrap(), "warn");
    let utf16: Vec<u8> = "\u{feff}a = 1".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let line3 = "a = 1\nb = 2\nsecret = hunter2\n";
    for (bytes, expected) in [
        (utf16.as_slice(), "is UTF-16: save it as UTF-8"),
        (b"a = '\xff'", "is not UTF-8 after byte 5: save it as UTF-8"),
        (line3.as_bytes(), "line 3, column 10: "),
        (b"a = 1\na = 2", "line 2, column 1: duplicate key"),
        (b"a = 99999999999999999999", "is not TOML: "),
        (&[b'#'; 1_048_577], "is larger than 1048576 bytes"),
    ] {
        let problems = read(bytes).unwrap_err().to_string();
        assert!(
            problems.contains(expected) && problems.contains("config.toml"),
            "{expected} in\n{problems}"
        );
        assert!(!problems.contains("hunter2"), "{problems}");
    }
    for (path, expected) in [
        (directory.path().join("absent"), "No such file"),
        (directory.path().to_owned(), "Is a directory"),
    ] {
        let problems = bootstrap::load::<Config>(&ABOUT, Some(&path), &environment(REQUIRED))
            .unwrap_err()
            .to_string();
        assert!(
            problems.contains("cannot be read") && problems.contains(expected),
            "{problems}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_what_is_wrong_with_variables() {
    use std::os::unix::ffi::OsStringExt as _;
    let broken = std::ffi::OsString::from_vec(vec![0xff]);
    let all = [
        ("TEST_PROXY__SERVER__PORT", &broken),
        ("OLD_URL", &broken),
        ("OLD_PASSWORD", &broken),
        ("UNRELATED", &broken),
    ];
    let environment = Environment::of(all.map(|(name, value)| (name.into(), value.clone())));
    let problems = bootstrap::load_str::<Config>(&ABOUT, "oops", &environment)
        .unwrap_err()
        .to_string();
    for variable in [
        "TEST_PROXY__SERVER__PORT is not UTF-8",
        "OLD_URL is not UTF-8",
        "OLD_PASSWORD is not UTF-8",
        "line 1",
    ] {
        assert!(problems.contains(variable), "{variable} in\n{problems}");
    }
    assert!(!problems.contains("UNRELATED"));
}

const HUB: &[(&str, &str)] = &[
    ("JUPYTERHUB_SERVICE_NAME", "jira"),
    ("JUPYTERHUB_SERVICE_URL", "http://127.0.0.1:10202"),
    ("JUPYTERHUB_SERVICE_PREFIX", "/services/jira/"),
    ("JUPYTERHUB_API_URL", "http://127.0.0.1:8081/hub/api"),
    ("JUPYTERHUB_PUBLIC_URL", "https://hub.example.org/services/jira/"),
];

#[test]
fn a_service_that_a_hub_runs_needs_its_kind_alone() {
    let variables = [REQUIRED, HUB].concat();
    let config = bare("[[identity]]\nkind = 'jupyterhub'", &variables).unwrap();
    assert_eq!(
        (config.server.host.to_string().as_str(), config.server.port),
        ("127.0.0.1", 10_202)
    );
    assert_eq!(config.tenant[0].prefix, "/services/jira");
    assert_eq!(config.server.public_url.unwrap().as_str(), "https://hub.example.org/");
    assert!(format!("{:?}", config.identity).contains("http://127.0.0.1:8081/hub/api"));
    let own = "[[identity]]\nkind = 'jupyterhub'\napi_url = 'https://other.example.org/hub/api'\n[server]\nport = 1\npublic_url = ''";
    let config = bare(own, &variables).unwrap();
    assert!(
        config.server.port == 1
            && config.server.public_url.is_none()
            && format!("{:?}", config.identity).contains("other")
    );
}

#[test]
fn a_notebook_servers_own_variables_are_not_meant_for_us() {
    let config = configured("", &HUB[1..]).unwrap();
    assert_eq!((config.server.port, config.tenant[0].prefix.as_str()), (8080, "/old"));
    assert!(config.server.public_url.is_none());
}

#[test]
fn the_hubs_other_ways_to_say_where() {
    let with = |variable, value| good("", &[("JUPYTERHUB_SERVICE_NAME", "jira"), (variable, value)]).server;
    assert_eq!(with("JUPYTERHUB_SERVICE_URL", "http://[::1]").host.to_string(), "::1");
    assert_eq!(with("JUPYTERHUB_SERVICE_URL", "http://localhost:7/").port, 7);
    assert_eq!(
        with("PUBLIC_HOST", "https://hub.example.org")
            .public_url
            .unwrap()
            .as_str(),
        "https://hub.example.org/"
    );
    assert!(with("JUPYTERHUB_PUBLIC_URL", "").public_url.is_none());
    for url in ["https://127.0.0.1:7", "unix:///run/x", "nonsense"] {
        let problems = bad(
            "",
            &[("JUPYTERHUB_SERVICE_NAME", "jira"), ("JUPYTERHUB_SERVICE_URL", url)],
        )
        .to_string();
        assert!(
            problems.contains("JUPYTERHUB_SERVICE_URL is not an http URL"),
            "{problems}"
        );
    }
}
