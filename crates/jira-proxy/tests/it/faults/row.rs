//! One row: a fault, and what is to be seen of it.

use proxy_testkit::Script;

/// A body of ada's, who meets the fault. Bob asks after her.
pub(super) const ADAS: &str = "ada's own";
/// A whole answer with it.
pub(super) const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nada's own";
/// How the answer to the next request would begin.
pub(super) const ONE_TOO_MANY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nada's secret";

/// A fault of an upstream.
pub(super) struct Fault {
    /// The name of its tenant.
    pub(super) name: &'static str,
    /// What the upstream does, as operators read it.
    pub(super) says: &'static str,
    /// What ada asks for.
    pub(super) ask: Ask,
    /// Who answers.
    pub(super) upstream: Place,
    /// What it does, for each attempt that it is to see.
    pub(super) attempts: Vec<Script>,
    pub(super) sees: Sees,
    /// What the audit event says of the upstream's answer.
    pub(super) upstream_status: Option<u16>,
    pub(super) then: Then,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Get,
    Head,
    Post,
    /// POST of which most never comes.
    HalfPost,
}

/// Where a tenant's upstream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Scripted,
    /// Nobody listens.
    Refusing,
    /// Packets get lost.
    BlackHole,
}

/// What ada gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sees {
    /// An error of the proxy's own.
    Problem(u16, &'static str),
    /// A whole answer: its status and body.
    Whole(u16, &'static str),
    /// The beginning of an answer, or of nothing, and a reset; the body of which some may have come.
    Cut(&'static str),
}

/// Where bob's request, right after, goes. He gets his own whole answer in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Over the same connection.
    SameConnection,
    /// Over another; the first is closed.
    NewConnection,
    /// Over another, once the upstream has sent something late and the first is closed.
    NewConnectionOnceClosed,
    /// Nowhere: he meets the same fault.
    Nowhere,
}

/// A fault that meets a GET and costs the connection; what is seen of it has to be said.
pub(super) fn fault(name: &'static str, says: &'static str, script: Script) -> Fault {
    Fault {
        name,
        says,
        ask: Ask::Get,
        upstream: Place::Scripted,
        attempts: vec![script],
        sees: Sees::Whole(200, ADAS),
        upstream_status: Some(200),
        then: Then::NewConnection,
    }
}

impl Fault {
    /// Another request than GET.
    pub(super) fn asked(self, ask: Ask) -> Self {
        Self { ask, ..self }
    }

    /// The attempt after it meets this.
    pub(super) fn again(mut self, script: Script) -> Self {
        self.attempts.push(script);
        self
    }

    /// Ada gets a whole answer.
    pub(super) fn whole(self, status: u16, body: &'static str) -> Self {
        Self {
            sees: Sees::Whole(status, body),
            upstream_status: Some(status),
            ..self
        }
    }

    /// Ada gets a problem; there is no answer of the upstream's to speak of.
    pub(super) fn problem(self, status: u16, name: &'static str) -> Self {
        Self {
            sees: Sees::Problem(status, name),
            upstream_status: None,
            ..self
        }
    }

    /// It is no HTTP.
    pub(super) fn invalid(self) -> Self {
        self.problem(502, "upstream_invalid")
    }

    /// Its head could be read nevertheless, and had this status.
    pub(super) fn answered(self, status: u16) -> Self {
        Self {
            upstream_status: Some(status),
            ..self
        }
    }

    /// There was no answer.
    pub(super) fn unreachable(self) -> Self {
        self.problem(502, "upstream_unreachable")
    }

    /// There was none in time.
    pub(super) fn late(self) -> Self {
        self.problem(504, "upstream_timeout")
    }

    /// Ada gets a beginning and a reset.
    pub(super) fn cut(self, body: &'static str) -> Self {
        Self {
            sees: Sees::Cut(body),
            ..self
        }
    }

    /// The connection serves on.
    pub(super) fn kept(self) -> Self {
        self.then(Then::SameConnection)
    }

    pub(super) fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    /// The upstream is somewhere else.
    pub(super) fn at(self, upstream: Place) -> Self {
        Self {
            upstream,
            attempts: Vec::new(),
            then: Then::Nowhere,
            ..self
        }
    }
}
