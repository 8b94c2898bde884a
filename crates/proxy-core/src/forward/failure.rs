//! Why no answer came, and what that means to the caller.

use std::{error::Error, rc::Rc};

use http::{Request, Response};
use tokio::time::Instant;

use super::upload::{Fault, Upload};
use crate::{
    error::ProxyError,
    transport::{AnswerBody, Pool, SendError},
    upstream::Upstream,
};

/// Why no response head came.
pub(super) enum Failure {
    Timeout(String),
    Connect(String, String),
    /// The connection ended before the head: worth another try where nothing can have happened twice.
    Died(ProxyError),
    Protocol(String, String),
}

impl From<Failure> for ProxyError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Timeout(upstream) => Self::Timeout { upstream },
            Failure::Connect(upstream, detail) => Self::Unreachable { upstream, detail },
            Failure::Died(error) => error,
            Failure::Protocol(upstream, detail) => Self::Invalid {
                upstream,
                reason: "it is not HTTP as the standard has it",
                detail,
            },
        }
    }
}

/// One request on one connection, `fresh` or not, and the head of its answer.
pub(super) async fn request_until(
    deadline: Instant,
    pool: &Rc<Pool>,
    request: Request<Upload>,
    fresh: bool,
    upstream: &Upstream,
) -> Result<Response<AnswerBody>, Failure> {
    let sent = pool.send(request, fresh, deadline).await;
    sent.map_err(|error| failed(error, upstream))
}

/// What became of a request without an answer.
pub(super) fn failed(error: SendError, upstream: &Upstream) -> Failure {
    let name = || upstream.name.clone();
    match error {
        SendError::Timeout => Failure::Timeout(name()),
        SendError::Connect(error) => Failure::Connect(name(), chain(error.as_ref())),
        SendError::Exchange(error) if error.is_parse() || error.is_parse_status() => {
            Failure::Protocol(name(), chain(&error))
        }
        SendError::Exchange(error) => Failure::Died(ProxyError::Unreachable {
            upstream: name(),
            detail: chain(&error),
        }),
    }
}

/// The message of an error and of all that caused it: for the log alone.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Fault {
    pub(super) fn into_error(self, upstream: &Upstream) -> ProxyError {
        match self {
            Self::TooLarge => ProxyError::TooLarge {
                limit: upstream.max_request_body,
            },
            Self::TooSlow => ProxyError::TooSlow,
            Self::Broken => ProxyError::BadRequest("the body of the request is malformed or was cut off".into()),
        }
    }
}
