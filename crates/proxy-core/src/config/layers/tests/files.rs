use crate::{
    bootstrap,
    config::{
        Environment,
        tests::{ABOUT, Config, REQUIRED, environment},
    },
};

#[test]
fn files_are_read_as_editors_leave_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    let good = "[log]\r\nlevel = 'warn'\r\n[[identity]]\r\nkind = 'gafaelfawr'\r\nbase_url = 'https://i'\r\n";
    let read = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        bootstrap::load::<Config>(&ABOUT, Some(&file), &environment(REQUIRED)).map(|config| config.log.level)
    };
    assert_eq!(read(good.as_bytes()).unwrap(), "warn");
    assert_eq!(read(format!("\u{feff}{good}").as_bytes()).unwrap(), "warn");
    let utf16: Vec<u8> = "\u{feff}a = 1".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let line3 = "a = 1\nb = 2\nsecret = hunter2\n";
    for (bytes, expected) in [
        (utf16.as_slice(), "is UTF-16: save it as UTF-8"),
        (b"a = '\xff'", "is not UTF-8 after byte 5: save it as UTF-8"),
        (line3.as_bytes(), "line 3, column 10: "),
        (b"a = 1\na = 2", "line 2, column 1: duplicate key"),
        (b"a = 99999999999999999999", "is not TOML: "),
        (&[b'#'; 1_048_577], "is larger than 1048576 bytes"),
    ] {
        let problems = read(bytes).unwrap_err().to_string();
        assert!(
            problems.contains(expected) && problems.contains("config.toml"),
            "{expected} in\n{problems}"
        );
        assert!(!problems.contains("hunter2"), "{problems}");
    }
    for (path, expected) in [
        (directory.path().join("absent"), "No such file"),
        (directory.path().to_owned(), "Is a directory"),
    ] {
        let problems = bootstrap::load::<Config>(&ABOUT, Some(&path), &environment(REQUIRED))
            .unwrap_err()
            .to_string();
        assert!(
            problems.contains("cannot be read") && problems.contains(expected),
            "{problems}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_what_is_wrong_with_variables() {
    use std::os::unix::ffi::OsStringExt as _;
    let broken = std::ffi::OsString::from_vec(vec![0xff]);
    let all = [
        ("TEST_PROXY__SERVER__PORT", &broken),
        ("OLD_URL", &broken),
        ("OLD_PASSWORD", &broken),
        ("UNRELATED", &broken),
    ];
    let environment = Environment::of(all.map(|(name, value)| (name.into(), value.clone())));
    let problems = bootstrap::load_str::<Config>(&ABOUT, "oops", &environment)
        .unwrap_err()
        .to_string();
    for variable in [
        "TEST_PROXY__SERVER__PORT is not UTF-8",
        "OLD_URL is not UTF-8",
        "OLD_PASSWORD is not UTF-8",
        "line 1",
    ] {
        assert!(problems.contains(variable), "{variable} in\n{problems}");
    }
    assert!(!problems.contains("UNRELATED"));
}
