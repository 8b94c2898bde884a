//! Who calls, and where is the instance that they ask for? Both are one question where VISA answers it.
//!
//! **Invariant**: nobody is told the place of an instance that is not theirs; an instance that is not is not to be told from one
//! that is not there.

use std::{collections::HashMap, sync::Arc};

use actix_http::RequestHead;
use anyhow::Context as _;
use async_trait::async_trait;
use percent_encoding::percent_decode_str;
use tokio::time::Instant;

use super::{
    api::{InstanceApi, KIND},
    config::{InstancesConfig, ListedConfig},
    is_id,
    places::{Place, Places},
};
use crate::{
    access::Access,
    auth::{
        Authenticator, Authenticators, CacheState, GAFAELFAWR, GATEWAY, Identity, Outcome, Presented, RETRY_AFTER,
        Required, presented_as_bearer,
    },
    client::PlatformClient,
    error::{ProxyError, Reason},
    telemetry::{IdentityMetrics, Metrics, Record},
};

/// The cookie that VISA's pages keep the token in.
pub const COOKIE: &str = "access_token";

/// Who says where an instance is, and whose.
pub enum Directory {
    /// VISA.
    Visa(Arc<InstanceApi>),
    /// The configuration.
    Static(HashMap<String, (Place, Access)>),
}

impl Directory {
    /// The one that `config` describes; `listed` is for the second kind.
    ///
    /// # Errors
    /// A listed address that may not be connected to.
    pub fn new(
        config: &InstancesConfig,
        listed: &[ListedConfig],
        places: Places,
        metrics: &Metrics,
    ) -> anyhow::Result<Self> {
        if let InstancesConfig::Visa { api, refresh } = config {
            return Ok(Self::Visa(Arc::new(InstanceApi::new(api, *refresh, places, metrics))));
        }
        let listed = listed.iter().map(|ListedConfig { id, address, access }| {
            let place = places.place(*address, id);
            let place = place.with_context(|| format!("{address} is outside of upstream.allow_networks"))?;
            Ok((id.clone(), (place, access.clone())))
        });
        Ok(Self::Static(listed.collect::<anyhow::Result<_>>()?))
    }
}

/// The instance's id in a target, path and query.
pub type FindId = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Everybody who may call one tenant.
pub struct Callers {
    directory: Directory,
    pub(super) schemes: Option<Authenticators>,
    find_id: Box<FindId>,
    counters: IdentityMetrics,
}

/// A caller who may use the instance that they ask for.
pub struct Visit<'h> {
    /// Who.
    pub identity: Identity,
    /// Whether that was known.
    pub cache: CacheState,
    /// Where the instance is.
    pub place: Place,
    /// When that was asked.
    pub asked: Instant,
    /// What they came with, if that is what proves them.
    pub token: Option<Presented<'h>>,
}

impl Callers {
    /// Those whom `directory` knows, and before that `schemes`, if there are any.
    #[must_use]
    pub fn new(
        directory: Directory,
        schemes: Option<Authenticators>,
        find_id: Box<FindId>,
        metrics: &Metrics,
    ) -> Arc<Self> {
        Arc::new(Self {
            directory,
            schemes,
            find_id,
            counters: metrics.identity(KIND),
        })
    }

    /// Who says where an instance is.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// An instance that does not answer where it is said to be may have moved: the next request asks anew.
    pub async fn doubt(&self, visit: &Visit<'_>, id: &str) {
        if let (Directory::Visa(api), Some(token)) = (&self.directory, &visit.token) {
            api.doubt(token.token(), id).await;
        }
    }

