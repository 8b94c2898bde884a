use crate::config::{
    sections::{CredentialKind, LogFormat, SecretSource, UpstreamConfig},
    tests::{bad, bare, good},
};

/// One problem: the key and what is wrong with it, what to do. Nothing else may be found, and no value that may be a secret.
#[track_caller]
fn check(toml: &str, key_and_cause: &str, cure: &str) {
    let problems = bad(toml, &[]);
    let [problem] = problems.found() else {
        panic!("{toml}:\n{problems}")
    };
    assert!(
        problem.starts_with(key_and_cause),
        "{toml}:\n{problem}\nis not\n{key_and_cause}"
    );
    assert!(problem.contains(cure), "{toml}:\n{problem}\ndoes not say\n{cure}");
    assert!(!problem.contains("hunter2"), "{problem}");
}

#[test]
fn server_log_and_tls_say_what_is_wrong() {
    for (toml, key_and_cause, cure) in [
        (
            "[server]\nport = 70000",
            "server.port is 70000",
            "write a whole number from 0 to 65535",
        ),
        ("[server]\nport = -1", "server.port is -1", "whole number"),
        ("[server]\nport = 80.5", "server.port is 80.5", "whole number"),
        ("[server]\nport = '8080 '", "server.port is a text", "whole number"),
        ("[server]\nport = true", "server.port is `true`", "whole number"),
        ("[server]\nport = []", "server.port is a list", "whole number"),
        (
            "[server]\nprot = 1",
            "server.prot is not a key here",
            "did you mean `port`?",
        ),
        (
            "[server]\nPort = 1",
            "server.Port is not a key here",
            "did you mean `port`?",
        ),
        (
            "[server]\nzzzzzzzz = 1",
            "server.zzzzzzzz is not a key here",
            "remove it",
        ),
        (
            "[server]\nhost = 'example.org'",
            "server.host is not an IP address",
            "write 0.0.0.0",
        ),
        (
            "[server]\nhost = ''",
            "server.host is not an IP address",
            "write 0.0.0.0",
        ),
        (
            "[server]\nadmin_port = 8080",
            "server.admin_port is 8080 like `port`",
            "a port of their own",
        ),
        ("[server]\nworkers = 5000", "server.workers is 5000", "from 0 to 1024"),
        (
            "[server]\nhead_timeout_seconds = 0",
            "server.head_timeout_seconds is 0",
            "from 1 to 3600",
        ),
        (
            "[server]\nhead_timeout_seconds = '10s'",
            "server.head_timeout_seconds is a text",
            "from 1 to 3600",
        ),
        (
            "[server]\nkeep_alive_seconds = 1e300",
            "server.keep_alive_seconds is 1e+300",
            "from 1 to 3600",
        ),
        (
            "[server]\nwrite_timeout_seconds = -0.5",
            "server.write_timeout_seconds is -0.5",
            "from 1 to 3600",
        ),
        (
            "[server]\ndrain_deadline_seconds = 0",
            "server.drain_deadline_seconds is 0",
            "from 1 to 3600",
        ),
        (
            "[server]\npublic_url = 'data.example.org'",
            "server.public_url is not an absolute URL",
            "https://",
        ),
        (
            "[server]\npublic_url = 'https://h/?x=hunter2'",
            "server.public_url holds a query",
            "remove it",
        ),
        (
            "[server]\ndocs_base_url = 'javascript://x'",
            "server.docs_base_url has scheme `javascript`",
            "use http or https",
        ),
        (
            "[server]\ntrusted_peers = ['0.0.0.0/0']",
            "server.trusted_peers[0] is 0.0.0.0/0",
            "allow_insecure_any_peer = true",
        ),
        (
            "[server]\ntrusted_peers = ['10.0.0.0/8', '::/0']",
            "server.trusted_peers[1] is ::/0",
            "allow_insecure_any_peer = true",
        ),
        (
            "[server]\ntrusted_peers = ['128.0.0.0/1']",
            "server.trusted_peers[0] is 128.0.0.0/1",
            "name the ingress's network",
        ),
        (
            "[server]\ntrusted_peers = ['::ffff:0.0.0.0/96']",
            "server.trusted_peers[0] is 0.0.0.0/0",
            "name the ingress's network",
        ),
        (
            "[server]\ntrusted_peers = ['ingress']",
            "server.trusted_peers[0] is not a network",
            "write one such as 10.0.0.0/8",
        ),
        (
            "[server]\ntrusted_peers = '10.0.0.0/8'",
            "server.trusted_peers is a text",
            "write a list",
        ),
        (
            "[server]\ntrusted_peers = [[]]",
            "server.trusted_peers[0] is a list",
            "write a text",
        ),
        (
            "[server]\nallow_insecure_any_peer = 'yes'",
            "server.allow_insecure_any_peer is a text",
            "write `true` or `false`",
        ),
        ("server = 'hunter2'", "server is a text", "write a table"),
        (
            "[log]\nlevel = 'verbose'",
            "log.level is not a level",
            "write error, warn, info",
        ),
        (
            "[log]\nlevel = 'info,x=loud'",
            "log.level is not a level",
            "info,proxy_core=debug",
        ),
        (
            "[log]\nformat = 'xml'",
            "log.format is not a word",
            "use one of `auto`, `json`, `pretty`",
        ),
        (
            "[tls]\nca_file = '/nonexistent/ca.pem'",
            "tls.ca_file cannot be read (No such file",
            "name a PEM file",
        ),
        ("[sever]\nport = 1", "sever is not a key here", "did you mean `server`?"),
        (
            "identity_ = 1",
            "identity_ is not a key here",
            "did you mean `identity`?",
        ),
    ] {
        check(toml, key_and_cause, cure);
    }
}

