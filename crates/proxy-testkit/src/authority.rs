//! A certificate authority of one test, for servers on loopback.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

/// Signs certificates that end with the year 2098. Nobody knows it but the test.
#[derive(Debug)]
pub struct FakeAuthority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate as PEM.
    pub certificate: String,
    /// Its private key as PEM.
    pub key: String,
    /// The certificate as it comes in a handshake.
    pub der: Vec<u8>,
}

impl FakeAuthority {
    /// When its certificates end, in seconds of Unix time.
    pub const END: i64 = 4_070_908_800;

    /// An authority with a key of its own.
    ///
    /// # Panics
    /// There is no key to be had.
    #[must_use]
    pub fn new() -> Self {
        let mut authority = params(&[]);
        // Two of one name would be taken for each other, and told apart only by their signatures.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name = format!("authority {}", NEXT.fetch_add(1, Ordering::Relaxed));
        authority.distinguished_name.push(DnType::CommonName, name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("there are random numbers");
        Self(CertifiedIssuer::self_signed(authority, key).expect("an authority may sign itself"))
    }

    /// A certificate for this machine, and a new key.
    ///
    /// # Panics
    /// There is no key to be had.
    #[must_use]
    pub fn issue(&self) -> Issued {
        let key = KeyPair::generate().expect("there are random numbers");
        let certificate = params(&["localhost", "127.0.0.1", "::1"]).signed_by(&key, &self.0);
        let certificate = certificate.expect("the authority signs everything");
        Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
        }
    }

    /// Its own certificate as PEM, for who is to trust it.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// TLS of a client that trusts this authority alone, and speaks these versions.
    ///
    /// # Panics
    /// There are no versions.
    #[must_use]
    pub fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.0.der().clone())
            .expect("an authority of ours can be trusted");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
        let config = config.expect("these versions are known");
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    }
}

impl Default for FakeAuthority {
    fn default() -> Self {
        Self::new()
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names and addresses may be in a certificate");
    params.not_after = date_time_ymd(2099, 1, 1);
    params
}
