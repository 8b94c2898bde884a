//! With `--tls`: a certificate authority of one run, and a certificate that it signs for every service.
//!
//! The authority's own key is never written, and gone once it has signed: nobody can use the trust that a user puts into it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use crate::private::write_private;
use crate::service::quoted;

/// Longer than anybody tries things out.
const LIFETIME: Duration = Duration::days(365);

/// Where they are. What signed what: `ca_file` the other.
pub(crate) struct Certificates {
    pub(crate) ca_file: PathBuf,
    certificate_file: PathBuf,
    key_file: PathBuf,
}

impl Certificates {
    /// Makes them for this machine, in files that only this user can read.
    pub(crate) fn make(directory: &Path, host: IpAddr) -> anyhow::Result<Self> {
        let authority = CertifiedIssuer::self_signed(authority()?, KeyPair::generate()?)
            .context("cannot make a certificate authority")?;
        let key = KeyPair::generate()?;
        let certificate = server(host)?
            .signed_by(&key, &authority)
            .context("cannot sign a certificate")?;
        Ok(Self {
            ca_file: write_private(directory, "ca.pem", &authority.pem())?,
            certificate_file: write_private(directory, "tls.crt", &certificate.pem())?,
            key_file: write_private(directory, "tls.key", &key.serialize_pem())?,
        })
    }

    /// What any service's `[server]` section says of them.
    pub(crate) fn server_toml(&self) -> String {
        format!(
            "tls_certificate_file = {}\ntls_key_file = {}\n",
            quoted(&self.certificate_file),
            quoted(&self.key_file)
        )
    }
}

fn authority() -> anyhow::Result<CertificateParams> {
    let mut params = params("nbgate playground authority", vec![])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// Python is strict from 3.13 on: it wants to know which key signed.
fn server(host: IpAddr) -> anyhow::Result<CertificateParams> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let other = Some(host.to_string()).filter(|host| !names.contains(host));
    let mut params = params("nbgate playground", names.into_iter().chain(other).collect())?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn params(name: &str, alternatives: Vec<String>) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(alternatives)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - Duration::DAY, now + LIFETIME);
    Ok(params)
}
