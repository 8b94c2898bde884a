use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;

use super::{Credential, CredentialSource, ServiceCredential, watch};
use crate::{
    auth::{Claims, Identity},
    config::sections::{CredentialConfig, CredentialKind, SecretSource, Username},
    error::ProxyError,
    telemetry::Metrics,
};

fn config(kind: CredentialKind) -> CredentialConfig {
    CredentialConfig {
        key: "tenant[0].credential".to_owned(),
        kind,
    }
}

fn basic_files(directory: &Path) -> CredentialConfig {
    let password = SecretSource::File(directory.join("password"));
    config(CredentialKind::Basic {
        username: Username::File(directory.join("username")),
        password,
    })
}

fn token_file(path: PathBuf) -> CredentialConfig {
    config(CredentialKind::Bearer {
        token: SecretSource::File(path),
    })
}

fn start(config: &CredentialConfig) -> (anyhow::Result<Arc<ServiceCredential>>, Arc<Metrics>) {
    let metrics = Metrics::new("test", "1");
    (
        ServiceCredential::new(config, &metrics.tenant("default"), "Jira"),
        metrics,
    )
}

fn started(config: &CredentialConfig) -> Arc<ServiceCredential> {
    start(config).0.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test needs an identity without a platform")]
fn ada() -> Identity {
    let claims = Claims {
        user: "ada".into(),
        groups: vec![],
        scopes: vec![],
        kind: "test",
        expires: None,
        by_cookie: false,
    };
    Identity::proven(claims).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test looks at what is sent")]
fn shown(credential: &Credential) -> String {
    credential.value().expose_secret().to_owned()
}

async fn value(source: &ServiceCredential) -> String {
    shown(&source.credential_for(&ada()).await.unwrap())
}

/// What Kubernetes does to a mounted secret when it changes.
fn swap(volume: &Path, version: u32, files: &[(&str, &str)]) {
    let directory = format!("..version-{version}");
    fs::create_dir(volume.join(&directory)).unwrap();
    for (name, content) in files {
        fs::write(volume.join(&directory).join(name), content).unwrap();
        let link = volume.join(name);
        if link.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    let old = fs::read_link(volume.join("..data"));
    std::os::unix::fs::symlink(&directory, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    if let Ok(old) = old {
        fs::remove_dir_all(volume.join(old)).unwrap();
    }
}

fn swap_pair(volume: &Path, version: u32) {
    swap(
        volume,
        version,
        &[
            ("username", &format!("user-{version}\n")),
            ("password", &format!("pass-{version}\r\n")),
        ],
    );
}

fn pair_of(version: u32) -> String {
    format!("Basic {}", STANDARD.encode(format!("user-{version}:pass-{version}")))
}

#[actix_web::test]
async fn each_kind_becomes_its_header() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "\u{feff}s3cret, \u{e9}\r\n").unwrap();
    let password = SecretSource::File(file.clone());
    let basic = config(CredentialKind::Basic {
        username: Username::Text("bot".into()),
        password,
    });
    assert_eq!(
        value(&started(&basic)).await,
        format!("Basic {}", STANDARD.encode("bot:s3cret, \u{e9}"))
    );
    fs::write(&file, "abc.def==\n\n").unwrap();
    assert_eq!(value(&started(&token_file(file.clone()))).await, "Bearer abc.def==");
    fs::write(&file, "a key").unwrap();
    let header = config(CredentialKind::Header {
        name: "x-api-key".parse().unwrap(),
        value: SecretSource::File(file),
    });
    let credential = started(&header).credential_for(&ada()).await.unwrap();
    assert_eq!(
        (credential.name().as_str(), shown(&credential).as_str()),
        ("x-api-key", "a key")
    );
    let variable = SecretSource::Variable("JIRA_PASSWORD", SecretString::from("hunter2\n"));
    let basic = config(CredentialKind::Basic {
        username: Username::Text("bot".into()),
        password: variable,
    });
    assert_eq!(
        value(&started(&basic)).await,
        format!("Basic {}", STANDARD.encode("bot:hunter2"))
    );
}

#[test]
fn the_header_is_set_once_and_never_shown() {
    let credential = Credential::new(AUTHORIZATION, SecretString::from("Bearer hunter2")).unwrap();
    let mut headers = HeaderMap::new();
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer callers"));
    headers.append(AUTHORIZATION, HeaderValue::from_static("Basic callers"));
    credential.apply(&mut headers);
    assert_eq!(
        headers.get_all(AUTHORIZATION).iter().collect::<Vec<_>>(),
        ["Bearer hunter2"]
    );
    assert!(headers[AUTHORIZATION].is_sensitive());
    let shown = format!("{headers:?} {credential:?} {:?}", credential.value());
    assert!(!shown.contains("hunter2") && shown.contains("[REDACTED]"), "{shown}");
    let other = Credential::new(AUTHORIZATION, SecretString::from("Bearer hunter2")).unwrap();
    assert!(
        other.generation() > credential.generation(),
        "two tenants never share a connection"
    );
    let error = Credential::new(AUTHORIZATION, SecretString::from("hunter2\n")).unwrap_err();
    assert!(!error.contains("hunter2"));
}

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
            SecretSource::Variable("JIRA_PASSWORD", SecretString::from(" ")),
            "JIRA_PASSWORD, which is tenant[0].credential.password, is empty",
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
        damage(&file);
        (0..5).for_each(|_| source.look());
        assert_eq!(value(&source).await, "Bearer good", "{name}");
        let failed = "nbgate_credential_reloads_total{outcome=\"failed\",tenant=\"default\"} 1\n";
        assert!(
            metrics.to_text().contains(failed),
            "{name}: counted once, not once a second\n{}",
            metrics.to_text()
        );
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

#[actix_web::test]
async fn what_is_written_in_place_counts_when_it_looks_the_same_twice() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "old").unwrap();
    let source = started(&token_file(file.clone()));
    for part in ["n", "ne", "new"] {
        fs::write(&file, part).unwrap();
        source.look();
        assert_eq!(value(&source).await, "Bearer old", "{part}");
    }
    source.look();
    assert_eq!(value(&source).await, "Bearer new");
}

