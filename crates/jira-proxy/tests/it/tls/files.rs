//! Certificates and keys: renewed while in use, and no good from the start.

use std::{fs, path::Path};

use proxy_testkit::{FakeAuthority, Issued, PATIENCE, RawClient, eventually};
use tempfile::TempDir;

use super::{PATH, Stage};
use crate::{
    harness::log,
    startup::{MANIFEST, run, text},
};

const LOADED: &str = "nbgate_certificate_reloads_total{outcome=\"loaded\"}";
const FAILED: &str = "nbgate_certificate_reloads_total{outcome=\"failed\"}";

fn shows(client: &RawClient, issued: &Issued) -> bool {
    client.certificate() == Some(&*issued.der)
}

#[test]
fn a_changed_certificate_is_for_new_connections_and_open_ones_go_on() {
    let stage = Stage::start();
    let mut old = stage.connect();
    assert_eq!(stage.ask(&mut old, "GET", PATH, &[], b"").status, 200);
    let second = stage.authority.issue();
    fs::write(stage.file("tls.crt"), &second.certificate).unwrap();
    fs::write(stage.file("tls.key"), &second.key).unwrap();
    eventually(PATIENCE, || shows(&stage.connect(), &second));
    assert_eq!((stage.count(LOADED), stage.count(FAILED)), (1, 0));
    assert!(shows(&old, &stage.first));
    assert_eq!(stage.ask(&mut old, "GET", PATH, &[], b"").status, 200);
    assert_eq!(stage.ask(&mut stage.connect(), "GET", PATH, &[], b"").status, 200);
}

#[test]
fn a_session_that_is_resumed_shows_no_certificate_of_before() {
    let stage = Stage::start();
    let trust = stage.trust();
    let connect = || RawClient::connect_over_tls(stage.proxy.address, &trust).unwrap();
    let mut client = connect();
    assert_eq!(stage.ask(&mut client, "GET", PATH, &[], b"").status, 200);
    let mut client = connect();
    assert!(client.resumes() && shows(&client, &stage.first));
    assert_eq!(stage.ask(&mut client, "GET", PATH, &[], b"").status, 200);
    let second = stage.authority.issue();
    fs::write(stage.file("tls.crt"), &second.certificate).unwrap();
    fs::write(stage.file("tls.key"), &second.key).unwrap();
    eventually(PATIENCE, || stage.count(LOADED) == 1);
    let client = connect();
    assert!(!client.resumes() && shows(&client, &second));
}

#[test]
fn a_key_that_does_not_fit_leaves_the_old_pair_in_use_and_is_told_once() {
    let stage = Stage::start();
    let second = stage.authority.issue();
    fs::write(stage.file("tls.key"), &second.key).unwrap();
    eventually(PATIENCE, || stage.count(FAILED) == 1);
    assert!(shows(&stage.connect(), &stage.first));
    assert_eq!(stage.get(PATH).status, 200);
    let key = stage.file("tls.key");
    let about = |line: &&String| line.contains(key.to_str().unwrap());
    let told = || log().lines().iter().filter(about).cloned().collect::<Vec<_>>();
    eventually(PATIENCE, || {
        told().iter().any(|line| {
            line.contains("server.tls_key_file names")
                && line.contains("is not the key of the first certificate")
                && line.contains("stays in use")
        })
    });
    // The certificate that belongs to it comes later: from then on it is in use.
    fs::write(stage.file("tls.crt"), &second.certificate).unwrap();
    eventually(PATIENCE, || shows(&stage.connect(), &second));
    assert_eq!((stage.count(LOADED), stage.count(FAILED)), (1, 1));
    let (told, secret) = (told(), second.key.lines().nth(1).unwrap());
    let complaints = told.iter().filter(|line| line.contains("is not the key"));
    assert_eq!(complaints.count(), 1, "once, not once a second: {told:?}");
    assert!(!log().lines().iter().any(|line| line.contains(secret)));
}

#[test]
fn a_file_that_goes_away_leaves_the_old_pair_in_use() {
    let stage = Stage::start();
    fs::remove_file(stage.file("tls.crt")).unwrap();
    eventually(PATIENCE, || stage.count(FAILED) == 1);
    assert_eq!(stage.get(PATH).status, 200);
    assert!(shows(&stage.connect(), &stage.first));
}

