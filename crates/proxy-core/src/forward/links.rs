//! Links to the upstream in JSON become links to the proxy, while the body streams.
//!
//! Without it, clients that follow absolute links (attachments, `self`) would send the caller's platform token to the
//! upstream. Literal search for the base URL, plain and with JSON's escaped slashes; a match counts only where the URL's
//! authority or path segment really ends. A few bytes are held back at the end of a chunk while they could begin a link.

use actix_web::http::Method;
use bytes::{Bytes, BytesMut};
use http::{header, response::Parts};
use memchr::memmem::Finder;

use super::scan::beginning_at_end;
use crate::{
    error::ProxyError,
    headers::{is_attachment, media_type},
    upstream::Upstream,
};

/// One body's rewriting.
#[derive(Debug)]
pub struct Links {
    forms: [Form; 2],
    /// What was held back of the last chunk.
    held: BytesMut,
}

#[derive(Debug)]
struct Form {
    finder: Finder<'static>,
    public: Vec<u8>,
}

impl Form {
    fn new(base: String, public: String) -> Self {
        Self {
            finder: Finder::new(base.as_bytes()).into_owned(),
            public: public.into_bytes(),
        }
    }

    fn needle(&self) -> &[u8] {
        self.finder.needle()
    }
}

impl Links {
    /// The rewriting that a response needs, if it needs any: JSON that is an answer, not a file.
    ///
    /// # Errors
    /// `Invalid` for JSON that cannot be read while it streams: encoded though nobody asked for it, or a part of a whole.
    pub fn for_response(
        upstream: &Upstream,
        parts: &Parts,
        public_base: &str,
        method: &Method,
    ) -> Result<Option<Self>, ProxyError> {
        let json = media_type(&parts.headers).is_some_and(|media| media == "application/json");
        if !upstream.rewrite_links || !json || is_attachment(&parts.headers) {
            return Ok(None);
        }
        let invalid = |reason| {
            Err(ProxyError::Invalid {
                upstream: upstream.name.clone(),
                reason,
                detail: "rewrite_links".to_owned(),
            })
        };
        let encoded = parts
            .headers
            .get_all(header::CONTENT_ENCODING)
            .iter()
            .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
        match parts.status.as_u16() {
            204 | 304 => Ok(None),
            _ if encoded && method != Method::HEAD => {
                invalid("it is compressed though that was not asked for, so its links cannot be rewritten")
            }
            206 if method != Method::HEAD => {
                invalid("it is a part of a JSON document, whose links cannot be rewritten")
            }
            _ => Ok(Some(Self::new(&upstream.base_url(), public_base))),
        }
    }

    /// Rewrites links below `base` to links below `public`; both without a slash at their end.
    #[must_use]
    pub fn new(base: &str, public: &str) -> Self {
        let escaped = |url: &str| url.replace('/', "\\/");
        Self {
            forms: [
                Form::new(base.into(), public.into()),
                Form::new(escaped(base), escaped(public)),
            ],
            held: BytesMut::new(),
        }
    }

    /// The next chunk, rewritten; may be empty while everything is held back. A chunk without links is not copied.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        let chunk = if self.held.is_empty() {
            chunk
        } else {
            self.held.extend_from_slice(&chunk);
            std::mem::take(&mut self.held).freeze()
        };
        self.rewrite(chunk, false)
    }

    /// What was held back, now that nothing follows.
    pub fn finish(&mut self) -> Bytes {
        let rest = std::mem::take(&mut self.held).freeze();
        self.rewrite(rest, true)
    }

    fn rewrite(&mut self, chunk: Bytes, last: bool) -> Bytes {
        let mut out = BytesMut::new();
        let mut from = 0; // what comes before is in `out`
        let mut search = 0;
        while let Some((at, form)) = self.earliest(&chunk, search) {
            let end = at + self.forms[form].needle().len();
            match chunk.get(end) {
                None if !last => break,
                Some(next) if continues(*next) => search = end,
                _ => {
                    out.extend_from_slice(&chunk[from..at]);
                    out.extend_from_slice(&self.forms[form].public);
                    (from, search) = (end, end);
                }
            }
        }
        let keep = if last {
            chunk.len()
        } else {
            chunk.len() - self.undecided(&chunk[from..])
        };
        self.held.extend_from_slice(&chunk[keep..]);
        if out.is_empty() {
            return chunk.slice(from..keep);
        }
        out.extend_from_slice(&chunk[from..keep]);
        out.freeze()
    }

    fn earliest(&self, chunk: &[u8], from: usize) -> Option<(usize, usize)> {
        let find = |(index, form): (usize, &Form)| Some((from + form.finder.find(&chunk[from..])?, index));
        self.forms.iter().enumerate().filter_map(find).min()
    }

    /// How many bytes at the end could be the beginning of a link, or a link whose end is not yet seen.
    fn undecided(&self, tail: &[u8]) -> usize {
        self.forms
            .iter()
            .map(|form| beginning_at_end(form.needle(), tail))
            .max()
            .unwrap_or(0)
    }
}

/// Whether `next` makes a longer host, port or path segment of what was found: `https://jira.example.org.evil`.
fn continues(next: u8) -> bool {
    next.is_ascii_alphanumeric() || b".-_~%:@+!$&'()*,;=".contains(&next) || next >= 0x80
}

#[cfg(test)]
mod tests;
