//! Kind `instance-api`, the API server of VISA: whose instance is where? Its answer for one token and one instance is the proof of who calls.
//!
//! Each question is also what keeps an instance from expiring. **Invariant**: nothing that a token says of itself is looked at
//! before the API server has accepted it, and then for a name and an end alone. Bodies are not logged: they hold a secret.

use std::time::{Duration, SystemTime};

use actix_http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::{
    claims,
    places::{Place, Places},
};
use crate::{
    auth::{AnswerCache, CacheState, Identity, Lasting, NoAnswer, RETRY_AFTER},
    client::{Answer, PlatformClient, PlatformError},
    error::{ProxyError, Reason},
    telemetry::Metrics,
};

/// As configuration, metrics and audit events call it.
pub const KIND: &str = "instance-api";
/// States in which something may listen. Without one, the address alone tells.
const RUNNING: [&str; 3] = ["ACTIVE", "PARTIALLY_ACTIVE", "ACTIVE_MIGRATING"];

/// The API server, and what is known from it.
#[derive(Debug)]
pub struct InstanceApi {
    api: Url,
    cache: AnswerCache<Found, Refused>,
    places: Places,
}

/// What it says of a token that is good for an instance that runs.
#[derive(Clone, Debug)]
pub struct Found {
    by_header: Identity,
    by_cookie: Identity,
    /// Where it is.
    pub place: Place,
    /// When that was asked.
    pub asked: Instant,
}

impl Found {
    /// For a token that the API server has just accepted.
    fn new(token: &str, place: Place, asked: Instant) -> Self {
        let by_header = claims::caller(token);
        Self {
            by_cookie: by_header.through_cookie(),
            by_header,
            place,
            asked,
        }
    }

    /// Who has the token, which came in a cookie or in a header.
    #[must_use]
    pub fn identity(&self, by_cookie: bool) -> &Identity {
        if by_cookie { &self.by_cookie } else { &self.by_header }
    }
}

impl Lasting for Found {
    fn expires(&self) -> Option<SystemTime> {
        self.by_header.expires()
    }
}

/// Why there is nothing to go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The token is no good.
    Token(Reason),
    /// It is, but not for this.
    Forbidden,
    /// There is no such instance, for this token.
    Missing,
    /// Its state.
    NotRunning(&'static str),
    /// It has none yet.
    NoAddress,
    /// Outside of what may be connected to.
    Outside,
}

/// Of the API server's answer, what is used.
#[derive(Deserialize)]
struct Envelope {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    id: u64,
    uid: Option<String>,
    ip_address: Option<String>,
    state: Option<String>,
}

impl InstanceApi {
    /// The API server at `api`, whose answers are believed for `refresh`.
    #[must_use]
    pub fn new(api: &Url, refresh: Duration, places: Places, metrics: &Metrics) -> Self {
        let cache = AnswerCache::new(KIND, refresh, metrics);
        Self {
            api: api.clone(),
            cache,
            places,
        }
    }

    /// Where the instance `id` is, for whoever has `token`. The id has letters and digits alone.
    ///
    /// # Errors
    /// The API server says no, or does not answer as it should.
    pub async fn find(
        &self,
        token: &str,
        id: &str,
        client: &PlatformClient,
    ) -> Result<(Found, CacheState), NoAnswer<Refused>> {
        let key = [token.as_bytes(), id.as_bytes()];
        let lookup = || async { Box::pin(self.ask(token, id, client)).await };
        let known = self.cache.answer(&key, lookup()).await?;
        if !known.0.place.is_taken() {
            return Ok(known);
        }
        self.cache.forget(&key).await; // another instance has had the address since
        self.cache.answer(&key, lookup()).await
    }

    /// The same, whatever is known already: the API server counts it as use of the instance.
    ///
    /// # Errors
    /// The same.
    pub async fn find_again(&self, token: &str, id: &str, client: &PlatformClient) -> Result<Found, NoAnswer<Refused>> {
        let lookup = async { Box::pin(self.ask(token, id, client)).await };
        self.cache.ask_again(&[token.as_bytes(), id.as_bytes()], lookup).await
    }

    /// The instance did not answer where it was said to be.
    pub async fn doubt(&self, token: &str, id: &str) {
        self.cache.forget(&[token.as_bytes(), id.as_bytes()]).await;
    }

