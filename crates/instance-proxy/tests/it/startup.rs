//! What stops the start, and what visa-jupyter-proxy's own variables do.

use std::{collections::HashMap, fs};

use instance_proxy::{ABOUT, Config};
use proxy_core::{
    bootstrap,
    config::{Document as _, Environment},
};
use tempfile::TempDir;

use crate::harness::log;

fn load(toml: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let environment: HashMap<String, String> = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    bootstrap::load_str(&ABOUT, toml, &Environment::from(environment)).map_err(|problems| problems.to_string())
}

#[test]
fn the_originals_environment_is_enough() {
    log();
    let data = TempDir::new().unwrap();
    let path = data.path().to_string_lossy();
    let variables = [
        ("VISA_JUPYTER_PROXY_SERVER_HOST", "127.0.0.1"),
        ("VISA_JUPYTER_PROXY_SERVER_PORT", "0"),
        ("VISA_JUPYTER_PROXY_API_HOST", "visa-api.example.org"),
        ("VISA_JUPYTER_PROXY_API_PORT", "8086"),
        ("VISA_JUPYTER_PROXY_CACHE_REFRESH_TIME_S", "30"),
        ("VISA_JUPYTER_PROXY_STORAGE_DIR", &path),
        ("VISA_JUPYTER_PROXY_LOG_LEVEL", "verbose"),
        ("VISA_JUPYTER_PROXY_LOG_TIMEZONE", "Europe/Paris"),
        ("VISA_JUPYTER_PROXY_LOG_SYSLOG_HOST", "syslog.example.org"),
        ("VISA_JUPYTER_PROXY_LOG_SYSLOG_PORT", "514"),
        ("VISA_JUPYTER_PROXY_LOG_SYSLOG_APP_NAME", "visa"),
    ];
    let config = load("", &variables).unwrap();
    assert!(
        config.print_policy().contains("Visa Printing"),
        "{}",
        config.print_policy()
    );
    instance_proxy::service(&config).unwrap();
    let warned = log().lines().join("\n");
    for variable in [
        "LOG_TIMEZONE",
        "LOG_SYSLOG_HOST",
        "LOG_SYSLOG_PORT",
        "LOG_SYSLOG_APP_NAME",
    ] {
        assert!(
            warned.contains(&format!("VISA_JUPYTER_PROXY_{variable} has no effect here")),
            "{variable}"
        );
    }
    assert!(load("", &[]).is_ok(), "and so is none at all");
}

#[test]
fn a_variable_that_cannot_be_is_named() {
    for (variable, value, expected) in [
        (
            "VISA_JUPYTER_PROXY_CACHE_REFRESH_TIME_S",
            "300",
            "write a whole number from 1 to 60",
        ),
        (
            "VISA_JUPYTER_PROXY_API_PORT",
            "0",
            "write a whole number from 1 to 65535",
        ),
        ("VISA_JUPYTER_PROXY_API_HOST", "a b", "is no host"),
        ("VISA_JUPYTER_PROXY_SERVER_PORT", "x", "write a whole number"),
        ("VISA_JUPYTER_PROXY_LOG_LEVEL", "loud", "is not a level"),
    ] {
        let problems = load("", &[(variable, value)]).unwrap_err();
        assert!(problems.contains(expected) && problems.contains(variable), "{problems}");
    }
}

#[test]
fn every_problem_is_told_with_its_key() {
    let files = TempDir::new().unwrap();
    let routes = files.path().join("proxy.conf.json");
    fs::write(&routes, "[\n{\"match\": \"^/a/(\\\\d+)\"\n\"type\": \"service\"}]").unwrap();
    let toml = format!(
        r#"
[[tenant]]
routes_file = "{}"
allowed_origins = ["https://visa.example.org/x", "visa"]
[tenant.instances]
refresh_seconds = 61
api_url = "http://visa.example.org/"
[tenant.upstream]
allow_networks = ["10.0.0.1/8"]
reuse = "credential"
[[tenant.instance]]
id = "007"
address = "localhost"
anonymous = true
"#,
        routes.display()
    );
    let problems = load(&toml, &[]).unwrap_err();
    for expected in [
        "proxy.conf.json, which is wrong in line 3, column 1",
        "tenant[0].allowed_origins[0] holds a path",
        "tenant[0].allowed_origins[1] is not an absolute URL",
        "tenant[0].instances.refresh_seconds is 61",
        "tenant[0].instances.api_url would send tokens in the clear",
        "tenant[0].upstream.allow_networks[0] names a host within a network",
        "tenant[0].upstream.reuse is not a word",
        "tenant[0].instance[0].id is no id",
        "tenant[0].instance[0].address is not an IP address",
    ] {
        assert!(problems.contains(expected), "{expected}\n{problems}");
    }
}

#[test]
fn what_does_not_fit_together_is_told() {
    for (toml, expected) in [
        (
            "[[tenant]]\nrequired_groups = ['/a']\n",
            "asks for scopes or groups, which VISA tells nothing of",
        ),
        ("[[tenant]]\ninstances.kind = 'static'\n", "identity is empty"),
        (
            "[[tenant]]\n[[tenant]]\nname = 'two'\n",
            "tenant[1].routes_file is `/ws/print`, which shares paths with tenant[0]",
        ),
        (
            "[[tenant]]\n[[tenant.instance]]\nid = '1'\naddress = '10.0.0.1'\n",
            "lists instances, which VISA does too",
        ),
        (
            "[[identity]]\nkind = 'jupyterhub'\napi_url = 'https://h/'\nservice_name = 'x'\n",
            "only `oidc` and `introspection`",
        ),
        (
            "[[tenant]]\nroutes_file = '/nowhere/proxy.conf.json'\n",
            "which cannot be read",
        ),
    ] {
        let problems = load(toml, &[]).unwrap_err();
        assert!(problems.contains(expected), "{expected}\n{problems}");
    }
}

#[test]
fn a_listed_address_outside_of_the_networks_stops_the_start() {
    let identity = "[[identity]]\nkind = 'oidc'\nissuer = 'https://idp.example.org'\naudience = ['x']\n";
    let toml = format!(
        "{identity}[[tenant]]\ninstances.kind = 'static'\n[[tenant.instance]]\nid = '1'\naddress = '127.0.0.1'\n"
    );
    let error = instance_proxy::service(&load(&toml, &[]).unwrap()).err().unwrap();
    assert!(
        format!("{error:#}").contains("127.0.0.1 is outside of upstream.allow_networks"),
        "{error:#}"
    );
}
