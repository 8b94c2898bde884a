//! The one way to ask platforms: identity providers, hubs, OpenID issuers.
//!
//! Decides how such a question is asked: a connection of its own that is closed after the answer, no redirects, no
//! decompression, short deadlines, a bounded body. What an answer means is left to whoever asked.
//!
//! **Invariant**: an answer is whole and final, or it is an error. awc hands out an interim `1xx` as if it were final, and
//! a body cut short as if it were whole: here both are errors. No error and no `Debug` text holds a credential.

use std::{fmt, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use actix_http::{
    Method,
    header::{self, HeaderName, HeaderValue},
};
use anyhow::Context as _;
use awc::{
    ClientRequest, ClientResponse,
    error::{ConnectError, PayloadError, SendRequestError},
};
use bytes::Bytes;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde::de::DeserializeOwned;
use url::Url;

/// Longest wait for a connection, and again for its TLS handshake.
const CONNECT: Duration = Duration::from_secs(2);
/// Longest wait for a whole answer, connecting included.
const ANSWER: Duration = Duration::from_secs(5);
/// Most questions of one worker in progress: more than all schemes together may ask at once, so that awc's own limit (100,
/// for all platforms) never makes one platform's callers wait for another's.
const QUESTIONS: usize = 1_024;
const JSON: &str = "application/json";
/// Largest body of an answer, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// Asks platforms. One for each worker thread, as awc's client belongs to a thread; clones share it.
#[derive(Clone)]
pub struct PlatformClient {
    client: awc::Client,
    deadline: Duration,
}

/// What a platform answered.
#[derive(Clone)]
pub struct Answer {
    /// The status code, never an interim one.
    pub status: u16,
    /// Whether `Content-Type` says that the body is JSON.
    pub says_json: bool,
    /// The whole body, as it came over the wire.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// No connection, or none that TLS trusts.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The deadline passed.
    #[error("it did not answer in time")]
    Timeout,
    /// The body is larger than anything a platform has to say.
    #[error("its answer is larger than {MAX_BODY} bytes")]
    TooLarge,
    /// Not HTTP, or not all of it.
    #[error("its answer is broken: {0}")]
    Broken(String),
}

impl Answer {
    /// The body, read as JSON.
    ///
    /// # Errors
    /// It is not that. Nothing of the body is repeated, as serde would: it may hold a token.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PlatformError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let what = if error.is_data() {
                "a member is missing or of another type"
            } else {
                "it is not JSON"
            };
            PlatformError::Broken(format!("{what} (line {}, column {})", error.line(), error.column()))
        })
    }
}

impl PlatformClient {
    /// A client that trusts what `tls` trusts.
    #[must_use]
    pub fn new(tls: Arc<rustls::ClientConfig>) -> Self {
        Self::with_deadline(tls, ANSWER)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes awc clients")]
    fn with_deadline(tls: Arc<rustls::ClientConfig>, deadline: Duration) -> Self {
        let connector = awc::Connector::new()
            .rustls_0_23(tls)
            .limit(QUESTIONS)
            .timeout(CONNECT)
            .handshake_timeout(CONNECT);
        let client = awc::Client::builder()
            .connector(connector)
            .disable_redirects()
            .timeout(deadline)
            .finish();
        Self { client, deadline }
    }

    /// Asks with GET.
    ///
    /// # Errors
    /// There is no whole answer in time. Any status is an answer.
    pub async fn get(&self, url: &Url, headers: &[(HeaderName, HeaderValue)]) -> Result<Answer, PlatformError> {
        let request = headers
            .iter()
            .cloned()
            .fold(self.request(Method::GET, url), ClientRequest::insert_header);
        self.ask(request, Bytes::new()).await
    }

    /// Asks with POST and a form.
    ///
    /// # Errors
    /// As for [`PlatformClient::get`].
    pub async fn post_form(
        &self,
        url: &Url,
        authorization: HeaderValue,
        form: &[(&str, &str)],
    ) -> Result<Answer, PlatformError> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = self
            .request(Method::POST, url)
            .insert_header((header::AUTHORIZATION, authorization))
            .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"));
        self.ask(request, body.into()).await
    }