#[actix_web::test]
async fn a_swapped_volume_counts_at_once() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let source = started(&basic_files(volume.path()));
    let first = source.credential_for(&ada()).await.unwrap();
    assert_eq!(shown(&first), pair_of(0));
    source.look();
    assert_eq!(
        source.credential_for(&ada()).await.unwrap().generation(),
        first.generation()
    );
    swap_pair(volume.path(), 1);
    source.look();
    let second = source.credential_for(&ada()).await.unwrap();
    assert!(second.generation() > first.generation() && shown(&second) == pair_of(1));
    assert_eq!(shown(&first), pair_of(0), "a request under way keeps what it has");
}

#[test]
fn a_hundred_swaps_under_load_never_mix_a_pair_and_never_fail() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let (source, metrics) = start(&basic_files(volume.path()));
    let source = source.unwrap();
    let swapping = std::thread::spawn({
        let path = volume.path().to_owned();
        move || (1..=100).for_each(|version| swap_pair(&path, version))
    });
    let pairs: Vec<String> = (0..=100).map(pair_of).collect();
    let mut last = 0;
    while last < 100 || !swapping.is_finished() {
        let done = swapping.is_finished();
        source.look();
        let now = shown(
            &futures_util::FutureExt::now_or_never(source.credential_for(&ada()))
                .unwrap()
                .unwrap(),
        );
        let version = pairs
            .iter()
            .position(|pair| *pair == now)
            .expect("a pair of one version");
        assert!(version >= last, "never back to an older one");
        last = version;
        assert!(!done || last == 100, "the last version counts");
    }
    swapping.join().unwrap();
    assert!(
        !metrics.to_text().contains("outcome=\"failed\""),
        "{}",
        metrics.to_text()
    );
}

#[actix_web::test]
async fn a_rejected_credential_is_looked_for_at_once() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let source = started(&basic_files(volume.path()));
    let old = source.credential_for(&ada()).await.unwrap().generation();
    assert!(source.renewed(old).await.is_none(), "nothing newer on disk");
    swap_pair(volume.path(), 1);
    let renewed = futures_util::future::join_all((0..20).map(|_| source.renewed(old))).await;
    let generations: Vec<u64> = renewed
        .into_iter()
        .map(|credential| credential.unwrap().generation())
        .collect();
    assert!(
        generations
            .iter()
            .all(|generation| *generation == generations[0] && *generation > old),
        "{generations:?}"
    );
    assert!(source.renewed(generations[0]).await.is_none());
    assert_eq!(value(&source).await, pair_of(1));
}

#[actix_web::test]
async fn three_rejections_stop_the_asking_until_the_credential_changes() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let source = started(&basic_files(volume.path()));
    let generation = source.credential_for(&ada()).await.unwrap().generation();
    for _ in 0..3 {
        assert!(source.credential_for(&ada()).await.is_ok());
        source.rejected(generation);
    }
    let error = source.credential_for(&ada()).await.unwrap_err();
    assert!(
        matches!(&error, ProxyError::UpstreamCredentialRejected { upstream } if upstream == "Jira"),
        "{error:?}"
    );
    swap_pair(volume.path(), 1);
    source.look();
    assert_eq!(value(&source).await, pair_of(1));
    source.accepted(generation);
    source.rejected(generation);
    assert_eq!(value(&source).await, pair_of(1));
}

#[actix_web::test]
async fn the_watch_takes_a_change_over_within_two_seconds_and_lets_go_of_what_is_dropped() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let source = started(&basic_files(volume.path()));
    swap_pair(volume.path(), 1);
    let changed = Instant::now();
    while value(&source).await != pair_of(1) {
        assert!(changed.elapsed() < 2 * watch::PERIOD, "later than promised");
        actix_rt::time::sleep(Duration::from_millis(10)).await;
    }
    let weak = source.weak();
    drop(source);
    let dropped = Instant::now();
    while weak.upgrade().is_some() {
        assert!(dropped.elapsed() < watch::PERIOD, "the watch keeps it alive");
    }
}
