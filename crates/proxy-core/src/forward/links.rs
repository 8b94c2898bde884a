//! Links to the upstream in JSON become links to the proxy, while the body streams.
//!
//! Without it, clients that follow absolute links (attachments, `self`) would send the caller's platform token to the
//! upstream. Literal search for the base URL, plain and with JSON's escaped slashes; a match counts only where the URL's
//! authority or path segment really ends. A few bytes are held back at the end of a chunk while they could begin a link.

use std::sync::Arc;

use actix_web::http::Method;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, response::Parts};
use memchr::memmem::Finder;

use super::scan::beginning_at_end;
use crate::{
    error::ProxyError,
    headers::{is_attachment, is_encoded, is_json},
    upstream::Upstream,
};

/// What links to an upstream begin with, each as JSON may write it. Made once for an upstream.
#[derive(Clone, Debug)]
pub struct LinkBases(Arc<[Needle]>);

#[derive(Debug)]
struct Needle {
    finder: Finder<'static>,
    /// Whether slashes are written `\/`.
    escaped: bool,
}

impl LinkBases {
    /// URLs without a slash at their end.
    #[must_use]
    pub fn new(bases: &[String]) -> Self {
        let needle = |url: &str, escaped| Needle {
            finder: Finder::new(url.as_bytes()).into_owned(),
            escaped,
        };
        let both = |base: &String| [needle(base, false), needle(&base.replace('/', "\\/"), true)];
        let mut needles: Vec<Needle> = bases.iter().flat_map(both).collect();
        // Of two that begin at the same place, the longer one is meant.
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.finder.needle().len()));
        Self(needles.into())
    }

    /// `text` with each plain base replaced, for headers; `None` if it still speaks of `origin`.
    #[must_use]
    pub fn replaced(&self, text: &str, public: &str, origin: &str) -> Option<String> {
        let mut links = Links::new(self, public);
        let mut out = Vec::from(links.push(Bytes::copy_from_slice(text.as_bytes())));
        out.extend_from_slice(&links.finish());
        String::from_utf8(out).ok().filter(|text| !text.contains(origin))
    }
}

/// One body's rewriting.
#[derive(Debug)]
pub struct Links {
    bases: LinkBases,
    public: String,
    /// What was held back of the last chunk.
    held: BytesMut,
}

/// Whether the upstream answered with a part of what would have to be rewritten as a whole.
pub(super) fn is_part<B>(upstream: &Upstream, response: &Response<B>) -> bool {
    let part = response.status() == StatusCode::PARTIAL_CONTENT;
    part && upstream.rewrite_links && is_answer_in_json(response.headers())
}

/// JSON, and not a file that happens to be JSON.
fn is_answer_in_json(headers: &HeaderMap) -> bool {
    is_json(headers) && !is_attachment(headers)
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
        if !upstream.rewrite_links || !is_answer_in_json(&parts.headers) {
            return Ok(None);
        }
        let invalid = |reason| {
            Err(ProxyError::Invalid {
                upstream: upstream.name.clone(),
                reason,
                detail: "rewrite_links".to_owned(),
            })
        };
        let encoded = is_encoded(&parts.headers);
        match parts.status.as_u16() {
            204 | 304 => Ok(None),
            _ if encoded && method != Method::HEAD => {
                invalid("it is compressed though that was not asked for, so its links cannot be rewritten")
            }
            206 if method != Method::HEAD => {
                invalid("it is a part of a JSON document, whose links cannot be rewritten")
            }
            _ => Ok(Some(Self::new(&upstream.link_bases, public_base))),
        }
    }

    /// Rewrites links below one of `bases` to links below `public`, which has no slash at its end.
    #[must_use]
    pub fn new(bases: &LinkBases, public: &str) -> Self {
        Self {
            bases: bases.clone(),
            public: public.into(),
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
        if chunk.is_empty() {
            return chunk; // most bodies end so, and there is nothing to search
        }
        let mut out = BytesMut::new();
        let mut copied = 0; // what comes before is in `out`
        let mut search = Search::new(&self.bases, &chunk);
        while let Some((at, index, needle)) = search.next() {
            let end = at + needle.finder.needle().len();
            match chunk.get(end) {
                None if !last => break,
                // A shorter base may begin here too.
                Some(next) if continues(*next) => search.pass(index),
                _ if !last && self.begins_longer(&chunk[at..]) => break,
                _ => {
                    if out.is_empty() {
                        out.reserve(chunk.len() + chunk.len() / 8);
                    }
                    out.extend_from_slice(&chunk[copied..at]);
                    match needle.escaped {
                        true => out.extend_from_slice(self.public.replace('/', "\\/").as_bytes()),
                        false => out.extend_from_slice(self.public.as_bytes()),
                    }
                    copied = end;
                    search.go_on(end);
                }
            }
        }
        let keep = if last {
            chunk.len()
        } else {
            chunk.len() - self.undecided(&chunk[copied..])
        };
        self.held.extend_from_slice(&chunk[keep..]);
        if out.is_empty() {
            return chunk.slice(copied..keep);
        }
        out.extend_from_slice(&chunk[copied..keep]);
        out.freeze()
    }

    /// Whether the end of a chunk could turn out to be a link to a longer base than the one that is there.
    fn begins_longer(&self, end: &[u8]) -> bool {
        let mut needles = self.bases.0.iter().map(|needle| needle.finder.needle());
        needles.any(|needle| needle.len() > end.len() && needle.starts_with(end))
    }

    /// How many bytes at the end could be the beginning of a link, or a link whose end is not yet seen.
    fn undecided(&self, tail: &[u8]) -> usize {
        let held = |needle: &Needle| beginning_at_end(needle.finder.needle(), tail);
        self.bases.0.iter().map(held).max().unwrap_or(0)
    }
}

/// Finds each needle's next place once, so that a chunk is read as often as there are needles, however many links it has.
struct Search<'c> {
    needles: &'c [Needle],
    chunk: &'c [u8],
    places: Vec<Option<usize>>,
}

impl<'c> Search<'c> {
    fn new(bases: &'c LinkBases, chunk: &'c [u8]) -> Self {
        let needles = &bases.0;
        let places = needles.iter().map(|needle| needle.finder.find(chunk)).collect();
        Self { needles, chunk, places }
    }

    /// The next place, the index of what is there, and that itself.
    fn next(&self) -> Option<(usize, usize, &'c Needle)> {
        let places = self.places.iter().zip(self.needles).enumerate();
        places
            .filter_map(|(index, (place, needle))| Some(((*place)?, index, needle)))
            .min_by_key(|(place, ..)| *place)
    }

    /// Looks for the needle of this index behind where it was found.
    fn pass(&mut self, index: usize) {
        let from = self.places[index].map_or(0, |place| place + 1);
        let found = self.needles[index].finder.find(&self.chunk[from..]);
        self.places[index] = found.map(|found| from + found);
    }

    /// Only what lies before `from` is looked for again.
    fn go_on(&mut self, from: usize) {
        for (place, needle) in self.places.iter_mut().zip(self.needles) {
            if place.is_some_and(|place| place < from) {
                *place = needle.finder.find(&self.chunk[from..]).map(|found| from + found);
            }
        }
    }
}

/// Whether `next` makes a longer host, port or path segment of what was found: `https://jira.example.org.evil`.
fn continues(next: u8) -> bool {
    next.is_ascii_alphanumeric() || b".-_~%:@+!$&'()*,;=".contains(&next) || next >= 0x80
}

#[cfg(test)]
mod tests;