    /// Who calls, and where the instance `id` is. `record` hears of a caller as soon as one is known.
    ///
    /// # Errors
    /// Nobody that is known, or nobody who may go there.
    pub async fn visit<'h>(
        &self,
        head: &'h RequestHead,
        id: &str,
        client: &PlatformClient,
        record: &Record,
    ) -> Result<Visit<'h>, ProxyError> {
        let visit = self.look(head, id, client, Some(record)).await;
        let counter = match &visit {
            Ok(_) => &self.counters.authenticated,
            Err(ProxyError::CannotDecide { .. }) => &self.counters.unavailable,
            Err(_) => &self.counters.rejected,
        };
        counter.inc();
        if let Ok(visit) = &visit {
            record.identity(&visit.identity, visit.cache);
        }
        visit
    }

    pub(super) async fn look<'h>(
        &self,
        head: &'h RequestHead,
        id: &str,
        client: &PlatformClient,
        record: Option<&Record>,
    ) -> Result<Visit<'h>, ProxyError> {
        let token = Presented::bearer_or_cookie(head, COOKIE).map_err(ProxyError::Rejected)?;
        let known = self.known(head, token.as_ref(), client, record).await?;
        let (identity, cache, place, asked) = match (&self.directory, known, &token) {
            (Directory::Visa(_), _, None) | (Directory::Static(_), None, _) => return Err(ProxyError::Unauthenticated),
            (Directory::Static(listed), Some((identity, cache)), _) => {
                let place = self::listed(listed, id, &identity)?.clone();
                (identity, cache, place, Instant::now())
            }
            (Directory::Visa(api), known, Some(token)) => {
                let (found, cache) = api.find(token.token(), id, client).await?;
                let identity = known.map_or_else(|| found.identity(token.by_cookie).clone(), |(identity, _)| identity);
                (identity, cache, found.place, found.asked)
            }
        };
        Ok(Visit {
            token: proof(head, &identity, token)?,
            identity,
            cache,
            place,
            asked,
        })
    }

    /// The caller by `[[identity]]`, whatever instance is asked for.
    async fn known(
        &self,
        head: &RequestHead,
        token: Option<&Presented<'_>>,
        client: &PlatformClient,
        record: Option<&Record>,
    ) -> Result<Option<(Identity, CacheState)>, ProxyError> {
        let Some(schemes) = &self.schemes else {
            return Ok(None);
        };
        let presented = presented_as_bearer(head, token.map(Presented::token));
        let known = schemes.authenticate(&presented, client).await?;
        if let Some(record) = record {
            record.identity(known.identity(), known.cache());
        }
        let cache = known.cache();
        let identity = known.admitted()?;
        let by_cookie = token.is_some_and(|token| token.by_cookie) && !identity.by_cookie();
        Ok(Some((
            if by_cookie { identity.through_cookie() } else { identity },
            cache,
        )))
    }

    /// The instance that a page of ours is asked about: `?instance=42`, or `?path=/jupyter/42/lab`.
    fn instance_of(&self, head: &RequestHead) -> Option<String> {
        let parameters = head
            .uri
            .query()?
            .split('&')
            .filter_map(|parameter| parameter.split_once('='));
        let decoded = parameters.map(|(name, value)| (name, percent_decode_str(value).decode_utf8_lossy()));
        let mut ids = decoded.filter_map(|(name, value)| match name {
            "instance" => Some(value.into_owned()).filter(|id| is_id(id)),
            "path" => (self.find_id)(&value),
            _ => None,
        });
        ids.next()
    }
}

/// For the pages below `-/`: requests for instances go another way, as they need the place too.
pub struct Pages(Arc<Callers>, Required);

impl Pages {
    /// An authenticator of these callers.
    #[must_use]
    pub fn of(callers: &Arc<Callers>) -> Box<Self> {
        Box::new(Self(callers.clone(), Required::default()))
    }
}

#[async_trait(?Send)]
impl Authenticator for Pages {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn authenticate(&self, head: &RequestHead, client: &PlatformClient) -> Outcome {
        let callers = &self.0;
        let caller = match (&callers.directory, callers.instance_of(head)) {
            (Directory::Visa(_), Some(id)) => callers
                .look(head, &id, client, None)
                .await
                .map(|visit| (visit.identity, visit.cache)),
            (Directory::Visa(_), None) => Err(ProxyError::Rejected(Reason::Unacceptable(
                "people are known here by their instances: add `?instance=` and the id of one of yours".into(),
            ))),
            (Directory::Static(_), _) => match Presented::bearer_or_cookie(head, COOKIE) {
                Ok(token) => callers
                    .known(head, token.as_ref(), client, None)
                    .await
                    .and_then(|known| known.ok_or(ProxyError::Unauthenticated)),
                Err(reason) => Err(ProxyError::Rejected(reason)),
            },
        };
        match caller {
            Ok((identity, cache)) => Outcome::Authenticated(identity, cache),
            Err(ProxyError::Unauthenticated) => Outcome::NotPresent,
            Err(ProxyError::Rejected(reason)) => Outcome::Rejected(reason),
            Err(ProxyError::CannotDecide { retry_after, .. }) => Outcome::Unavailable { retry_after },
            Err(error) if error.problem().status >= 500 => Outcome::Unavailable {
                retry_after: RETRY_AFTER,
            },
            Err(error) => Outcome::Rejected(Reason::Unacceptable(error.to_string().into())),
        }
    }

    fn required(&self) -> &Required {
        &self.1
    }
}

/// What of all that came along proves `identity`.
fn proof<'h>(
    head: &'h RequestHead,
    identity: &Identity,
    token: Option<Presented<'h>>,
) -> Result<Option<Presented<'h>>, ProxyError> {
    Ok(match identity.kind() {
        GATEWAY => None, // whom the network proves, no token does
        GAFAELFAWR => Presented::delegated(head).map_err(ProxyError::Rejected)?.or(token),
        _ => token,
    })
}

/// Where the listed instance `id` is, for `identity`.
pub(super) fn listed<'l>(
    listed: &'l HashMap<String, (Place, Access)>,
    id: &str,
    identity: &Identity,
) -> Result<&'l Place, ProxyError> {
    let listed = listed.get(id).filter(|(_, access)| access.admits(Some(identity)));
    listed.map(|(place, _)| place).ok_or_else(missing)
}

pub(super) fn missing() -> ProxyError {
    ProxyError::NotFound("there is no such instance, or it is not yours to use".into())
}
