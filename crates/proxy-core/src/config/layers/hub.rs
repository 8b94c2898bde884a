//! JupyterHub's variables: a service that the hub manages needs no other configuration for where it listens and who
//! tells its callers apart.

use serde_json::{Map, Value};
use url::Url;

use super::{Environment, Problems, environment::Said};

/// What the hub says of a service that it manages. A notebook server has most of these variables too, but no service
/// name: they are not meant for us there.
pub(super) fn variables(environment: &Environment, problems: &mut Problems) -> Vec<Said> {
    let mut said = Vec::new();
    let mut get = |variable: &str| environment.get(variable, problems).filter(|value| !value.is_empty());
    if get("JUPYTERHUB_SERVICE_NAME").is_none() {
        return said;
    }
    let (url, prefix) = (get("JUPYTERHUB_SERVICE_URL"), get("JUPYTERHUB_SERVICE_PREFIX"));
    let (public_url, public_host) = (get("JUPYTERHUB_PUBLIC_URL"), get("PUBLIC_HOST"));
    if let Some(url) = url {
        said.extend(listener("JUPYTERHUB_SERVICE_URL", url, problems));
    }
    if let Some(prefix) = prefix {
        said.push(Said::scalar(
            "tenant[0].prefix",
            "JUPYTERHUB_SERVICE_PREFIX",
            prefix.trim_end_matches('/'),
        ));
    }
    let public = public_url.map(|url| ("JUPYTERHUB_PUBLIC_URL", origin(url)));
    if let Some((variable, value)) = public.or(public_host.map(|host| ("PUBLIC_HOST", host.to_owned()))) {
        said.push(Said::scalar("server.public_url", variable, &value));
    }
    said
}

/// Where the hub expects the service to listen.
fn listener(variable: &str, url: &str, problems: &mut Problems) -> Vec<Said> {
    match Url::parse(url) {
        Ok(url) if url.scheme() == "http" && url.has_host() => {
            let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let port = url.port_or_known_default().unwrap_or_default().to_string();
            vec![
                Said::scalar("server.host", variable, &host),
                Said::scalar("server.port", variable, &port),
            ]
        }
        _ => {
            problems.add(
                variable,
                "is not an http URL with a host: correct the service's `url` in the hub's configuration",
            );
            Vec::new()
        }
    }
}

/// Scheme and host of a URL; what is no URL stays, so that the problem is told where the key is checked.
fn origin(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}

/// Fills in where the hub is and what the service is called there, and says what was filled in.
pub(super) fn identities(environment: &Environment, merged: &mut Map<String, Value>) -> Vec<Said> {
    let mut said = Vec::new();
    let Some(Value::Array(identities)) = merged.get_mut("identity") else {
        return said;
    };
    let tables = identities.iter_mut().map(Value::as_object_mut).enumerate();
    for (index, entry) in tables.filter_map(|(index, entry)| Some((index, entry?))) {
        if entry.get("kind").and_then(Value::as_str) != Some("jupyterhub") {
            continue;
        }
        for (key, variable) in [
            ("api_url", "JUPYTERHUB_API_URL"),
            ("service_name", "JUPYTERHUB_SERVICE_NAME"),
        ] {
            // Not UTF-8: the key stays missing, and is told of as such.
            let value = environment.get(variable, &mut Problems::default()).unwrap_or_default();
            if !value.is_empty() && !entry.contains_key(key) {
                let filled = Said::scalar(&format!("identity[{index}].{key}"), variable, value);
                entry.insert(key.to_owned(), filled.value.clone());
                said.push(filled);
            }
        }
    }
    said
}
