//! Who is calling, once proven.

use std::{sync::Arc, time::SystemTime};

use crate::error::Reason;

/// Longest user name, group or scope that is believed, in bytes.
const MAX_NAME: usize = 256;
/// Most groups, and most scopes, that one identity may have.
const MAX_NAMES: usize = 2_000;

/// What an authenticator has learned of a caller.
#[derive(Clone, Debug)]
pub struct Claims {
    /// The name that logs, limits and upstreams know the caller by.
    pub user: String,
    /// Groups, as the platform writes them.
    pub groups: Vec<String>,
    /// Scopes, as the platform writes them.
    pub scopes: Vec<String>,
    /// The authenticator's kind.
    pub kind: &'static str,
    /// When the credential ends.
    pub expires: Option<SystemTime>,
    /// Whether a cookie proved it: such requests need a check of their origin.
    pub by_cookie: bool,
}

/// A proven caller. Cheap to clone; made by authenticators alone.
#[derive(Clone, Debug)]
pub struct Identity(Arc<Proven>);

#[derive(Debug)]
struct Proven {
    claims: Claims,
    subject: String,
}

impl Identity {
    /// Takes what an authenticator has proven.
    ///
    /// # Errors
    /// A name that is empty, longer than 256 bytes or holds a control character, or over 2 000 groups or scopes.
    pub fn proven(claims: Claims) -> Result<Self, Reason> {
        let names = || claims.groups.iter().chain(&claims.scopes).chain([&claims.user]);
        if claims.groups.len() > MAX_NAMES || claims.scopes.len() > MAX_NAMES {
            return Err(Reason::Unacceptable("it holds too many groups or scopes".into()));
        }
        if claims.user.trim() != claims.user || names().any(|name| !is_name(name)) {
            return Err(Reason::Unacceptable(
                "it holds a name that is empty, too long or not printable".into(),
            ));
        }
        let subject = format!("{}/{}", claims.kind, claims.user);
        Ok(Self(Arc::new(Proven { claims, subject })))
    }

    /// The same caller, whose credential came in a cookie.
    #[must_use]
    pub fn through_cookie(&self) -> Self {
        Self(Arc::new(Proven {
            claims: Claims {
                by_cookie: true,
                ..self.0.claims.clone()
            },
            subject: self.0.subject.clone(),
        }))
    }

    /// See [`Claims::user`].
    #[must_use]
    pub fn user(&self) -> &str {
        &self.0.claims.user
    }

    /// The user of this kind of platform: two platforms may know different people by one name.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// See [`Claims::groups`].
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.0.claims.groups
    }

    /// See [`Claims::scopes`].
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.0.claims.scopes
    }

    /// See [`Claims::kind`].
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.0.claims.kind
    }

    /// See [`Claims::expires`].
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.0.claims.expires
    }

    /// See [`Claims::by_cookie`].
    #[must_use]
    pub fn by_cookie(&self) -> bool {
        self.0.claims.by_cookie
    }

    /// Exactly this group.
    #[must_use]
    pub fn in_group(&self, group: &str) -> bool {
        self.0.claims.groups.iter().any(|have| have == group)
    }

    /// Exactly this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0.claims.scopes.iter().any(|have| have == scope)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(|c| c.is_control() || is_line_or_bidi(c))
}

/// Characters that forge lines or turn text round in a log viewer, beyond the control characters.
fn is_line_or_bidi(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
