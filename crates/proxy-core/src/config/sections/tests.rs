mod good;

use crate::config::tests::{bad, bare};

/// Each line: TOML | the key and what is wrong with it | what to do. `\n` is a line break; the TOML follows `section`, and
/// keys follow `prefix`. Nothing else may be found, and no value that may be a secret may be shown.
#[track_caller]
fn check(section: &str, prefix: &str, table: &str) {
    for row in table.lines().filter(|row| !row.trim().is_empty()) {
        let [toml, key_and_cause, cure] = row.split(" | ").map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        let problems = bad(&format!("{section}{}", toml.replace("\\n", "\n")), &[]);
        let [problem] = problems.found() else {
            panic!("{row}:\n{problems}")
        };
        assert!(
            problem.starts_with(&format!("{prefix}{key_and_cause}")),
            "{row}:\n{problem}"
        );
        assert!(
            problem.contains(cure) && !problem.contains("hunter2"),
            "{row}:\n{problem}"
        );
    }
}

#[test]
fn a_server_says_what_is_wrong() {
    let table = r#"
        port = 70000                 | port is 70000                        | write a whole number from 0 to 65535
        port = -1                    | port is -1                           | whole number
        port = 80.5                  | port is 80.5                         | whole number
        port = '8080 '               | port is a text                       | whole number
        port = true                  | port is `true`                       | whole number
        port = []                    | port is a list                       | whole number
        prot = 1                     | prot is not a key here               | did you mean `port`?
        Port = 1                     | Port is not a key here               | did you mean `port`?
        zzzzzzzz = 1                 | zzzzzzzz is not a key here           | remove it
        host = 'example.org'         | host is not an IP address            | write 0.0.0.0
        host = ''                    | host is not an IP address            | write 0.0.0.0
        admin_port = 8080            | admin_port is 8080 like `port`       | a port of their own
        workers = 5000               | workers is 5000                      | from 0 to 1024
        head_timeout_seconds = 0     | head_timeout_seconds is 0            | from 1 to 3600
        head_timeout_seconds = '10s' | head_timeout_seconds is a text       | from 1 to 3600
        keep_alive_seconds = 1e300   | keep_alive_seconds is 1e+300         | from 1 to 3600
        write_timeout_seconds = -0.5 | write_timeout_seconds is -0.5        | from 1 to 3600
        drain_deadline_seconds = 0   | drain_deadline_seconds is 0          | from 1 to 3600
        public_url = 'example.org'   | public_url is not an absolute URL    | https://
        public_url = 'https://h/?hunter2'   | public_url holds a query      | remove it
        docs_base_url = 'javascript://x'    | docs_base_url has scheme `javascript`   | use http or https
        trusted_peers = ['0.0.0.0/0']       | trusted_peers[0] is 0.0.0.0/0           | allow_insecure_any_peer = true
        trusted_peers = ['10.0.0.0/8', '::/0']        | trusted_peers[1] is ::/0      | allow_insecure_any_peer = true
        trusted_peers = ['128.0.0.0/1']               | trusted_peers[0] is 128.0.0.0/1 | name the ingress's network
        trusted_peers = ['::ffff:0.0.0.0/96']         | trusted_peers[0] is 0.0.0.0/0 | name the ingress's network
        trusted_peers = ['10.0.0.1/8']                | trusted_peers[0] names a host within a network | write `10.0.0.0/8`, or `10.0.0.1` for
        trusted_peers = ['ingress']                   | trusted_peers[0] is not a network | write one such as 10.0.0.0/8
        trusted_peers = '10.0.0.0/8'                  | trusted_peers is a text       | write a list
        trusted_peers = [[]]                          | trusted_peers[0] is a list    | write a text
        tls_certificate_file = 'f'                    | tls_key_file is missing       | name the private key of `tls_certificate_file`
        tls_key_file = 'hunter2'                      | tls_certificate_file is missing | name the certificate chain of `tls_key_file`
        tls_certificate_file = 'f'\ntls_key_file = ' ' | tls_key_file is not the name of a file | write one
        tls_certificate_file = 'f'\ntls_key_file = '' | tls_key_file is missing       | or remove that
        allow_insecure_any_peer = 'yes'               | allow_insecure_any_peer is a text | write `true` or `false`
    "#;
    check("[server]\n", "server.", table);
}