#[test]
fn prefixes_and_names_say_what_is_wrong() {
    for (prefix, cause, cure) in [
        ("x", "does not begin with `/`", "write a path such as `/jira`"),
        ("https://x", "does not begin with `/`", "write a path"),
        ("", "does not begin with `/`", "write a path"),
        ("/", "is `/`", "write a path"),
        ("//x", "holds an empty segment", "remove"),
        ("/x/", "holds an empty segment", "the one at its end"),
        ("/a//b", "holds an empty segment", "remove"),
        ("/a/../b", "holds the segment `..`", "write the path that is meant"),
        ("/.", "holds the segment `.`", "write the path that is meant"),
        ("/-", "holds the segment `-`", "choose another"),
        ("/a/-/b", "holds the segment `-`", "choose another"),
        ("/a%2fb", "holds a character that paths encode", "write only a-z"),
        ("/a b", "holds a character that paths encode", "write only a-z"),
        ("/a{b}", "holds a character that paths encode", "write only a-z"),
        ("/é", "holds a character that paths encode", "write only a-z"),
    ] {
        check(
            &format!("[[tenant]]\nprefix = '{prefix}'"),
            &format!("tenant[0].prefix {cause}"),
            cure,
        );
    }
    let long = format!("[[tenant]]\nprefix = '/{}'", "a".repeat(200));
    check(&long, "tenant[0].prefix is longer than 200 bytes", "shorten it");
    for name in ["", "Jira", "a b", "a.b", "é", &"a".repeat(64)] {
        check(
            &format!("[[tenant]]\nname = '{name}'"),
            "tenant[0].name is not a name",
            "1 to 63 of a-z, 0-9 and `-`",
        );
    }
}