    async fn ask(&self, token: &str, id: &str, client: &PlatformClient) -> Result<Found, NoAnswer<Refused>> {
        let url = self.url(id, "").map_err(|error| NoAnswer::unavailable(KIND, error))?;
        let json = HeaderValue::from_static("application/json"); // as visa-jupyter-proxy has it
        let headers = [(AUTHORIZATION, bearer(token)), (CONTENT_TYPE, json)];
        let asked = Instant::now();
        match client.get(&url, &headers).await {
            Ok(answer) => match answer.status {
                200 => Ok(Found::new(token, self.judge(&answer, id)?, asked)),
                401 => Err(Refused::Token(Reason::Unknown).into()),
                403 => Err(Refused::Forbidden.into()),
                404 => Err(Refused::Missing.into()),
                status => Err(NoAnswer::unavailable(KIND, format!("the API server answered {status}"))),
            },
            Err(error) => Err(NoAnswer::unavailable(KIND, error)),
        }
    }

    fn judge(&self, answer: &Answer, id: &str) -> Result<Place, NoAnswer<Refused>> {
        let unusable = |what: &str| NoAnswer::unavailable(KIND, format!("the API server's answer {what}"));
        if !answer.says_json {
            return Err(unusable("says that it is no JSON"));
        }
        let Envelope { data } = answer.json().map_err(|error| NoAnswer::unavailable(KIND, error))?;
        let same = match id.parse::<u64>() {
            Ok(number) => number == data.id,
            Err(_) => data.uid.as_deref() == Some(id),
        };
        if !same {
            return Err(unusable("is about another instance"));
        }
        let number = data.id.to_string();
        let nowhere = |why| {
            self.places.left(&number);
            NoAnswer::Rejected(why)
        };
        if let Some(state) = data.state.as_deref().filter(|state| !RUNNING.contains(state)) {
            return Err(nowhere(Refused::NotRunning(known_state(state))));
        }
        let address = data.ip_address.as_deref().filter(|address| !address.is_empty());
        let address = address.ok_or_else(|| nowhere(Refused::NoAddress))?;
        let address = address.parse().map_err(|_| unusable("has an address that is none"))?;
        self.places.place(address, &number).ok_or_else(|| {
            tracing::warn!(%address, instance = data.id, "the address is outside of tenant.upstream.allow_networks");
            Refused::Outside.into()
        })
    }

    /// Tells the API server of the begin (`open`) or end (`close`) of a session of an instance.
    ///
    /// # Errors
    /// There is no whole answer in time. Any status is an answer.
    pub async fn tell(
        &self,
        client: &PlatformClient,
        (id, what): (&str, &str),
        token: Option<&str>,
        body: &Value,
    ) -> Result<Answer, PlatformError> {
        let url = self.url(id, &format!("/notebook/{what}"));
        let url = url.map_err(|error| PlatformError::Unreachable(error.to_string()))?;
        client.post_json(&url, token.map(bearer), body).await
    }

    /// `id` has letters and digits alone.
    fn url(&self, id: &str, below: &str) -> Result<Url, url::ParseError> {
        self.api.join(&format!("api/jupyter/instances/{id}{below}"))
    }
}

impl From<NoAnswer<Refused>> for ProxyError {
    /// What callers are told.
    fn from(no: NoAnswer<Refused>) -> Self {
        match no {
            NoAnswer::Unavailable => Self::CannotDecide {
                kind: KIND,
                retry_after: RETRY_AFTER,
            },
            NoAnswer::Rejected(refused) => told(refused),
        }
    }
}

fn told(refused: Refused) -> ProxyError {
    match refused {
        Refused::Token(reason) => ProxyError::Rejected(reason),
        Refused::Forbidden => ProxyError::Forbidden("this instance is not yours to use".into()),
        Refused::Missing => ProxyError::NotFound("there is no such instance, or it is not yours to use".into()),
        Refused::NotRunning(state) => {
            ProxyError::NotRunning(format!("the instance is not running: its state is {state}").into())
        }
        Refused::NoAddress => ProxyError::NoAddress {
            what: "the platform does not say yet where the instance is".into(),
            retry_after: RETRY_AFTER,
        },
        Refused::Outside => ProxyError::Unreachable {
            upstream: "instance".to_owned(),
            detail: "its address is outside of tenant.upstream.allow_networks".to_owned(),
        },
    }
}

/// States that callers and logs may read; any other is none that VISA has.
fn known_state(state: &str) -> &'static str {
    const STATES: [&str; 12] = [
        "BUILDING",
        "STARTING",
        "MIGRATING",
        "REBOOTING",
        "STOPPING",
        "STOPPED",
        "UNAVAILABLE",
        "ERROR",
        "UNKNOWN",
        "DELETING",
        "DELETED",
        "SUSPENDED",
    ];
    STATES.into_iter().find(|known| *known == state).unwrap_or("UNKNOWN")
}

fn bearer(token: &str) -> HeaderValue {
    let mut value =
        HeaderValue::try_from(format!("Bearer {token}")).expect("a token has only characters that headers may hold");
    value.set_sensitive(true);
    value
}

#[cfg(test)]
pub(super) mod tests;
