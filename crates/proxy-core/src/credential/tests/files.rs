//! What may be wrong with a file: at the start it keeps the service from starting, later it changes nothing.

use std::{fs, path::Path};

use secrecy::SecretString;
use tempfile::TempDir;

use super::{basic_files, config, start, token_file, value};
use crate::{
    config::sections::{CredentialKind, SecretSource, Username},
    telemetry::Metrics,
};

/// What may be wrong with a file, how to get there, and what is said of it.
type Damage = (&'static str, fn(&Path), &'static str);

/// Each is tried at the start and as a change.
fn damages() -> Vec<Damage> {
    vec![
        ("truncated", |file| fs::write(file, "").unwrap(), "is empty"),
        ("white space", |file| fs::write(file, " \n\t\n").unwrap(), "is empty"),
        (
            "a mark alone",
            |file| fs::write(file, "\u{feff}\r\n").unwrap(),
            "is empty",
        ),
        ("deleted", |file| fs::remove_file(file).unwrap(), "No such file"),
        (
            "two lines",
            |file| fs::write(file, "hunter2\nhunter2").unwrap(),
            "holds a line break",
        ),
        (
            "NUL",
            |file| fs::write(file, "hunter2\0").unwrap(),
            "holds a line break or another control character",
        ),
        (
            "not UTF-8",
            |file| fs::write(file, b"hunter2\xff").unwrap(),
            "is not UTF-8",
        ),
        (
            "no token",
            |file| fs::write(file, "hunter2 hunter2").unwrap(),
            "holds a character that tokens do not have",
        ),
        (
            "huge",
            |file| fs::File::create(file).unwrap().set_len(1 << 30).unwrap(),
            "is larger than 65536 bytes",
        ),
        (
            "large",
            |file| fs::write(file, "a".repeat(65_537)).unwrap(),
            "is larger than 65536 bytes",
        ),
        (
            "directory",
            |file| replace(file, |file| fs::create_dir(file).unwrap()),
            "is a directory",
        ),
        (
            "socket",
            |file| replace(file, |file| drop(std::os::unix::net::UnixListener::bind(file).unwrap())),
            "is not a regular file",
        ),
        ("named pipe", |file| replace(file, pipe), "is not a regular file"),
        (
            "dangling link",
            |file| replace(file, |file| std::os::unix::fs::symlink("absent", file).unwrap()),
            "No such file",
        ),
        (
            "loop",
            |file| replace(file, |file| std::os::unix::fs::symlink(file, file).unwrap()),
            "cannot be read",
        ),
    ]
}

fn replace(file: &Path, with: impl FnOnce(&Path)) {
    fs::remove_file(file).unwrap();
    with(file);
}

fn pipe(file: &Path) {
    assert!(
        std::process::Command::new("mkfifo")
            .arg(file)
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_service_does_not_start_without_a_credential() {
    for (name, damage, expected) in damages() {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("token");
        fs::write(&file, "good").unwrap();
        damage(&file);
        let error = format!("{:#}", start(&token_file(file.clone())).0.unwrap_err());
        assert!(
            error.contains(expected) && error.contains("tenant[0].credential"),
            "{name}: {error}"
        );
        assert!(
            error.contains(file.to_str().unwrap()) || name == "no token",
            "{name}: {error}"
        );
        assert!(!error.contains("hunter2"), "{name}: {error}");
    }
    let kinds = [
        (
            SecretSource::Variable("OLD_PASSWORD", SecretString::from(" ")),
            "OLD_PASSWORD, which is tenant[0].credential.password, is empty",
        ),
        (SecretSource::Missing, "tenant[0].credential.password_file is missing"),
    ];
    for (password, expected) in kinds {
        let basic = config(CredentialKind::Basic {
            username: Username::Text("bot".into()),
            password,
        });
        let error = format!("{:#}", start(&basic).0.unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("username"), "a:b").unwrap();
    fs::write(directory.path().join("password"), "hunter2").unwrap();
    let error = format!("{:#}", start(&basic_files(directory.path())).0.unwrap_err());
    assert!(
        error.contains("the user name holds a `:`") && !error.contains("hunter2"),
        "{error}"
    );
}

#[actix_web::test]
async fn a_bad_change_leaves_the_last_good_credential_and_a_good_one_is_taken() {
    for (name, damage, _) in damages() {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("token");
        fs::write(&file, "good").unwrap();
        let (source, metrics) = start(&token_file(file.clone()));
        let source = source.unwrap();
        assert_eq!(unread(&metrics), "0", "{name}: there before anything fails");
        damage(&file);
        (0..5).for_each(|_| source.look());
        assert_eq!(value(&source).await, "Bearer good", "{name}");
        let failed = "nbgate_credential_reloads_total{outcome=\"failed\",tenant=\"default\"} 1\n";
        assert!(
            metrics.to_text().contains(failed),
            "{name}: counted once, not once a second\n{}",
            metrics.to_text()
        );
        assert_eq!(unread(&metrics), "1", "{name}");
        if fs::remove_file(&file).is_err() {
            let _ = fs::remove_dir(&file);
        }
        fs::write(&file, "better").unwrap();
        (0..2).for_each(|_| source.look());
        assert_eq!(value(&source).await, "Bearer better", "{name}");
        let text = metrics.to_text();
        assert!(
            text.contains("nbgate_credential_reloads_total{outcome=\"loaded\",tenant=\"default\"} 1\n"),
            "{name}: {text}"
        );
        assert!(
            text.contains("nbgate_credential_age_seconds{tenant=\"default\"} 0\n"),
            "{name}: {text}"
        );
        assert_eq!(unread(&metrics), "0", "{name}");
    }
}

fn unread(metrics: &Metrics) -> String {
    let text = metrics.to_text();
    let series = "nbgate_credential_unread{tenant=\"default\"} ";
    let value = text.lines().find_map(|line| line.strip_prefix(series));
    value.unwrap_or("no such series").to_owned()
}

#[test]
fn a_credential_is_unread_until_the_file_is_good_again_whatever_else_is_wrong_with_it_meanwhile() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "good").unwrap();
    let (source, metrics) = start(&token_file(file.clone()));
    let source = source.unwrap();
    for (text, expected) in [
        ("", "1"),
        ("two\nlines", "1"),
        ("good", "0"),
        ("two words", "1"),
        ("good", "0"),
    ] {
        fs::write(&file, text).unwrap();
        (0..3).for_each(|_| source.look());
        assert_eq!(unread(&metrics), expected, "{text}");
    }
}

#[test]
fn a_file_that_nobody_may_read_is_told_of_but_root_reads_it() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "good").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    match start(&token_file(file)).0 {
        Ok(_) => assert!(root),
        Err(error) => assert!(!root && format!("{error:#}").contains("Permission denied"), "{error:#}"),
    }
}
