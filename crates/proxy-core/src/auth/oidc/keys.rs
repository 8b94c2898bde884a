//! The issuer's keys, kept fresh.
//!
//! Decides when they are fetched and how long they are believed. Which of them are used is left to `keyset`.
//!
//! **Invariant**: a fetch that fails, whatever the answer, changes nothing: the last good set stays for 24 hours. Tokens
//! cannot make us fetch more than once a minute, however many there are. No redirect is followed, and an https issuer's
//! keys come over https.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use jsonwebtoken::{Algorithm, DecodingKey};
use openidconnect::{DiscoveryError, HttpRequest, HttpResponse, IssuerUrl, core::CoreProviderMetadata};
use tokio::sync::Mutex;
use url::Url;

use super::{
    super::cache::Failure,
    KIND,
    keyset::{Found, KeySet, KeySetError},
};
use crate::{
    client::{PlatformClient, PlatformError},
    config::sections::check::is_loopback,
    error::Reason,
    telemetry::KeyMetrics,
};

/// How often, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Between two fetches that nobody asked for. With the minute that an answer is cached, a removed key is of no use
    /// after ten minutes.
    pub(super) refresh: Duration,
    /// Between two fetches because of tokens with unknown keys.
    pub(super) on_demand: Duration,
    /// How long a set is good while no other can be had.
    pub(super) good_for: Duration,
}

impl Pace {
    pub(super) const STANDARD: Self = Self {
        refresh: Duration::from_secs(9 * 60),
        on_demand: Duration::from_secs(60),
        good_for: Duration::from_secs(24 * 60 * 60),
    };
}

/// After a failed fetch: when there are keys, and when there are none.
const AGAIN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(5));

#[derive(Debug)]
pub(super) struct Keys {
    issuer: IssuerUrl,
    allow_insecure_http: bool,
    algorithms: Vec<Algorithm>,
    pace: Pace,
    metrics: KeyMetrics,
    current: ArcSwapOption<Published>,
    /// Held while fetching: one at a time for the whole process.
    fetching: Mutex<Option<OnDemand>>,
}

#[derive(Debug)]
struct Published {
    keys: KeySet,
    at: Instant,
}

/// The last fetch that a token asked for.
#[derive(Clone, Copy, Debug)]
struct OnDemand {
    at: Instant,
    succeeded: bool,
}

/// Why the issuer's keys could not be fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Platform(#[from] PlatformError),
    #[error("{0} is no URL that keys may come from: it must be https, as the issuer is")]
    Insecure(String),
    #[error("no HTTP: {0}")]
    Http(#[from] openidconnect::http::Error),
}

impl Keys {
    pub(super) fn new(
        issuer: IssuerUrl,
        allow_insecure_http: bool,
        algorithms: Vec<Algorithm>,
        pace: Pace,
        metrics: KeyMetrics,
    ) -> Self {
        let (current, fetching) = (ArcSwapOption::empty(), Mutex::new(None));
        Self {
            issuer,
            allow_insecure_http,
            algorithms,
            pace,
            metrics,
            current,
            fetching,
        }
    }

    /// Whether there are keys to decide with.
    pub(super) fn ready(&self) -> bool {
        self.good().is_some()
    }

