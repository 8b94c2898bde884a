mod files;
mod hub;
mod shown;

use std::path::Path;

use crate::config::{
    sections::{CredentialKind, SecretSource, Username},
    tests::{REQUIRED, bad, bare, good},
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
            (config.tenant[0].realm.prefix.as_str(), config.log.level.as_str()),
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
        (first.realm.name.as_str(), first.upstream.url.as_str()),
        ("default", "https://old.example.org/")
    );
    assert_eq!(
        (second.upstream.url.as_str(), second.upstream.timeouts.idle.as_secs()),
        ("https://two.example.org/", 7)
    );
    assert_eq!(
        (
            second.upstream.timeouts.response.as_secs(),
            second.policy.preset.as_str()
        ),
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
