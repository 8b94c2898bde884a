use crate::config::{
    Layers, Problems,
    sections::{CredentialKind, SecretSource},
    tests::{ABOUT, REQUIRED, environment, good},
};

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
