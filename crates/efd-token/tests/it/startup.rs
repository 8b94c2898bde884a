//! What stops the start, and what segwarides' own variables do.

use std::collections::HashMap;

use efd_token::{ABOUT, Config};
use proxy_core::{
    bootstrap,
    config::{Document as _, Environment},
};
use tempfile::TempDir;

const IDENTITY: &str = "[[identity]]\nkind = \"oidc\"\nissuer = \"https://idp.example.org\"\naudience = [\"efd\"]\n";

fn load(toml: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let environment: HashMap<String, String> = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    bootstrap::load_str(&ABOUT, toml, &Environment::from(environment)).map_err(|problems| problems.to_string())
}

#[test]
fn the_variables_of_segwarides_and_an_identity_are_enough() {
    let creds = TempDir::new().unwrap();
    let path = creds.path().to_string_lossy();
    let config = load(
        IDENTITY,
        &[
            ("SAFIR_NAME", "efd"),
            ("CREDENTIAL_PATH", &path),
            ("SAFIR_LOG_LEVEL", "DEBUG"),
        ],
    )
    .unwrap();
    assert!(
        config.print_policy().contains("default /efd\n"),
        "{}",
        config.print_policy()
    );
    efd_token::service(&config).unwrap();
}

#[test]
fn every_problem_is_told_with_its_key() {
    let toml = r#"
[[tenant]]
prefix = "discovery"
unlisted_keys = "all"
[tenant.lease]
lifetime_seconds = 0
key_file = "x"
[[tenant.key]]
name = "../x"
mode = "open"
[[tenant.key]]
name = "a"
anonymous = true
users = ["ada"]
[[tenant.key]]
name = "a"
mode = "shared"
databases = ["efd"]
"#;
    let problems = load(toml, &[]).unwrap_err();
    for key in [
        "identity is empty",
        "tenant[0].prefix does not begin",
        "tenant[0].unlisted_keys is not a word",
        "tenant[0].lease.lifetime_seconds is 0",
        "tenant[0].lease.key_file is not a key here: did you mean `keys_file`",
        "tenant[0].key[0].name is not the name of a document",
        "tenant[0].key[0].mode is not a word",
        "tenant[0].key[1].anonymous is set beside rules",
        "tenant[0].key[2].mode is `shared`",
    ] {
        assert!(problems.contains(key), "{key}\n{problems}");
    }
    let twice = load(
        &format!("{IDENTITY}[[tenant]]\n[[tenant.key]]\nname = 'a'\n[[tenant.key]]\nname = 'a'\n"),
        &[],
    )
    .unwrap_err();
    assert!(
        twice.contains("tenant[0].key[1].name is `a` like that of key[0]"),
        "{twice}"
    );
    let overlap = load(&format!("{IDENTITY}[[tenant]]\nprefix = '/discovery/efd'\n"), &[]).unwrap_err();
    assert!(
        overlap.contains("tenant[0].discovery_prefix is `/discovery`, which shares paths with tenant[0].prefix"),
        "{overlap}"
    );
}

#[test]
fn a_directory_or_file_that_is_not_there_stops_the_start() {
    for (lines, named) in [
        ("directory = '/nowhere/creds'", "/nowhere/creds"),
        ("lease.keys_file = '/nowhere/keys'", "/nowhere/keys"),
        ("lease.revocations_file = '/nowhere/list'", "/nowhere/list"),
    ] {
        let config = load(&format!("{IDENTITY}[[tenant]]\n{lines}\n"), &[]).unwrap();
        let error = efd_token::service(&config).err().unwrap();
        assert!(format!("{error:#}").contains(named), "{error:#}");
    }
}

#[test]
fn the_policy_is_printed_with_every_key() {
    let toml = format!(
        "{IDENTITY}[[tenant]]\n[[tenant.key]]\nname = 'usdf_efd'\ngroups = ['/efd']\nusers = ['ada']\nrequired_scopes = ['read:efd']\n[[tenant.key]]\nname = 'api'\nmode = 'shared'\n"
    );
    let text = load(&toml, &[]).unwrap().print_policy();
    for line in [
        "usdf_efd     lease   scope read:efd; group /efd or user ada",
        "api          shared  every caller",
        "(any other)  lease   every caller",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