#[test]
fn upstreams_say_what_is_wrong() {
    for (url, cause, cure) in [
        ("jira.example.org", "is not an absolute URL", "https://example.org/"),
        ("//jira.example.org/", "is not an absolute URL", "https://example.org/"),
        (
            "https:/jira.example.org",
            "is not an absolute URL",
            "https://example.org/",
        ),
        ("ftp://jira.example.org/", "has scheme `ftp`", "use http or https"),
        ("hun-ter2://x", "has scheme `unknown`", "use http or https"),
        (
            "https://bot:hunter2@jira.example.org/",
            "holds a user or password",
            "remove it",
        ),
        ("https://@jira.example.org/", "holds a user or password", "remove it"),
        (
            "https://jira.example.org/?token=hunter2",
            "holds a query or fragment",
            "remove it",
        ),
        (
            "https://jira.example.org/#hunter2",
            "holds a query or fragment",
            "remove it",
        ),
        ("https://jira.example.org?", "holds a query or fragment", "remove it"),
        (" https://jira.example.org/", "holds a space", "remove it"),
        ("https://jira.example.org/ ", "holds a space", "remove it"),
        (
            "https://jira.example.org/a\\tb",
            "holds a space or control character",
            "remove it",
        ),
        ("https:\\\\\\\\jira.example.org", "holds a backslash", "write `/`"),
        (
            "https://jira.example.org/a/../b",
            "holds a segment `.` or `..`",
            "write the path that is meant",
        ),
        (
            "https://jira.example.org/a/%2e%2e/b",
            "holds a path with characters that are encoded",
            "write only a-z",
        ),
        (
            "https://jira.example.org/a//b",
            "holds a doubled `/`",
            "write the path that is meant",
        ),
        (
            "https://jira.example.org//",
            "holds a doubled `/`",
            "write the path that is meant",
        ),
        ("https://", "has no host", "https://example.org/"),
        ("https:///x", "has no host", "https://example.org/"),
        (
            "https://jira.example.org:99999/",
            "is not a URL (invalid port number)",
            "https://example.org/",
        ),
        ("https://jira.example.org:0/", "has port 0", "write the port"),
        (
            "https://[::1/",
            "is not a URL (invalid IPv6 address)",
            "https://example.org/",
        ),
        (
            "http://jira.example.org/",
            "would send the credential in the clear",
            "allow_insecure_http = true",
        ),
        (
            "http://127.0.0.1.example.org/",
            "would send the credential in the clear",
            "use https",
        ),
        (
            "http://10.0.0.1/",
            "would send the credential in the clear",
            "use https",
        ),
    ] {
        check(
            &format!("[[tenant]]\nupstream.url = \"{url}\""),
            &format!("tenant[0].upstream.url {cause}"),
            cure,
        );
    }
    for (line, key_and_cause, cure) in [
        ("name = ''", "name is empty", "write a text"),
        ("name = 'a`b'", "name holds a control character, quote", "remove it"),
        (
            "connect_timeout_seconds = 0",
            "connect_timeout_seconds is 0",
            "from 1 to 3600",
        ),
        (
            "connect_timeout_seconds = 'PT5S'",
            "connect_timeout_seconds is a text",
            "from 1 to 3600",
        ),
        (
            "upload_timeout_seconds = 86401",
            "upload_timeout_seconds is 86401",
            "from 1 to 86400",
        ),
        (
            "max_request_body_bytes = -1",
            "max_request_body_bytes is -1",
            "from 0 to 1099511627776",
        ),
        (
            "max_request_body_bytes = '1MiB'",
            "max_request_body_bytes is a text",
            "whole number",
        ),
        (
            "reuse = 'always'",
            "reuse is not a word",
            "use one of `credential`, `user`, `never`",
        ),
        ("rewrite_links = 1", "rewrite_links is 1", "write `true` or `false`"),
        ("timeout = 1", "timeout is not a key here", "remove it"),
    ] {
        check(
            &format!("[[tenant]]\n[tenant.upstream]\n{line}"),
            &format!("tenant[0].upstream.{key_and_cause}"),
            cure,
        );
    }
}

#[test]
fn credentials_say_what_is_wrong() {
    for (lines, key_and_cause, cure) in [
        (
            "kind = 'digest'",
            "kind is not a word",
            "use one of `basic`, `bearer`, `header`",
        ),
        (
            "password = 'hunter2'",
            "password is not a key here",
            "did you mean `password_file`?",
        ),
        (
            "kind = 'bearer'\ntoken_file = 'f'\ntoken = 'hunter2'",
            "token is not a key here",
            "did you mean `token_file`?",
        ),
        (
            "kind = 'bearer'",
            "token_file is missing",
            "name the file that holds the secret",
        ),
        (
            "kind = 'header'\nname = 'X-Key'",
            "value_file is missing",
            "name the file that holds the secret",
        ),
        ("kind = 'header'\nvalue_file = 'f'", "name is missing", "set it"),
        (
            "kind = 'header'\nvalue_file = 'f'\nname = 'X Key'",
            "name is not the name of a header",
            "such as X-Api-Key",
        ),
        (
            "kind = 'header'\nvalue_file = 'f'\nname = 'Host'",
            "name is `host`",
            "the upstream reads the credential from",
        ),
        (
            "kind = 'header'\nvalue_file = 'f'\nname = 'Transfer-Encoding'",
            "name is `transfer-encoding`",
            "the upstream reads",
        ),
        ("username = 'a:hunter2'", "username holds a `:`", "correct it"),
        (
            "username = 'bot '",
            "username begins or ends with a space",
            "correct it",
        ),
        ("username = ['hunter2']", "username is a list", "write a text"),
        (
            "username = 'bot'\nusername_file = 'f'",
            "username_file and `username` are both set",
            "remove one",
        ),
        (
            "password_file = ' '",
            "password_file is not the name of a file",
            "write one",
        ),
    ] {
        check(
            &format!("[[tenant]]\n[tenant.credential]\n{lines}"),
            &format!("tenant[0].credential.{key_and_cause}"),
            cure,
        );
    }
}

