use crate::config::tests::{REQUIRED, bad, bare, configured, good};

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
    assert_eq!(config.tenant[0].realm.prefix, "/services/jira");
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
fn problems_name_the_hubs_variables() {
    let variables = [
        REQUIRED,
        &[
            ("JUPYTERHUB_API_URL", "http://hub:8081/hub/api"),
            ("JUPYTERHUB_SERVICE_NAME", "x"),
        ],
    ];
    let problems = bare("[[identity]]\nkind = 'jupyterhub'", &variables.concat())
        .unwrap_err()
        .to_string();
    assert!(
        problems.contains("identity[0].api_url (from JUPYTERHUB_API_URL) has scheme `http`"),
        "{problems}"
    );
}

#[test]
fn a_notebook_servers_own_variables_are_not_meant_for_us() {
    let config = configured("", &HUB[1..]).unwrap();
    assert_eq!(
        (config.server.port, config.tenant[0].realm.prefix.as_str()),
        (8080, "/old")
    );
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
