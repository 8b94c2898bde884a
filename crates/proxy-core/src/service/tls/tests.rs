use std::{fs, sync::Arc};

use proxy_testkit::{FakeAuthority, Issued};
use tempfile::TempDir;

use super::{Certificate, Metrics, Watched as _};

/// A pair in two files, as the configuration names them.
fn written(directory: &TempDir, issued: &Issued) -> [std::path::PathBuf; 2] {
    let files = ["tls.crt", "tls.key"].map(|name| directory.path().join(name));
    fs::write(&files[0], &issued.certificate).unwrap();
    fs::write(&files[1], &issued.key).unwrap();
    files
}

fn started(directory: &TempDir, issued: &Issued) -> (Certificate, Arc<Metrics>) {
    let (files, metrics) = (written(directory, issued), Metrics::new("test", "1"));
    let certificate = Certificate::new(files.each_ref().map(|file| &**file), &metrics).unwrap();
    (certificate, metrics)
}

/// TLS of a server with this certificate.
pub(in crate::service) fn server(issued: &Issued) -> Arc<rustls::ServerConfig> {
    started(&TempDir::new().unwrap(), issued).0.current()
}

#[test]
fn http_1_1_alone_is_spoken_and_nothing_is_taken_before_the_handshake_ends() {
    let config = server(&FakeAuthority::new().issue());
    assert_eq!(config.alpn_protocols, [b"http/1.1"]);
    assert_eq!(config.max_early_data_size, 0, "early data can be replayed");
}

#[test]
fn what_is_written_in_place_counts_when_it_looks_the_same_twice() {
    let (authority, directory) = (FakeAuthority::new(), TempDir::new().unwrap());
    let (certificate, metrics) = started(&directory, &authority.issue());
    let first = certificate.current();
    let second = authority.issue();
    let [chain, key] = written(&directory, &second);
    for half in ["", "-----BEGIN"] {
        fs::write(&chain, half).unwrap();
        certificate.0.look();
    }
    fs::write(&chain, &second.certificate).unwrap();
    certificate.0.look();
    assert!(Arc::ptr_eq(&certificate.current(), &first));
    certificate.0.look();
    let now = certificate.current();
    assert!(!Arc::ptr_eq(&now, &first));
    (0..3).for_each(|_| certificate.0.look());
    assert!(Arc::ptr_eq(&certificate.current(), &now), "what has not changed stays");

    let unread = metrics.unread_certificate();
    assert_eq!(unread.get(), 0);
    fs::write(&key, authority.issue().key).unwrap();
    (0..5).for_each(|_| certificate.0.look());
    assert!(Arc::ptr_eq(&certificate.current(), &now));
    let text = metrics.to_text();
    for outcome in ["loaded", "failed"] {
        let line = format!("nbgate_certificate_reloads_total{{outcome=\"{outcome}\"}} 1\n");
        assert!(text.contains(&line), "{outcome}: {text}");
    }
    let ends = format!(
        "nbgate_certificate_not_after_seconds{{service=\"test\"}} {}\n",
        FakeAuthority::END
    );
    assert!(text.contains(&ends), "{text}");
    let still = "nbgate_certificate_unread{service=\"test\"} 1\n";
    assert!(text.contains(still), "{text}");
    fs::write(&key, &second.key).unwrap();
    (0..2).for_each(|_| certificate.0.look());
    assert_eq!(unread.get(), 0, "what is in use is what is there again");
}

#[test]
fn nothing_of_a_key_is_shown() {
    let (authority, directory) = (FakeAuthority::new(), TempDir::new().unwrap());
    let issued = authority.issue();
    let (certificate, _) = started(&directory, &issued);
    let (pem, _) = super::read(&certificate.0.files).unwrap();
    assert_eq!(format!("{pem:?}"), "Pem");
    let shown = format!("{certificate:?}");
    assert!(issued.key.lines().all(|line| !shown.contains(line)), "{shown}");
}