    /// The key with this id, fetched anew if nobody has heard of it.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: &str,
        algorithm: Algorithm,
        client: &PlatformClient,
    ) -> Result<Arc<DecodingKey>, Failure> {
        let seen = self.good();
        match self.look_up(id, algorithm) {
            Found::Key(key) => return Ok(key),
            Found::OtherAlgorithm => return Err(unacceptable("its key is not meant for its algorithm")),
            Found::Unknown => {}
        }
        let fetched = self.fetch_on_demand(seen.map(|published| published.at), client).await;
        match self.look_up(id, algorithm) {
            Found::Key(key) => Ok(key),
            Found::OtherAlgorithm => Err(unacceptable("its key is not meant for its algorithm")),
            Found::Unknown if fetched => Err(unacceptable("it is signed with a key that its issuer does not publish")),
            // The issuer may have published the key: we have not heard.
            Found::Unknown => Err(Failure::Unavailable),
        }
    }

    /// Fetches the keys if they are due; the time until they are due again.
    pub(super) async fn refresh(&self, client: &PlatformClient) -> Duration {
        let _fetching = self.fetching.lock().await;
        let age = self.good().map(|published| published.at.elapsed());
        if let Some(left) = age
            .and_then(|age| self.pace.refresh.checked_sub(age))
            .filter(|left| !left.is_zero())
        {
            return left;
        }
        match (self.fetch(client).await, self.ready()) {
            (true, _) => self.pace.refresh,
            (false, true) => AGAIN.0,
            (false, false) => AGAIN.1,
        }
    }

    fn good(&self) -> Option<Arc<Published>> {
        self.current
            .load_full()
            .filter(|published| published.at.elapsed() < self.pace.good_for)
    }

    fn look_up(&self, id: &str, algorithm: Algorithm) -> Found {
        self.good()
            .map_or(Found::Unknown, |published| published.keys.find(id, algorithm))
    }

    /// Whether the keys are newer than those that were `seen`, or as new as tokens may make them. A task of its own: a
    /// caller who goes away must not leave the others without keys, nor make the next one fetch again.
    async fn fetch_on_demand(self: &Arc<Self>, seen: Option<Instant>, client: &PlatformClient) -> bool {
        let (keys, client) = (self.clone(), client.clone());
        let task = actix_rt::spawn(async move {
            let mut last = keys.fetching.lock().await;
            if keys.good().map(|published| published.at) > seen {
                return true;
            }
            if let Some(last) = last.filter(|last| last.at.elapsed() < keys.pace.on_demand) {
                return last.succeeded;
            }
            let at = Instant::now();
            let succeeded = keys.fetch(&client).await;
            *last = Some(OnDemand { at, succeeded });
            succeeded
        });
        task.await.unwrap_or(false)
    }

    async fn fetch(&self, client: &PlatformClient) -> bool {
        let at = Instant::now();
        let call = async |request| self.call(request, client).await;
        let discovered = CoreProviderMetadata::discover_async(self.issuer.clone(), &call).await;
        let keys = discovered
            .map_err(describe)
            .and_then(|metadata| self.key_set(&metadata));
        match keys {
            Ok(keys) => {
                self.current.store(Some(Arc::new(Published { keys, at })));
                self.metrics.fetched.inc();
                true
            }
            Err(detail) => {
                self.metrics.failed.inc();
                tracing::warn!(identity = KIND, issuer = %self.issuer, detail, "the issuer's keys cannot be fetched");
                false
            }
        }
    }

    fn key_set(&self, metadata: &CoreProviderMetadata) -> Result<KeySet, String> {
        KeySet::new(metadata.jwks().keys(), &self.algorithms).map_err(|error: KeySetError| error.to_string())
    }

    async fn call(&self, request: HttpRequest, client: &PlatformClient) -> Result<HttpResponse, FetchError> {
        let text = request.uri().to_string();
        let url = Url::parse(&text)
            .ok()
            .filter(|url| self.may_ask(url))
            .ok_or(FetchError::Insecure(text))?;
        let answer = client.get(&url, &[]).await?;
        Ok(openidconnect::http::Response::builder()
            .status(answer.status)
            .body(answer.body.to_vec())?)
    }

    fn may_ask(&self, url: &Url) -> bool {
        let over_http = || self.issuer.url().scheme() == "http" && (self.allow_insecure_http || is_loopback(url));
        url.scheme() == "https" || url.scheme() == "http" && over_http()
    }
}

/// What went wrong, without the body of the answer.
fn describe(error: DiscoveryError<FetchError>) -> String {
    match error {
        DiscoveryError::Request(error) => error.to_string(),
        DiscoveryError::Parse(error) => format!("the answer is not as OpenID Connect has it, at `{}`", error.path()),
        DiscoveryError::Response(_, _, what) | DiscoveryError::Validation(what) | DiscoveryError::Other(what) => what,
        error => error.to_string(),
    }
}

fn unacceptable(what: &'static str) -> Failure {
    Reason::Unacceptable(what.into()).into()
}

#[cfg(test)]
mod tests;
