//! The public listener's certificate: read at the start, renewed when its files change.
//!
//! Decides which TLS is spoken, and under which certificate. A session begins in [`handshake`].
//!
//! **Invariant**: the certificate and the key in use belong together. Files that cannot be read, or do not fit, change
//! nothing but a metric and a line of the log; and neither an error nor the log repeats a byte of their content.

mod handshake;
mod validity;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, anyhow};
use arc_swap::ArcSwap;
use rustls::{
    Error, InconsistentKeys,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use secrecy::zeroize::Zeroizing;
use time::OffsetDateTime;

pub(super) use self::handshake::Handshakes;
use crate::{
    files::{
        self, Flaw, Followed, Mark, Reader, Told,
        watch::{self, Watched},
    },
    telemetry::Metrics,
};

/// What the two files are called in the configuration.
const KEYS: [&str; 2] = ["server.tls_certificate_file", "server.tls_key_file"];
/// All that is spoken within TLS.
const PROTOCOL: &[u8] = b"http/1.1";

/// The certificate of one service, shared by its workers. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Certificate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    files: [PathBuf; 2],
    metrics: Arc<Metrics>,
    current: ArcSwap<rustls::ServerConfig>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    followed: Followed,
    told: Told,
    in_use: Mark,
}

/// The content of both files at one moment. Shows nothing of itself.
struct Pem {
    certificates: Zeroizing<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Pem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pem")
    }
}

impl Certificate {
    /// Reads chain and key from `files`, and begins to watch them.
    ///
    /// # Errors
    /// One of them is no good, or they do not fit: the error names key and file.
    pub(super) fn new(files: [&Path; 2], metrics: &Arc<Metrics>) -> anyhow::Result<Self> {
        let files = files.map(Path::to_path_buf);
        let (pem, places) = read(&files).map_err(|what| anyhow!(what))?;
        let (config, end) = load(&files, &pem).map_err(|what| anyhow!(what))?;
        if let Some(place) = places.last().filter(|place| files::is_public(place)) {
            tracing::warn!(file = %place.display(), "everybody on this machine may read the private key in this file: set its mode to 0400 or 0440");
        }
        let shared = Arc::new(Shared {
            files,
            metrics: metrics.clone(),
            current: ArcSwap::from_pointee(config),
            state: Mutex::new(State {
                in_use: pem.mark(),
                followed: Followed::at(places),
                told: Told::nothing(&metrics.unread_certificate()),
            }),
        });
        shared.tell_end(end);
        watch::begin(&shared).context("no thread to watch the certificate can be had")?;
        Ok(Self(shared))
    }

    /// What a session that begins now is spoken with. One that has begun keeps what it has.
    fn current(&self) -> Arc<rustls::ServerConfig> {
        self.0.current.load_full()
    }
}

impl Watched for Shared {
    fn look(&self) {
        let mut state = self.state();
        match state.followed.settled(read(&self.files), Pem::mark, true) {
            Some(Ok(pem)) => self.take_over(&mut state, &pem),
            Some(Err(what)) => self.complain(&mut state, &what),
            None => {}
        }
    }
}

impl Shared {
    fn take_over(&self, state: &mut State, pem: &Pem) {
        let mark = pem.mark();
        if state.in_use == mark {
            state.told.clear();
            return;
        }
        match load(&self.files, pem) {
            Ok((config, end)) => {
                state.told.clear();
                state.in_use = mark;
                self.current.store(Arc::new(config));
                tracing::info!("the certificate has changed: new connections get it");
                self.metrics.certificate_reload(true);
                self.tell_end(end);
            }
            Err(what) => self.complain(state, &what),
        }
    }

    fn complain(&self, state: &mut State, what: &str) {
        if state.told.is_news(what) {
            tracing::warn!("{what}; the certificate that was read before stays in use");
            self.metrics.certificate_reload(false);
        }
    }

    fn tell_end(&self, end: Option<OffsetDateTime>) {
        let Some(end) = end else { return };
        self.metrics.certificate_not_after(end.unix_timestamp());
        if end < OffsetDateTime::now_utc() {
            tracing::warn!(file = %self.files[0].display(), %end, "the certificate has ended: clients refuse it");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pem {
    fn mark(&self) -> Mark {
        Mark::of_all(&[&self.certificates, &self.key])
    }
}

/// Reads both files as they are at one moment.
fn read(paths: &[PathBuf; 2]) -> Result<(Pem, Vec<PathBuf>), String> {
    let mut reader = Reader::new(files::MAX_SIZE);
    let each = |path: &Path| {
        let text = reader.read(path).map_err(|unreadable| unreadable.to_string())?;
        Ok(Zeroizing::new(text.as_bytes().to_vec()))
    };
    let read = files::together(&paths.each_ref().map(PathBuf::as_path), each);
    let (contents, places) = read.map_err(|Flaw { index, what }| named(paths, index, &what))?;
    let Ok([certificates, key]) = <[_; 2]>::try_from(contents) else {
        return Err(named(paths, 0, "cannot be read with the key: check both"));
    };
    Ok((Pem { certificates, key }, places))
}

/// The TLS that these files make, and when the first certificate of their chain ends.
fn load(files: &[PathBuf; 2], pem: &Pem) -> Result<(rustls::ServerConfig, Option<OffsetDateTime>), String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.certificates).collect();
    let chain = chain.unwrap_or_default();
    if chain.is_empty() {
        let what = "holds no certificate that can be read: write PEM, the server's own certificate first";
        return Err(named(files, 0, what));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem.key).map_err(|_| {
        let what = "holds no private key that can be read: write one as PEM, not encrypted";
        named(files, 1, what)
    })?;
    let end = chain.iter().filter_map(|certificate| validity::end(certificate)).min();
    let config = config(chain, key).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => named(
            files,
            1,
            &format!(
                "is not the key of the first certificate in {} ({}): name the one that it was issued for",
                files[0].display(),
                KEYS[0]
            ),
        ),
        Error::InvalidCertificate(_) => named(files, 0, "holds a certificate that cannot be read: issue it anew"),
        _ => named(
            files,
            1,
            "holds a private key that cannot be used: take RSA (2048 bits or more), ECDSA (P-256, P-384) or Ed25519",
        ),
    })?;
    Ok((config, end))
}

/// No sessions are shared between two of these: one that is resumed would show the certificate of before.
fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<rustls::ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

fn named(files: &[PathBuf; 2], index: usize, what: &str) -> String {
    format!("{} names {}, which {what}", KEYS[index], files[index].display())
}

#[cfg(test)]
pub(super) mod tests;