#[test]
fn tenants_policies_and_limits_say_what_is_wrong() {
    let other = "upstream.url = 'https://two'\ncredential = { username = 'u', password_file = 'f' }";
    for (toml, key_and_cause, cure) in [
        ("tenant = []".to_owned(), "tenant is empty", "at least one `[[tenant]]`"),
        (
            "tenant = 'hunter2'".to_owned(),
            "tenant is a text",
            "write `[[tenant]]` tables",
        ),
        (
            "[tenant]\nname = 'x'".to_owned(),
            "tenant is a table",
            "write `[[tenant]]` tables",
        ),
        (
            "tenant = ['hunter2']".to_owned(),
            "tenant[0] is a text",
            "write a table",
        ),
        (
            "[[tenant]]\nprefx = '/x'".to_owned(),
            "tenant[0].prefx is not a key here",
            "did you mean `prefix`?",
        ),
        (
            format!("[[tenant]]\n[[tenant]]\nprefix = '/two'\n{other}"),
            "tenant[1].name is `default` like that of tenant[0]",
            "choose another",
        ),
        (
            format!("[[tenant]]\n[[tenant]]\nname = 'two'\n{other}"),
            "tenant[1].prefix is `/old`, which shares paths with that of tenant[0]",
            "choose another",
        ),
        (
            format!("[[tenant]]\n[[tenant]]\nname = 'two'\nprefix = '/old/x'\n{other}"),
            "tenant[1].prefix is `/old/x`, which shares paths",
            "choose another",
        ),
        (
            format!("[[tenant]]\nprefix = '/a/b'\n[[tenant]]\nname = 'two'\nprefix = '/a'\n{other}"),
            "tenant[1].prefix is `/a`, which shares paths",
            "choose another",
        ),
        (
            "[[tenant]]\nrequired_scopes = ['a b']".to_owned(),
            "tenant[0].required_scopes[0] is not a scope",
            "without spaces",
        ),
        (
            "[[tenant]]\nrequired_groups = ['']".to_owned(),
            "tenant[0].required_groups[0] is empty",
            "write a text",
        ),
        (
            "[[tenant]]\npolicy.publsh = []".to_owned(),
            "tenant[0].policy.publsh is not a key here",
            "did you mean `publish`?",
        ),
        (
            "[[tenant]]\npolicy.publish = 'x'".to_owned(),
            "tenant[0].policy.publish is a text",
            "write a sequence",
        ),
        (
            "[[tenant]]\n[[tenant.policy.rule]]\naction = 'deny'".to_owned(),
            "tenant[0].policy.rule[0].name is missing",
            "set it",
        ),
        (
            "[[tenant]]\n[[tenant.policy.rule]]\nname = 'a'\naction = 'hunter2'".to_owned(),
            "tenant[0].policy.rule[0].action is a text",
            "write `allow` or `deny`",
        ),
        (
            "[[tenant]]\n[tenant.limits]\nmax_in_flight = 0".to_owned(),
            "tenant[0].limits.max_in_flight is 0",
            "from 1 to 100000",
        ),
        (
            "[[tenant]]\n[tenant.limits]\nmax_in_flight = 8".to_owned(),
            "tenant[0].limits.max_in_flight_per_user is 16, more than max_in_flight = 8",
            "lower it",
        ),
        (
            "[[tenant]]\n[tenant.limits]\nqueue_seconds = 3600".to_owned(),
            "tenant[0].limits.queue_seconds is 3600",
            "from 1 to 60",
        ),
    ] {
        check(&toml, key_and_cause, cure);
    }
}

#[test]
fn every_problem_is_found_at_once_and_none_twice() {
    let problems = bad(
        "oops = 1\n[server]\nport = 70000\nadmn_port = 2\n[log]\nformat = 'xml'\nlevel = 'loud'\n[[tenant]]\nname = 'A'\nprefix = 'x'\n\
         upstream = { url = 'ftp://x', reuse = 'x', idle_timeout_seconds = 0 }\ncredential = { kind = 'bearer', tokn = 1 }\n\
         policy = { preset = 1, rule = [{ name = [], actoin = 'deny' }, { action = 'x', methods = 1 }] }\nlimits = { queue = -1 }",
        &[],
    );
    let mut found: Vec<&str> = problems
        .found()
        .iter()
        .map(|problem| problem.split(' ').next().unwrap_or_default())
        .collect();
    let mut expected = vec![
        "oops",
        "server.port",
        "server.admn_port",
        "log.format",
        "log.level",
        "tenant[0].name",
        "tenant[0].prefix",
        "tenant[0].upstream.url",
        "tenant[0].upstream.reuse",
        "tenant[0].upstream.idle_timeout_seconds",
        "tenant[0].credential.tokn",
        "tenant[0].policy.rule[0].name",
        "tenant[0].policy.rule[0].actoin",
        "tenant[0].policy.rule[0].action",
        "tenant[0].policy.rule[1].action",
        "tenant[0].policy.rule[1].methods",
        "tenant[0].policy.rule[1].name",
        "tenant[0].limits.queue",
    ];
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "\n{problems}");
}

