//! The one account that a demo upstream knows: a proxy's, with a password that nobody else learns.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::{Engine, engine::general_purpose::STANDARD};

#[derive(Clone)]
pub(crate) struct Account {
    /// The name, as printed.
    pub(crate) name: &'static str,
    /// Thrown at every start.
    pub(crate) password: String,
}

pub(crate) enum Caller {
    Account,
    Anonymous,
    Unknown,
}

impl Account {
    /// By Basic credentials, the only kind there is.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Caller {
        let Some(value) = headers.get(AUTHORIZATION) else {
            return Caller::Anonymous;
        };
        let expected = format!("Basic {}", STANDARD.encode(format!("{}:{}", self.name, self.password)));
        if value.as_bytes() == expected.as_bytes() {
            Caller::Account
        } else {
            Caller::Unknown
        }
    }
}
