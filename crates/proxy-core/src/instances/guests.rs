//! May they still? Of whoever is at an instance already, by a tunnel, everything is asked again that was asked when they came.
//!
//! **Invariant**: nobody is sent away by a platform that does not answer; and a token keeps nobody but whom it proved before,
//! whichever `[[identity]]` decides about it now.

use std::net::IpAddr;

use actix_http::RequestHead;

use super::{
    callers::{Callers, Directory, Visit, listed},
    places::Place,
};
use crate::{
    auth::{Identity, presented_as_bearer},
    client::PlatformClient,
    error::ProxyError,
    staying::Standing,
};

/// Whoever is at an instance, as it was when they came.
#[derive(Clone, Debug)]
pub struct Guest {
    user: String,
    id: String,
    place: Place,
}

impl Visit<'_> {
    /// Where they stay, as of [`crate::staying`]: at the instance `id`, as long as that is where it is.
    #[must_use]
    pub fn thing(&self, id: &str) -> String {
        format!("{id} at {}", self.place.address)
    }

    /// Who is at the instance `id` by this visit.
    #[must_use]
    pub fn guest(&self, id: &str) -> Guest {
        Guest {
            user: self.identity.subject().to_owned(),
            id: id.to_owned(),
            place: self.place.clone(),
        }
    }
}

impl Callers {
    /// Whether `guest` may stay by `token`, which has let them in or is fresher. `admit` is what the tenant asks of everybody.
    pub async fn standing(
        &self,
        token: &str,
        guest: &Guest,
        admit: impl Fn(&Identity) -> Result<(), ProxyError>,
        client: &PlatformClient,
    ) -> Standing {
        let known = self.known_again(token, client).await;
        let who = match &known {
            Ok(None) => Standing::Accepted, // whom the directory knows
            Ok(Some(identity)) if identity.subject() != guest.user => Standing::Rejected,
            Ok(Some(identity)) => admit(identity).map_or_else(|error| verdict(&error), |()| Standing::Accepted),
            Err(error) => verdict(error),
        };
        let place = match (self.directory(), who, known) {
            (_, Standing::Rejected | Standing::Withdrawn(_), _) => return who,
            // It is asked though nobody says who that is: that keeps the instance alive.
            (Directory::Visa(api), ..) => {
                let found = api.find_again(token, &guest.id, client).await;
                found.map(|found| found.place.address).map_err(ProxyError::from)
            }
            (Directory::Static(all), _, Ok(Some(identity))) => {
                listed(all, &guest.id, &identity).map(|place| place.address)
            }
            (Directory::Static(_), ..) => return Standing::Unknown,
        };
        match at(&guest.place, place) {
            Standing::Accepted => who,
            standing => standing,
        }
    }

    /// Who has `token`, by `[[identity]]` and with all that the deciding entry requires. `None`: there is no entry.
    async fn known_again(&self, token: &str, client: &PlatformClient) -> Result<Option<Identity>, ProxyError> {
        let Some(schemes) = &self.schemes else {
            return Ok(None);
        };
        let head = presented_as_bearer(&RequestHead::default(), Some(token));
        schemes.authenticate(&head, client).await?.admitted().map(Some)
    }
}

fn at(place: &Place, found: Result<IpAddr, ProxyError>) -> Standing {
    match found {
        Ok(address) if address != place.address => Standing::Withdrawn("the instance has another address now"),
        Ok(_) => Standing::Accepted,
        Err(error) => verdict(&error),
    }
}

fn verdict(error: &ProxyError) -> Standing {
    match error {
        // It may be on its way down, or up again: the token is good.
        ProxyError::NotRunning(_) | ProxyError::NoAddress { .. } => Standing::Accepted,
        ProxyError::Rejected(_) | ProxyError::Unauthenticated => Standing::Rejected,
        ProxyError::InsufficientScope { .. } | ProxyError::InsufficientGroup { .. } => {
            Standing::Withdrawn("you have not all scopes and groups any more that are required")
        }
        // Where it is now may not be connected to.
        ProxyError::Unreachable { .. } => Standing::Withdrawn("the instance has another address now"),
        error if error.problem().status >= 500 => Standing::Unknown,
        _ => Standing::Withdrawn("the instance is not yours to use any more"),
    }
}

#[cfg(test)]
mod tests;
