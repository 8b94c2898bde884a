//! The path of one request to an instance: which route, who calls and where their instance is, and only then the instance.

use std::{sync::Arc, time::SystemTime};

use actix_http::{Payload, RequestHead};
use actix_web::{HttpResponse, http::Method};
use proxy_core::{
    auth::{Authenticators, Identity, Presented},
    client::PlatformClient,
    credential::{Credential, NoCredential},
    duties::Held,
    entrance::Entrance,
    error::ProxyError,
    forward::{self, Exchange, Forwarder, Opening},
    headers::visible::Visible,
    instances::{COOKIE, Session, Visit},
    policy::{Permit, Verdict},
    realm::Realm,
    rewrite::Rewritten,
    service::Clients,
    site::Site,
    target::Target,
    telemetry::{Decision, Record},
    tunnel::{Close, Tunnel, Upgrade, check_origin},
    upstream::Upstream,
};
use serde_json::{Map, Value};

use crate::{
    KIND, Shared,
    routes::{Asked, NOT_FOUND, Route, Type},
};

/// Parameters of a query that hold the platform's token. `token` is Jupyter's own.
const HIDDEN_PARAMETERS: &[&str] = &["access_token"];

/// One tenant, of one worker.
pub(crate) struct Instances {
    entrance: Entrance,
    platform: PlatformClient,
    forwarder: Forwarder,
    shared: Arc<Shared>,
}

/// A request that may be sent, and all that belongs to it.
struct Passage<'h> {
    asked: Asked<'h>,
    visit: Visit<'h>,
    rewritten: Rewritten,
    permit: Permit,
}

impl Instances {
    /// One tenant, with a worker's clients.
    pub(crate) fn new(shared: &Arc<Shared>, realm: &Arc<Realm>, pages: &Authenticators, clients: &Clients) -> Self {
        Self {
            entrance: Entrance::new(pages, realm, clients),
            platform: clients.platform.clone(),
            forwarder: Forwarder::new(clients.upstream.clone(), KIND, realm.metrics().clone()),
            shared: shared.clone(),
        }
    }

    fn route(&self, asked: &Asked<'_>) -> &Route {
        &self.shared.routes.0[asked.route]
    }

    /// Which route, which instance?
    fn asked<'h>(&self, record: &Record, head: &'h RequestHead) -> Result<Asked<'h>, ProxyError> {
        record.tenant(self.entrance.realm().metrics());
        let target = head.uri.path_and_query().map_or("", |target| target.as_str());
        let asked = self.shared.routes.find(target);
        let asked = asked.ok_or_else(|| ProxyError::NotFound(NOT_FOUND.into()))?;
        record.route(self.route(&asked).name.clone());
        record.detail("instance", asked.id);
        Ok(asked)
    }

    /// Everything up to the permit; nothing is sent before.
    async fn pass<'h>(
        &self,
        record: &Record,
        head: &'h RequestHead,
        asked: Asked<'h>,
    ) -> Result<Passage<'h>, ProxyError> {
        let visit = self.visit(record, head, &asked).await?; // who calls, and where is it?
        let rewritten = self.route(&asked).rewrite(&asked);
        let target = Target::rewritten(self.upstream(&asked, &visit)?, &rewritten.target, HIDDEN_PARAMETERS)?; // asking exactly what?
        let permit = self.authorize(record, &asked, &visit.identity, &head.method, target)?; // may they?
        Ok(Passage {
            asked,
            visit,
            rewritten,
            permit,
        })
    }

    async fn visit<'h>(
        &self,
        record: &Record,
        head: &'h RequestHead,
        asked: &Asked<'_>,
    ) -> Result<Visit<'h>, ProxyError> {
        let visit = self
            .shared
            .callers
            .visit(head, asked.id, &self.platform, record)
            .await?;
        self.entrance.admit(record, &visit.identity)?;
        if let Some(token) = &visit.token {
            let thing = || visit.thing(asked.id);
            self.shared.stays.note(visit.identity.subject(), thing, token.token());
        }
        Ok(visit)
    }

    fn upstream<'v>(&self, asked: &Asked<'_>, visit: &'v Visit<'_>) -> Result<&'v Upstream, ProxyError> {
        visit.place.upstream(asked.route).ok_or_else(|| ProxyError::Internal {
            detail: "a route without an upstream".to_owned(),
        })
    }

    fn authorize(
        &self,
        record: &Record,
        asked: &Asked<'_>,
        identity: &Identity,
        method: &Method,
        target: Target,
    ) -> Result<Permit, ProxyError> {
        let permit = self.route(asked).policy.authorize(identity, method, target);
        match &permit {
            Ok(permit) => record.decision(Decision::Allowed, Some(permit.rule().clone())),
            Err(error) => {
                record.decision(Decision::Denied(error.problem().name), Some("default".into()));
                self.entrance.realm().metrics().denied("default");
            }
        }
        permit
    }

    fn exchange<'p>(
        &'p self,
        record: &'p Record,
        head: &'p RequestHead,
        (asked, visit): (&Asked<'p>, &'p Visit<'_>),
        rewritten: &'p Rewritten,
    ) -> Result<Exchange<'p>, ProxyError> {
        let realm = self.entrance.realm();
        Ok(Exchange {
            identity: &visit.identity,
            upstream: self.upstream(asked, visit)?,
            head,
            credentials: &NoCredential,
            public_base: realm.public_url(head, &rewritten.replaced),
            visible: Some(Visible {
                hidden_cookies: &self.shared.hidden_cookies,
                hidden_headers: &self.shared.hidden_headers,
                mount: asked.mount,
                replaced: (&rewritten.replaced, &rewritten.by),
                from: realm.forwarded_for(head),
            }),
            record,
        })
    }
}

