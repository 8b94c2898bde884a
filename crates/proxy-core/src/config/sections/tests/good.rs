use crate::config::{
    sections::{CredentialKind, LogFormat, SecretSource, UpstreamConfig},
    tests::good,
};

#[test]
fn what_is_insecure_needs_its_own_key() {
    let peers = "[server]\ntrusted_peers = ['0.0.0.0/0', '::/0']\nallow_insecure_any_peer = true";
    assert_eq!(good(peers, &[]).server.trusted_peers.len(), 2);
    let http = "[[tenant]]\nupstream = { url = 'http://jira.svc:8080', allow_insecure_http = true }";
    assert_eq!(good(http, &[]).tenant[0].upstream.url.as_str(), "http://jira.svc:8080/");
}

#[test]
fn a_base_url_is_taken_as_it_is_meant() {
    let upstream = |url: &str| -> UpstreamConfig {
        let toml = format!("[[tenant]]\nupstream.url = '{url}'");
        good(&toml, &[]).tenant.remove(0).upstream
    };
    for (written, meant) in [
        ("https://jira.example.org", "https://jira.example.org/"),
        ("https://jira.example.org:443/jira", "https://jira.example.org/jira/"),
        ("HTTPS://JIRA.example.org/jira/", "https://jira.example.org/jira/"),
        ("http://127.0.0.1:80", "http://127.0.0.1/"),
        ("http://[::1]:8080/a/b", "http://[::1]:8080/a/b/"),
        ("http://localhost:2990/jira", "http://localhost:2990/jira/"),
        ("http://LOCALHOST", "http://localhost/"),
    ] {
        assert_eq!(upstream(written).url.as_str(), meant);
    }
}

#[test]
fn good_values_are_taken_as_they_are_meant() {
    for (written, meant) in [
        ("INFO", "info"),
        ("WARNING", "warn"),
        ("Critical", "error"),
        ("a=debug", "a=debug"),
    ] {
        assert_eq!(good("", &[("OLD_LEVEL", written)]).log.level, meant);
    }
    let server = "host = 'localhost'\nport = 0\nadmin_port = 0\nworkers = 2.0\npublic_url = ''";
    let tls = "tls_certificate_file = 'chain.pem'\ntls_key_file = 'key.pem'";
    let peers = "trusted_peers = ['10.1.2.3', 'fd00::/8', '::ffff:10.0.0.0/104']";
    let config = good(
        &format!("[log]\nformat = 'json'\n[server]\n{server}\n{tls}\n{peers}"),
        &[],
    );
    assert_eq!((config.log.format, config.server.workers), (LogFormat::Json, 2));
    assert_eq!(config.server.host.to_string(), "127.0.0.1");
    let files = config.server.tls_files().unwrap();
    assert_eq!(files.map(|file| file.to_str().unwrap()), ["chain.pem", "key.pem"]);
    assert!(good("", &[]).server.tls_files().is_none());
    let peers: Vec<String> = config.server.trusted_peers.iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["10.1.2.3/32", "fd00::/8", "10.0.0.0/8"]);
    assert!(config.server.public_url.is_none() && config.tls.ca_file.is_none());
    let toml = "[[tenant]]\nprefix = '/a/b~c_d.e'\nrequired_groups = ['/spt3g/dev']\n\
        credential = { kind = 'header', name = 'X-Api-Key', value_file = 'f' }";
    let tenant = good(toml, &[]).tenant.remove(0);
    assert_eq!(
        (tenant.realm.prefix.as_str(), tenant.realm.required_groups),
        ("/a/b~c_d.e", vec!["/spt3g/dev".to_owned()])
    );
    let CredentialKind::Header {
        name,
        value: SecretSource::File(_),
    } = tenant.credential.kind
    else {
        panic!()
    };
    assert_eq!(
        (name.as_str(), tenant.credential.key.as_str()),
        ("x-api-key", "tenant[0].credential")
    );
}

#[test]
fn prefixes_that_only_look_alike_do_not_overlap() {
    let second = "name = 'two'\nprefix = '/jira-two'\nupstream.url = 'https://two'";
    let credential = "credential = { username = 'u', password_file = 'f' }";
    let config = good(
        &format!("[[tenant]]\nprefix = '/jira'\n[[tenant]]\n{second}\n{credential}"),
        &[],
    );
    assert_eq!(config.tenant.len(), 2);
}
