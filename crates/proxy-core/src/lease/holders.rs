//! Who comes with a lease: how one is presented, and who is let in by it.

use std::{sync::Arc, time::SystemTime};

use actix_http::{RequestHead, header::AUTHORIZATION};
use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::zeroize::Zeroizing;

use super::{KIND, Leases, PREFIX};
use crate::{
    auth::{Authenticator, CacheState, Identity, Outcome, Required},
    client::PlatformClient,
    error::Reason,
};

/// A lease, and the user who is named beside it, if one is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Presented {
    pub(super) lease: Zeroizing<String>,
    user: Option<String>,
}

/// The lease that a request presents, good or not: by `Bearer` or `Token`, or in either field of `Basic`, whatever the other
/// one looks like.
pub(super) fn presented(head: &RequestHead) -> Option<Presented> {
    let mut sent = head.headers.get_all(AUTHORIZATION);
    let (Some(value), None) = (sent.next(), sent.next()) else {
        return None; // none, or two: other schemes tell
    };
    let (scheme, sent) = value.to_str().ok()?.split_once(' ')?;
    let text = match scheme.eq_ignore_ascii_case("basic") {
        true => String::from_utf8(STANDARD.decode(sent).ok()?).ok()?,
        false => sent.to_owned(),
    };
    let text = Zeroizing::new(text);
    let (user, password) = text.split_once(':').unwrap_or(("", &text));
    let (lease, user) = match (password.starts_with(PREFIX), user.starts_with(PREFIX)) {
        (true, _) => (password, Some(user).filter(|user| !user.is_empty())),
        (false, true) => (user, None),
        (false, false) => return None,
    };
    Some(Presented {
        lease: Zeroizing::new(lease.to_owned()),
        user: user.map(ToOwned::to_owned),
    })
}

/// Lets in whoever comes with a lease, or nobody who does: a lease is for what it was issued for and is shown to no platform.
pub struct LeaseHolders {
    leases: Option<Arc<Leases>>,
    required: Required,
}

impl LeaseHolders {
    /// Asks nothing more of holders: they were asked when the lease was issued.
    #[must_use]
    pub fn admitted(leases: &Arc<Leases>) -> Self {
        Self {
            leases: Some(leases.clone()),
            required: Required::default(),
        }
    }

    /// For what no lease is issued for.
    #[must_use]
    pub fn refused() -> Self {
        Self {
            leases: None,
            required: Required::default(),
        }
    }
}

#[async_trait(?Send)]
impl Authenticator for LeaseHolders {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn authenticate(&self, head: &RequestHead, _client: &PlatformClient) -> Outcome {
        let Some(Presented { lease, user }) = presented(head) else {
            return Outcome::NotPresent;
        };
        let holder = match &self.leases {
            Some(leases) => leases
                .verify(&lease, SystemTime::now())
                .and_then(|holder| named(holder, user)),
            None => Err(Reason::Unacceptable(
                "a lease is not good for this: send your platform token".into(),
            )),
        };
        match holder {
            Ok(identity) => Outcome::Authenticated(identity, CacheState::None),
            Err(reason) => Outcome::Rejected(reason),
        }
    }

    fn required(&self) -> &Required {
        &self.required
    }
}

/// Whoever is named beside a lease has to be its holder.
fn named(holder: Identity, user: Option<String>) -> Result<Identity, Reason> {
    match user.is_none_or(|user| user == holder.user()) {
        true => Ok(holder),
        false => Err(Reason::Unacceptable(
            "it was issued to another user than the one beside it".into(),
        )),
    }
}
