use super::{BAD_CONFIGURATION, Failure, load, load_str};
use crate::config::{
    Problems,
    tests::{ABOUT, Config, REQUIRED, environment},
};

#[test]
fn a_failure_counts_and_lists_the_problems() {
    let mut problems = Problems::default();
    problems.add("a.b", "is wrong: correct it");
    let failure = Failure::configuration(&problems);
    assert_eq!(
        (failure.message.as_str(), failure.code),
        (
            "the configuration has a problem:\n  - a.b is wrong: correct it\n",
            BAD_CONFIGURATION
        )
    );
    problems.add("c", "is missing: set it");
    assert!(
        Failure::configuration(&problems)
            .message
            .starts_with("the configuration has 2 problems:\n  - a.b")
    );
}

#[test]
fn a_file_is_laid_over_the_built_in_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    let text = "[server]\nport = 0\n[[identity]]\nkind = 'gafaelfawr'\nbase_url = 'https://i'";
    std::fs::write(&file, text).unwrap();
    let read: Config = load(&ABOUT, Some(&file), &environment(REQUIRED)).unwrap();
    let same: Config = load_str(&ABOUT, text, &environment(REQUIRED)).unwrap();
    assert_eq!((read.server.port, read.server.admin_port), (0, 8090));
    assert_eq!(format!("{read:?}"), format!("{same:?}"));
    assert!(
        load::<Config>(&ABOUT, None, &environment(REQUIRED))
            .unwrap_err()
            .to_string()
            .contains("identity is empty")
    );
}