#[test]
fn what_is_missing_is_named_with_every_way_to_say_it() {
    let problems = bare("", &[]).unwrap_err().to_string();
    for expected in [
        "tenant[0].upstream.url is missing: set it, or OLD_URL in the environment",
        "tenant[0].credential.username is missing: set it, or username_file, or OLD_USER in the environment",
        "identity is empty",
    ] {
        assert!(problems.contains(expected), "{expected} in\n{problems}");
    }
    let problems = bare("", &[("OLD_URL", "https://x"), ("OLD_USER", "u")])
        .unwrap_err()
        .to_string();
    let expected = "tenant[0].credential.password_file is missing: name the file that holds the secret, or OLD_PASSWORD in the environment";
    assert!(problems.contains(expected), "{problems}");
}

#[test]
fn what_is_insecure_needs_its_own_key() {
    let config = good(
        "[server]\ntrusted_peers = ['0.0.0.0/0', '::/0']\nallow_insecure_any_peer = true",
        &[],
    );
    assert_eq!(config.server.trusted_peers.len(), 2);
    let config = good(
        "[[tenant]]\nupstream = { url = 'http://jira.svc:8080', allow_insecure_http = true }",
        &[],
    );
    assert_eq!(config.tenant[0].upstream.url.as_str(), "http://jira.svc:8080/");
}

#[test]
fn good_values_are_taken_as_they_are_meant() {
    let upstream = |url: &str| -> UpstreamConfig {
        good(&format!("[[tenant]]\nupstream.url = '{url}'"), &[])
            .tenant
            .remove(0)
            .upstream
    };
    for (written, meant) in [
        ("https://jira.example.org", "https://jira.example.org/"),
        ("https://jira.example.org:443/jira", "https://jira.example.org/jira/"),
        ("HTTPS://JIRA.example.org/jira/", "https://jira.example.org/jira/"),
        ("http://127.0.0.1:80", "http://127.0.0.1/"),
        ("http://[::1]:8080/a/b", "http://[::1]:8080/a/b/"),
        ("http://localhost:2990/jira", "http://localhost:2990/jira/"),
        ("http://jira.localhost", "http://jira.localhost/"),
    ] {
        assert_eq!(upstream(written).url.as_str(), meant);
    }
    for (written, meant) in [
        ("INFO", "info"),
        ("WARNING", "warn"),
        ("Critical", "error"),
        ("off", "off"),
        ("info,proxy_core=debug", "info,proxy_core=debug"),
    ] {
        assert_eq!(good("", &[("OLD_LEVEL", written)]).log.level, meant);
    }
    let config = good(
        "[log]\nformat = 'json'\n[server]\nhost = 'localhost'\nport = 0\nadmin_port = 0\nworkers = 2.0\ntrusted_peers = ['10.1.2.3', 'fd00::/8', '::ffff:10.0.0.0/104']\npublic_url = ''",
        &[],
    );
    assert_eq!(
        (
            config.log.format,
            config.server.host.to_string().as_str(),
            config.server.workers
        ),
        (LogFormat::Json, "127.0.0.1", 2)
    );
    let peers: Vec<String> = config.server.trusted_peers.iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["10.1.2.3/32", "fd00::/8", "10.0.0.0/8"]);
    assert!(
        config.server.public_url.is_none() && config.tls.ca_file.is_none() && config.server.docs_base_url.is_none()
    );
    let tenant = good("[[tenant]]\nprefix = '/a/b~c_d.e'\nrequired_groups = ['/spt3g/dev']\ncredential = { kind = 'header', name = 'X-Api-Key', value_file = 'f' }", &[]).tenant.remove(0);
    assert_eq!(
        (tenant.prefix.as_str(), tenant.required_groups),
        ("/a/b~c_d.e", vec!["/spt3g/dev".to_owned()])
    );
    assert!(
        matches!(tenant.credential.kind, CredentialKind::Header { ref name, value: SecretSource::File(_) } if name == "x-api-key")
    );
    assert_eq!(tenant.credential.key, "tenant[0].credential");
}

#[test]
fn prefixes_that_only_look_alike_do_not_overlap() {
    let config = good(
        "[[tenant]]\nprefix = '/jira'\n[[tenant]]\nname = 'two'\nprefix = '/jira-two'\nupstream.url = 'https://two'\ncredential = { username = 'u', password_file = 'f' }",
        &[],
    );
    assert_eq!(config.tenant.len(), 2);
}
