//! Asks an upstream for a tunnel, and judges what it answers.

use actix_http::RequestHead;
use http::{HeaderName, response::Parts};
use tokio::time::Instant;

use super::{Exchange, Forwarder, Sending, Step, answer, failure::failed, outgoing, upload::Upload};
use crate::{
    credential::Credential,
    error::ProxyError,
    limits::{Slot, TunnelPlace},
    policy::Permit,
    transport::Switched,
    tunnel::{
        Tunnel, Upgrade,
        handshake::{self, Asked},
    },
    upstream::Upstream,
};

/// A tunnel that there may be: what asks for it is a handshake, and it has its place. Whatever begins with a tunnel begins after this.
#[must_use = "dropping it gives the place back"]
pub struct Opening {
    asked: Asked,
    place: TunnelPlace,
    slot: Slot,
}

impl Opening {
    /// Takes a place for the tunnel that `head` asks for.
    ///
    /// # Errors
    /// A handshake that is none, or one tunnel too many.
    pub fn new(head: &RequestHead, slot: Slot) -> Result<Self, ProxyError> {
        Ok(Self {
            asked: Asked::of(head)?,
            place: slot.tunnel()?, // may they have one more?
            slot,
        })
    }
}

impl Forwarder {
    /// Asks the upstream for the protocol that `exchange.head` asks for, on a connection of its own. The opening's slot is
    /// given back once there is a tunnel: these have a limit of their own.
    ///
    /// # Errors
    /// What [`Forwarder::forward`] may fail with; a 101 that does not answer the handshake. A redirect that would have to be
    /// followed is refused.
    pub async fn tunnel(
        &self,
        permit: Permit,
        credential: Credential,
        exchange: &Exchange<'_>,
        opening: Opening,
    ) -> Result<Upgrade, ProxyError> {
        let Opening { asked, place, slot } = opening;
        let sending = Sending {
            permit,
            credential,
            hops: 0,
            renewed: true, // never asked twice
            whole: true,
        };
        match self.ask(&sending, exchange).await? {
            Switched::Raw(parts, upstream, early) => {
                check(&asked, &parts, exchange.upstream)?;
                let head = handshake::answer(&parts.headers, exchange.record.request_id());
                Ok(Upgrade::Accepted(Tunnel::new(upstream, head, early, place)))
            }
            Switched::Answer(response) => {
                answer::check(&response, exchange.upstream)?;
                match self.step(&response, &sending, exchange) {
                    Step::Answer | Step::Whole => self
                        .respond(response, &sending.credential, exchange, slot)
                        .map(Upgrade::Answered),
                    Step::NotEnough => Err(answer::not_enough(exchange.upstream)),
                    Step::Rejected => Err(ProxyError::UpstreamCredentialRejected {
                        upstream: exchange.upstream.name.clone(),
                    }),
                    Step::Redirect => {
                        let detail = "a handshake is not sent elsewhere".to_owned();
                        Err(answer::refused(exchange.upstream, detail))
                    }
                }
            }
        }
    }

    /// The request, and what comes back, within the time that an answer's head may take.
    async fn ask(&self, sending: &Sending, exchange: &Exchange<'_>) -> Result<Switched, ProxyError> {
        let upstream = exchange.upstream;
        let generation = sending.credential.generation();
        let subject = exchange.identity.subject();
        let pool = self.transport.pool(&self.tenant, upstream, generation, subject);
        let mut request = outgoing::request(&self.kind, sending, exchange, Upload::default())?;
        handshake::ask(request.headers_mut(), &exchange.head.headers);
        let started = Instant::now();
        let switched = pool.switch(request, started + upstream.timeouts.response).await;
        self.metrics.upstream_seconds.observe(started.elapsed().as_secs_f64());
        let switched = switched.map_err(|error| failed(error, upstream))?;
        exchange.record.upstream_status(match &switched {
            Switched::Raw(parts, ..) => parts.status.as_u16(),
            Switched::Answer(response) => response.status().as_u16(),
        });
        Ok(switched)
    }
}

fn check(asked: &Asked, parts: &Parts, upstream: &Upstream) -> Result<(), ProxyError> {
    answer::check_size(&parts.headers, upstream)?;
    match asked.flaw(parts) {
        None => Ok(()),
        Some(reason) => {
            let names: Vec<&str> = parts.headers.keys().map(HeaderName::as_str).collect();
            Err(ProxyError::Invalid {
                upstream: upstream.name.clone(),
                reason,
                detail: names.join(", "), // values may be secrets of either side
            })
        }
    }
}
