//! Jupyter sessions: VISA is told when a kernel's socket opens, before it does, and when it has closed.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use percent_encoding::percent_decode_str;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{api::InstanceApi, callers::missing};
use crate::{
    client::PlatformClient,
    duties::{Duties, Ending, Held, Unconfirmed},
    error::{ProxyError, Reason},
    service::{Background, Clients},
    telemetry::Metrics,
};

/// Longest id that VISA takes.
const MAX_ID: usize = 150;

/// One kernel's socket, as pages reconnect it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    instance: String,
    kernel: String,
    session: String,
}

impl Session {
    /// The session that `target`, below the instance `id`, is the socket of: `…/api/kernels/<kernel>/channels?session_id=<id>`.
    #[must_use]
    pub fn of(target: &str, id: &str) -> Option<Self> {
        let (path, query) = target.split_once('?')?;
        let (_, kernel) = path.strip_suffix("/channels")?.rsplit_once("/api/kernels/")?;
        let session = query
            .split('&')
            .find_map(|parameter| parameter.strip_prefix("session_id="))?;
        let session = percent_decode_str(session).decode_utf8().ok()?;
        let good = |id: &str| {
            let letter = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
            (1..=MAX_ID).contains(&id.len()) && id.bytes().all(letter)
        };
        (good(kernel) && good(&session)).then(|| Self {
            instance: id.to_owned(),
            kernel: kernel.to_owned(),
            session: session.into_owned(),
        })
    }

    fn body(&self) -> serde_json::Value {
        json!({ "kernelId": self.kernel, "sessionId": self.session })
    }
}

/// All sessions of one tenant.
pub struct Sessions {
    api: Arc<InstanceApi>,
    duties: Arc<Duties>,
}

impl Sessions {
    /// Sessions that are written down in `directory`.
    #[must_use]
    pub fn new(api: &Arc<InstanceApi>, directory: PathBuf, metrics: &Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            api: api.clone(),
            duties: Duties::new(directory, "sessions", metrics, Box::new(Closing(api.clone()))),
        })
    }

    /// What has to go on beside requests: ends are told there.
    #[must_use]
    pub fn background(&self) -> Arc<dyn Background> {
        self.duties.clone()
    }

    /// Tells VISA that `session` begins. It ends when what is returned is dropped.
    ///
    /// # Errors
    /// VISA refuses. That it does not answer keeps nobody from their kernel.
    pub async fn open(
        self: &Arc<Self>,
        session: Session,
        token: &str,
        client: &PlatformClient,
    ) -> Result<Held, ProxyError> {
        let (sessions, token, client) = (self.clone(), Zeroizing::new(token.to_owned()), client.clone());
        // A caller who leaves meanwhile does not end the question: VISA must not hear of the end first.
        let told = actix_rt::spawn(async move { sessions.tell(&session, &token, &client).await });
        told.await.unwrap_or_else(|error| {
            Err(ProxyError::Internal {
                detail: error.to_string(),
            })
        })
    }

    async fn tell(&self, session: &Session, token: &str, client: &PlatformClient) -> Result<Held, ProxyError> {
        let held = self.duties.begin(&json!(session).to_string()).await;
        let told = self
            .api
            .tell(client, (&session.instance, "open"), Some(token), &session.body())
            .await;
        let refused = match told.map(|answer| answer.status) {
            Ok(200..=299) => return Ok(held),
            Ok(401) => ProxyError::Rejected(Reason::Unknown),
            Ok(403) => ProxyError::Forbidden("this instance is not yours to use".into()),
            Ok(404) => missing(),
            Ok(status) => {
                tracing::warn!(status, "VISA was not told that a session begins");
                return Ok(held);
            }
            Err(error) => {
                tracing::warn!(%error, "VISA was not told that a session begins");
                return Ok(held);
            }
        };
        held.discard();
        Err(refused)
    }
}

/// Tells VISA of ends: it asks for no token there.
struct Closing(Arc<InstanceApi>);

#[async_trait(?Send)]
impl Ending for Closing {
    async fn end(&self, clients: &Clients, duty: &str) -> Result<(), Unconfirmed> {
        let Ok(session) = serde_json::from_str::<Session>(duty) else {
            return Ok(()); // not of our making
        };
        let told = self
            .0
            .tell(&clients.platform, (&session.instance, "close"), None, &session.body())
            .await;
        match told.map(|answer| answer.status) {
            Ok(status) => judged(status),
            Err(error) => Err(Unconfirmed::NotNow(error.to_string())),
        }
    }
}

/// What the status says of a session that VISA was told the end of.
fn judged(status: u16) -> Result<(), Unconfirmed> {
    let detail = || format!("the API server answered {status}");
    match status {
        // Of an instance that is not there any more there is no session.
        200..=299 | 404 | 410 => Ok(()),
        // Too slow, too early, too often: that may pass.
        400..=499 if !matches!(status, 408 | 425 | 429) => Err(Unconfirmed::Refused(detail())),
        _ => Err(Unconfirmed::NotNow(detail())),
    }
}

#[cfg(test)]
mod tests;