#[test]
fn log_tls_and_the_document_say_what_is_wrong() {
    let table = r#"
        server = 'hunter2'                  | server is a text                  | write a table
        [log]\nlevel = 'loud'               | log.level is not a level          | write error, warn, info
        [log]\nlevel = 'info,x=loud'        | log.level is not a level          | info,proxy_core=debug
        [log]\nlevel = ''                   | log.level is not a level          | write error, warn, info
        [log]\nformat = 'xml'               | log.format is not a word          | use one of `auto`, `json`, `pretty`
        [tls]\nca_file = '/nonexistent/ca'  | tls.ca_file cannot be read (No such file | name a PEM file
        [sever]\nport = 1                   | sever is not a key here           | did you mean `server`?
        identity_ = 1                       | identity_ is not a key here       | did you mean `identity`?
    "#;
    check("", "", table);
}

#[test]
fn prefixes_and_names_say_what_is_wrong() {
    let table = r#"
        prefix = 'x'            | prefix does not begin with `/`        | write a path such as `/api`
        prefix = 'https://x'    | prefix does not begin with `/`        | write a path
        prefix = ''             | prefix does not begin with `/`        | write a path
        prefix = '/'            | prefix is `/`                         | write a path
        prefix = '//x'          | prefix holds an empty segment         | remove
        prefix = '/x/'          | prefix holds an empty segment         | the one at its end
        prefix = '/a//b'        | prefix holds an empty segment         | remove
        prefix = '/a/../b'      | prefix holds the segment `..`         | write the path that is meant
        prefix = '/.'           | prefix holds the segment `.`          | write the path that is meant
        prefix = '/-'           | prefix holds the segment `-`          | choose another
        prefix = '/a/-/b'       | prefix holds the segment `-`          | choose another
        prefix = '/a%2fb'       | prefix holds a character that paths encode | write only a-z
        prefix = '/a b'         | prefix holds a character that paths encode | write only a-z
        prefix = '/a{b}'        | prefix holds a character that paths encode | write only a-z
        prefix = '/é'           | prefix holds a character that paths encode | write only a-z
        name = ''               | name is not a name                    | 1 to 63 of a-z, 0-9 and `-`
        name = 'Jira'           | name is not a name                    | 1 to 63 of a-z, 0-9 and `-`
        name = 'a b'            | name is not a name                    | 1 to 63 of a-z, 0-9 and `-`
        name = 'é'              | name is not a name                    | 1 to 63 of a-z, 0-9 and `-`
    "#;
    check("[[tenant]]\n", "tenant[0].", table);
    let long = format!(
        "prefix = '/{}' | prefix is longer than 200 bytes | shorten it",
        "a".repeat(200)
    );
    check("[[tenant]]\n", "tenant[0].", &long);
    check(
        "[[tenant]]\n",
        "tenant[0].",
        &format!("name = '{}' | name is not a name | 1 to 63", "a".repeat(64)),
    );
}

#[test]
fn an_upstreams_url_says_what_is_wrong() {
    let table = r#"
        url = 'jira.example.org'                      | url is not an absolute URL    | https://example.org/
        url = '//jira.example.org/'                   | url is not an absolute URL    | https://example.org/
        url = 'https:/jira.example.org'               | url is not an absolute URL    | https://example.org/
        url = 'ftp://jira.example.org/'               | url has scheme `ftp`          | use http or https
        url = 'hun-ter2://x'                          | url has scheme `unknown`      | use http or https
        url = 'https://bot:hunter2@jira.example.org/' | url holds a user or password  | remove it
        url = 'https://@jira.example.org/'            | url holds a user or password  | remove it
        url = 'https://jira.example.org/?x=hunter2'   | url holds a query or fragment | remove it
        url = 'https://jira.example.org/#hunter2'     | url holds a query or fragment | remove it
        url = 'https://jira.example.org?'             | url holds a query or fragment | remove it
        url = ' https://jira.example.org/'            | url holds a space             | remove it
        url = 'https://jira.example.org/ '            | url holds a space             | remove it
        url = "https://jira.example.org/a\tb"         | url holds a space or control character | remove it
        url = 'https:\\jira.example.org'              | url holds a backslash         | write `/`
        url = 'https://jira.example.org/a/../b'       | url holds a segment `.` or `..` | write the path that is meant
        url = 'https://jira.example.org/a/%2e%2e/b'   | url holds a path with characters that are encoded | write only a-z
        url = 'https://jira.example.org/a//b'         | url holds a doubled `/`       | write the path that is meant
        url = 'https://jira.example.org//'            | url holds a doubled `/`       | write the path that is meant
        url = 'https://'                              | url has no host               | https://example.org/
        url = 'https:///x'                            | url has no host               | https://example.org/
        url = 'https://jira.example.org:99999/'       | url is not a URL (invalid port number) | https://example.org/
        url = 'https://jira.example.org:0/'           | url has port 0                | write the port
        url = 'https://[::1/'                         | url is not a URL (invalid IPv6 address) | https://example.org/
        url = 'http://jira.example.org/'              | url would send the credential in the clear | allow_insecure_http = true
        url = 'http://127.0.0.1.example.org/'         | url would send the credential in the clear | use https
        url = 'http://jira.localhost/'                | url would send the credential in the clear | use https
        url = 'http://localhost./'                    | url would send the credential in the clear | use https
        url = 'http://10.0.0.1/'                      | url would send the credential in the clear | use https
    "#;
    check("[[tenant]]\n[tenant.upstream]\n", "tenant[0].upstream.", table);
}

#[test]
fn an_upstream_says_what_is_wrong() {
    let table = r#"
        name = ''                         | name is empty                        | write a text
        name = 'a`b'                      | name holds a control character, quote | remove it
        connect_timeout_seconds = 0       | connect_timeout_seconds is 0         | from 1 to 3600
        connect_timeout_seconds = 'PT5S'  | connect_timeout_seconds is a text    | from 1 to 3600
        upload_timeout_seconds = 86401    | upload_timeout_seconds is 86401      | from 1 to 86400
        max_request_body_bytes = -1       | max_request_body_bytes is -1         | from 0 to 1099511627776
        max_request_body_bytes = '1MiB'   | max_request_body_bytes is a text     | whole number
        reuse = 'always'                  | reuse is not a word                  | use one of `credential`, `user`, `never`
        rewrite_links = 1                 | rewrite_links is 1                   | write `true` or `false`
        tiemout = 1                       | tiemout is not a key here            | remove it
    "#;
    check("[[tenant]]\n[tenant.upstream]\n", "tenant[0].upstream.", table);
}

#[test]
fn a_credential_says_what_is_wrong() {
    let table = r#"
        kind = 'digest'                                     | kind is not a word             | use one of `basic`, `bearer`, `header`
        password = 'hunter2'                                | password is not a key here     | did you mean `password_file`?
        kind = 'bearer'\ntoken_file = 'f'\ntoken = 'hunter2' | token is not a key here       | did you mean `token_file`?
        kind = 'bearer'                                     | token_file is missing          | name the file that holds the secret
        kind = 'bearer'\ntoken_file = ''                    | token_file is missing          | name the file that holds the secret
        kind = 'header'\nname = 'X-Key'                     | value_file is missing          | name the file that holds the secret
        kind = 'header'\nvalue_file = 'f'                   | name is missing                | set it
        kind = 'header'\nvalue_file = 'f'\nname = 'X Key'   | name is not the name of a header | such as X-Api-Key
        kind = 'header'\nvalue_file = 'f'\nname = 'Host'    | name is `host`                 | the upstream reads the credential from
        kind = 'header'\nvalue_file = 'f'\nname = 'TE'      | name is `te`                   | the upstream reads the credential from
        username = 'a:hunter2'                              | username holds a `:`           | correct it
        username = 'bot '                                   | username begins or ends with a space | correct it
        username = ['hunter2']                              | username is a list             | write a text
        username = 'bot'\nusername_file = 'f'               | username_file and `username` are both set | remove one
        password_file = ' '                                 | password_file is not the name of a file | write one
        password_file = 'f'\nusername = ''                  | username is missing            | username_file, or OLD_USER in the environment
    "#;
    check("[[tenant]]\n[tenant.credential]\n", "tenant[0].credential.", table);
}

#[test]
fn tenants_policies_and_limits_say_what_is_wrong() {
    let table = r#"
        tenant = []                                      | tenant is empty                     | at least one `[[tenant]]`
        tenant = 'hunter2'                               | tenant is a text                    | write `[[tenant]]` tables
        [tenant]\nname = 'x'                             | tenant is a table                   | write `[[tenant]]` tables
        tenant = ['hunter2']                             | tenant[0] is a text                 | write a table
        [[tenant]]\nprefx = '/x'                         | tenant[0].prefx is not a key here   | did you mean `prefix`?
        [[tenant]]\nrequired_scopes = ['a b']            | tenant[0].required_scopes[0] is not a scope | without spaces
        [[tenant]]\nrequired_groups = ['']               | tenant[0].required_groups[0] is empty | write a text
        [[tenant]]\npolicy.publsh = []                   | tenant[0].policy.publsh is not a key here | did you mean `publish`?
        [[tenant]]\npolicy.publish = 'x'                 | tenant[0].policy.publish is a text  | write a sequence
        [[tenant]]\npolicy.rule = [{ action = 'deny' }]  | tenant[0].policy.rule[0].name is missing | set it
        [[tenant]]\npolicy.rule = [{ name = 'a', action = 'hunter2' }] | tenant[0].policy.rule[0].action is a text | write `allow` or `deny`
        [[tenant]]\nlimits.max_in_flight = 0             | tenant[0].limits.max_in_flight is 0 | from 1 to 100000
        [[tenant]]\nlimits.max_in_flight = 8             | tenant[0].limits.max_in_flight_per_user is 16, more than max_in_flight = 8 | lower it
        [[tenant]]\nlimits.queue_seconds = 3600          | tenant[0].limits.queue_seconds is 3600 | from 1 to 60
    "#;
    check("", "", table);
    let second = "upstream.url = 'https://two'\ncredential = { username = 'u', password_file = 'f' }\n";
    let table = r#"
        prefix = '/two'                                  | name is `default` like that of tenant[0] | choose another
        name = 'two'                                     | prefix is `/old`, which shares paths with tenant[0].prefix | choose another
        name = 'two'\nprefix = '/old/x'                  | prefix is `/old/x`, which shares paths | choose another
    "#;
    check(&format!("[[tenant]]\n[[tenant]]\n{second}"), "tenant[1].", table);
    let above =
        "name = 'two'\nprefix = '/a' | prefix is `/a`, which shares paths | choose another".replace('\n', "\\n");
    check(
        &format!("[[tenant]]\nprefix = '/a/b'\n[[tenant]]\n{second}"),
        "tenant[1].",
        &above,
    );
}

#[test]
fn every_problem_is_found_at_once_and_none_twice() {
    let toml = "
        oops = 1
        server = { port = 70000, admn_port = 2 }
        log = { format = 'xml', level = 'loud' }
        [[tenant]]
        name = 'A'
        prefix = 'x'
        upstream = { url = 'ftp://x', reuse = 'x', idle_timeout_seconds = 0 }
        credential = { kind = 'bearer', tokn = 1 }
        policy = { preset = 1, rule = [{ name = [], actoin = 'deny' }, { action = 'x', methods = 1 }] }
        limits = { queue = -1 }
    ";
    let problems = bad(toml, &[]);
    let mut found: Vec<_> = problems
        .found()
        .iter()
        .filter_map(|problem| problem.split(' ').next())
        .collect();
    found.sort_unstable();
    let expected = "log.format log.level oops server.admn_port server.port tenant[0].credential.token_file \
        tenant[0].credential.tokn tenant[0].limits.queue tenant[0].name tenant[0].policy.rule[0].action \
        tenant[0].policy.rule[0].actoin tenant[0].policy.rule[0].name tenant[0].policy.rule[1].action \
        tenant[0].policy.rule[1].methods tenant[0].policy.rule[1].name tenant[0].prefix \
        tenant[0].upstream.idle_timeout_seconds tenant[0].upstream.reuse tenant[0].upstream.url";
    assert_eq!(found.join(" "), expected, "\n{problems}");
}

#[test]
fn what_is_missing_is_named_with_every_way_to_say_it() {
    let problems = bare("", &[]).unwrap_err();
    let expected = [
        "tenant[0].upstream.url is missing: set it, or OLD_URL in the environment",
        "tenant[0].credential.username is missing: set it, or username_file, or OLD_USER in the environment",
        "tenant[0].credential.password_file is missing: name the file that holds the secret, or OLD_PASSWORD in the environment",
    ];
    let found: Vec<_> = problems
        .found()
        .iter()
        .filter(|problem| problem.contains("is missing"))
        .collect();
    assert_eq!(found, expected, "{problems}");
    assert!(problems.to_string().contains("identity is empty"), "{problems}");
}