    /// Asks with POST and JSON.
    ///
    /// # Errors
    /// As for [`PlatformClient::get`].
    pub async fn post_json(
        &self,
        url: &Url,
        authorization: Option<HeaderValue>,
        body: &serde_json::Value,
    ) -> Result<Answer, PlatformError> {
        let mut request = self
            .request(Method::POST, url)
            .insert_header((header::CONTENT_TYPE, JSON));
        if let Some(authorization) = authorization {
            request = request.insert_header((header::AUTHORIZATION, authorization));
        }
        self.ask(request, body.to_string().into()).await
    }

    fn request(&self, method: Method, url: &Url) -> ClientRequest {
        let request = self
            .client
            .request(method, url.as_str())
            .force_close()
            .no_decompress()
            .insert_header((header::ACCEPT, JSON))
            .insert_header((header::USER_AGENT, "nbgate"));
        // awc looks the brackets of an IPv6 literal up as part of a name.
        match (url.host(), url.port_or_known_default()) {
            (Some(url::Host::Ipv6(address)), Some(port)) => request.address(SocketAddr::from((address, port))),
            _ => request,
        }
    }

    async fn ask(&self, request: ClientRequest, body: Bytes) -> Result<Answer, PlatformError> {
        let answer = tokio::time::timeout(self.deadline, whole_answer(request, body)).await;
        answer.unwrap_or(Err(PlatformError::Timeout))
    }
}

async fn whole_answer(request: ClientRequest, body: Bytes) -> Result<Answer, PlatformError> {
    let mut response = request.send_body(body).await.map_err(not_sent)?;
    let expected = expected_length(&response)?;
    let body = response.body().limit(MAX_BODY).await.map_err(|error| match error {
        PayloadError::Overflow => PlatformError::TooLarge,
        error => PlatformError::Broken(error.to_string()),
    })?;
    if expected.is_some_and(|expected| expected != body.len()) {
        return Err(PlatformError::Broken("it ends before its end".to_owned()));
    }
    Ok(Answer {
        status: response.status().as_u16(),
        says_json: says_json(&response),
        body,
    })
}

fn says_json<S>(response: &ClientResponse<S>) -> bool {
    let media = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let name = media.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    name.eq_ignore_ascii_case(JSON)
}

/// The length that the head announces; `None` for a chunked body, which JSON parsing will find out about if it is cut.
fn expected_length<S>(response: &ClientResponse<S>) -> Result<Option<usize>, PlatformError> {
    let status = response.status();
    if status.is_informational() {
        return Err(PlatformError::Broken(format!(
            "{} is not a final answer",
            status.as_u16()
        )));
    }
    if status == 204 || status == 304 {
        return Ok(None);
    }
    if let Some(length) = response.headers().get(header::CONTENT_LENGTH) {
        let length = length.to_str().ok().and_then(|length| length.parse().ok());
        return length
            .map(Some)
            .ok_or_else(|| PlatformError::Broken("its length is not a number".to_owned()));
    }
    if response.headers().contains_key(header::TRANSFER_ENCODING) {
        return Ok(None);
    }
    // Closing the connection is the only end of such a body, and nobody can tell it from a failure.
    Err(PlatformError::Broken("it has neither a length nor chunks".to_owned()))
}

fn not_sent(error: SendRequestError) -> PlatformError {
    match error {
        SendRequestError::Timeout | SendRequestError::Connect(ConnectError::Timeout) => PlatformError::Timeout,
        SendRequestError::Connect(error) => PlatformError::Unreachable(error.to_string()),
        error => PlatformError::Broken(error.to_string()),
    }
}

impl fmt::Debug for PlatformClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PlatformClient")
    }
}

/// Says how long the body is, not what is in it: it may hold a token or a person's details.
impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Answer")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish()
    }
}

/// TLS as every client of a service speaks it: the system's roots, and those of a PEM file besides.
///
/// # Errors
/// The file cannot be read, or holds something that is not a certificate.
pub fn tls_config(extra_ca_file: Option<&Path>) -> anyhow::Result<Arc<rustls::ClientConfig>> {
    let mut roots = rustls::RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = extra_ca_file {
        add_certificates(&mut roots, path).with_context(|| format!("CA file {}", path.display()))?;
    }
    if roots.is_empty() {
        // Not an error: all that is configured may be plain http on loopback.
        tracing::warn!(errors = ?system.errors, "no root certificate was found: no https server will be trusted");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS versions")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add_certificates(roots: &mut rustls::RootCertStore, path: &Path) -> anyhow::Result<()> {
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    anyhow::ensure!(roots.len() > before, "holds no certificate: it must be PEM");
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