impl Instances {
    /// An instance that cannot be reached may have moved: the next request asks anew where it is.
    async fn doubt<T>(&self, asked: &Asked<'_>, visit: &Visit<'_>, sent: &Result<T, ProxyError>) {
        if let Err(ProxyError::Unreachable { .. } | ProxyError::Timeout { .. }) = sent {
            self.shared.callers.doubt(visit, asked.id).await;
        }
    }

    /// A kernel's socket is a session that VISA hears of, whatever the path in front of it is called here or there.
    async fn begin_session(
        &self,
        asked: &Asked<'_>,
        visit: &Visit<'_>,
        sent: &str,
    ) -> Result<Option<Held>, ProxyError> {
        let (Some(sessions), Some(token)) = (&self.shared.sessions, &visit.token) else {
            return Ok(None);
        };
        let session = Session::of(asked.target, asked.id).or_else(|| Session::of(sent, asked.id));
        match session.filter(|_| self.route(asked).kind == Type::Jupyter) {
            Some(session) => sessions.open(session, token.token(), &self.platform).await.map(Some),
            None => Ok(None),
        }
    }

    /// A tunnel that ends when its user may not use the instance any more, or that is another one.
    fn kept(&self, tunnel: Tunnel, asked: &Asked<'_>, visit: &Visit<'_>) -> Tunnel {
        let Some(token) = &visit.token else {
            // Who has no token of their own is known by those who stand in front: as long as these say.
            return match visit.identity.expires() {
                Some(end) => tunnel.until(over(end)),
                None => tunnel,
            };
        };
        let (user, thing) = (visit.identity.subject(), visit.thing(asked.id));
        let stay = self.shared.stays.begin(user, &thing, token.token(), visit.asked);
        let (shared, platform, realm) = (
            self.shared.clone(),
            self.platform.clone(),
            self.entrance.realm().clone(),
        );
        let guest = visit.guest(asked.id);
        tunnel.until(async move {
            let admit = |identity: &Identity| realm.admit(identity);
            let ask = async |token: &str| shared.callers.standing(token, &guest, admit, &platform).await;
            Close::policy(stay.over(ask).await)
        })
    }
}

/// Resolves when a sign-in has ended.
async fn over(end: SystemTime) -> Close {
    tokio::time::sleep(end.duration_since(SystemTime::now()).unwrap_or_default()).await;
    Close::policy("the sign-in has ended")
}

impl Site for Instances {
    fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    async fn handle(&self, record: &Record, head: &RequestHead, body: Payload) -> Result<HttpResponse, ProxyError> {
        let Passage {
            asked,
            visit,
            rewritten,
            permit,
        } = self.pass(record, head, self.asked(record, head)?).await?;
        let slot = self.entrance.realm().limits().enter(visit.identity.subject()).await?; // may they now?
        let exchange = self.exchange(record, head, (&asked, &visit), &rewritten)?;
        let never = |_| Err(ProxyError::NotFound(NOT_FOUND.into())); // redirects are the caller's to follow
        let sent = self
            .forwarder
            .forward(permit, Credential::none(), &exchange, body, slot, never)
            .await;
        self.doubt(&asked, &visit, &sent).await;
        sent
    }

    async fn upgrade(&self, record: &Record, head: &RequestHead) -> Result<Upgrade, ProxyError> {
        let asked = self.asked(record, head)?;
        if !self.route(&asked).upgrades {
            return Err(ProxyError::NotFound("this route takes no WebSockets".into()));
        }
        let own_page = || check_origin(head, &self.shared.allowed_origins); // is it their own page that asks?
        if Presented::is_in_cookie(head, COOKIE) {
            own_page()?; // a foreign page does not even make us ask about the cookie
        }
        let Passage {
            asked,
            visit,
            rewritten,
            permit,
        } = self.pass(record, head, asked).await?;
        if visit.identity.by_cookie() {
            own_page()?;
        }
        let slot = self.entrance.realm().limits().enter(visit.identity.subject()).await?; // may they now?
        let opening = Opening::new(head, slot)?; // and have one more?
        let session = self.begin_session(&asked, &visit, &rewritten.target).await?;
        let exchange = self.exchange(record, head, (&asked, &visit), &rewritten)?;
        let sent = self
            .forwarder
            .tunnel(permit, Credential::none(), &exchange, opening)
            .await;
        self.doubt(&asked, &visit, &sent).await;
        Ok(match sent? {
            Upgrade::Accepted(tunnel) => Upgrade::Accepted(self.kept(tunnel, &asked, &visit).holding(session)),
            answered => answered,
        })
    }

    async fn preview(&self, record: &Record, head: &RequestHead) -> Result<(), ProxyError> {
        let Passage { asked, visit, .. } = self.pass(record, head, self.asked(record, head)?).await?;
        forward::admit_body(head, self.upstream(&asked, &visit)?, &KIND)
    }

    fn explain(&self, _identity: &Identity, _method: &Method, target: &str) -> Result<Verdict, ProxyError> {
        let asked = self.shared.routes.find(target);
        Ok(asked.map_or(Verdict::Unknown, |asked| {
            Verdict::Allowed(self.route(&asked).name.clone())
        }))
    }

    fn policy_table(&self) -> String {
        self.shared.routes.table()
    }

    fn operations(&self) -> Map<String, Value> {
        Map::new() // what there is, the instance knows
    }
}