/// What Kubernetes does to a mounted secret when it changes.
fn swap(volume: &Path, version: u32, issued: &Issued) {
    let directory = format!("..version-{version}");
    fs::create_dir(volume.join(&directory)).unwrap();
    for (name, content) in [("tls.crt", &issued.certificate), ("tls.key", &issued.key)] {
        fs::write(volume.join(&directory).join(name), content).unwrap();
        let link = volume.join(name);
        if !link.is_symlink() {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    std::os::unix::fs::symlink(&directory, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
}

#[test]
fn both_files_of_a_swapped_volume_change_together() {
    let stage = Stage::start();
    swap(stage.directory.path(), 0, &stage.first);
    for version in 1..4 {
        let issued = stage.authority.issue();
        swap(stage.directory.path(), version, &issued);
        eventually(PATIENCE, || shows(&stage.connect(), &issued));
    }
    assert_eq!((stage.count(LOADED), stage.count(FAILED)), (3, 0));
}

#[test]
fn a_certificate_or_key_that_is_no_good_does_not_start_and_names_its_key() {
    let (authority, directory) = (FakeAuthority::new(), TempDir::new().unwrap());
    let (one, other) = (authority.issue(), authority.issue());
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let unended = "-----BEGIN CERTIFICATE-----\nMIIB";
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (certificate, key) = ("server.tls_certificate_file names", "server.tls_key_file names");
    let rows = [
        (None, Some(&*one.key), certificate, "cannot be read (No such file"),
        (
            Some(""),
            Some(&*one.key),
            certificate,
            "holds no certificate that can be read: write PEM",
        ),
        (
            Some("hunter2"),
            Some(&*one.key),
            certificate,
            "holds no certificate that can be read: write PEM",
        ),
        (
            Some(unended),
            Some(&*one.key),
            certificate,
            "holds no certificate that can be read: write PEM",
        ),
        (
            Some(&*one.key),
            Some(&*one.key),
            certificate,
            "holds no certificate that can be read: write PEM",
        ),
        (
            Some(broken),
            Some(&*one.key),
            certificate,
            "holds a certificate that cannot be read: issue it anew",
        ),
        (Some(&*one.certificate), None, key, "cannot be read (No such file"),
        (
            Some(&*one.certificate),
            Some(""),
            key,
            "holds no private key that can be read: write one as PEM",
        ),
        (
            Some(&*one.certificate),
            Some(&*one.certificate),
            key,
            "holds no private key that can be read",
        ),
        (Some(&*one.certificate), Some(encrypted), key, "not encrypted"),
        (
            Some(&*one.certificate),
            Some(&*other.key),
            key,
            "is not the key of the first certificate in",
        ),
    ];
    for (chain, secret, named, why) in rows {
        for (name, content) in [("tls.crt", chain), ("tls.key", secret)] {
            let _ = fs::remove_file(path(name));
            if let Some(content) = content {
                fs::write(path(name), content).unwrap();
            }
        }
        let files = [path("tls.crt"), path("tls.key")];
        for command in ["check-config", "serve"] {
            let said = refused(command, &files);
            assert!(said.contains(named) && said.contains(why), "{said}");
            assert!(!said.contains("hunter2") && !said.contains("MIIB"), "{said}");
        }
    }
    fs::write(path("tls.key"), &one.key).unwrap();
    let environment = with_files(&[path("tls.crt"), path("tls.key")]);
    assert_eq!(run(&["check-config"], &borrowed(&environment)).status.code(), Some(0));
}

#[test]
fn one_of_the_two_files_alone_names_the_other() {
    for (given, missing) in [
        (
            "JIRA_PROXY__SERVER__TLS_CERTIFICATE_FILE",
            "server.tls_key_file is missing",
        ),
        (
            "JIRA_PROXY__SERVER__TLS_KEY_FILE",
            "server.tls_certificate_file is missing",
        ),
    ] {
        let environment: Vec<_> = MANIFEST.iter().copied().chain([(given, "/f")]).collect();
        let output = run(&["check-config"], &environment);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(said.contains(missing), "{said}");
    }
}

/// What the binary says of these files, with status 78.
fn refused(command: &str, files: &[String; 2]) -> String {
    let environment = with_files(files);
    let output = run(&[command], &borrowed(&environment));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    said
}

fn with_files(files: &[String; 2]) -> Vec<(String, String)> {
    let own = [
        ("JIRA_PROXY__SERVER__TLS_CERTIFICATE_FILE", files[0].as_str()),
        ("JIRA_PROXY__SERVER__TLS_KEY_FILE", files[1].as_str()),
    ];
    let all = MANIFEST.iter().copied().chain(own);
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn borrowed(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}
