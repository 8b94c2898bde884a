//! Why no answer came, and what that means to the caller.

use std::{error::Error, io, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;

use super::upload::{Fault, Upload};
use crate::{error::ProxyError, transport::Pool, upstream::Upstream};

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

pub(super) async fn request_within(
    pool: &Pool,
    request: Request<Upload>,
    limit: Duration,
    upstream: &Upstream,
) -> Result<Response<Incoming>, Failure> {
    let name = || upstream.name.clone();
    let error = match tokio::time::timeout(limit, pool.request(request)).await {
        Err(_) => return Err(Failure::Timeout(name())),
        Ok(Ok(response)) => return Ok(response),
        Ok(Err(error)) => error,
    };
    let detail = chain(&error);
    if error.is_connect() {
        let slow = source::<io::Error>(&error).is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
        return Err(if slow {
            Failure::Timeout(name())
        } else {
            Failure::Connect(name(), detail)
        });
    }
    let inner = source::<hyper::Error>(&error);
    if inner.is_some_and(|error| error.is_parse() || error.is_parse_status()) {
        return Err(Failure::Protocol(name(), detail));
    }
    Err(Failure::Died(ProxyError::Unreachable {
        upstream: name(),
        detail,
    }))
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

fn source<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
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
