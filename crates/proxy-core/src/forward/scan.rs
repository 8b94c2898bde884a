//! The optional search of bodies for the injected credential: an upstream that echoes its caller's `Authorization` in a
//! body is the one way out that header lists cannot close.
//!
//! Looked for are the header's secret part and, of `Basic`, the password, both as they are: an upstream that escapes them
//! in some way of its own is not caught. A few bytes are held back while they could begin the secret, so that no part of it is out before it is recognised.

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use memchr::memmem::Finder;
use secrecy::ExposeSecret as _;

use crate::{credential::Credential, error::ProxyError, headers::is_encoded, upstream::Upstream};

/// One body's search. Without `Debug`: what it looks for is the secret.
pub(super) struct Scan {
    finders: Vec<Finder<'static>>,
    held: BytesMut,
}

/// The body holds the credential.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Leak;

impl Scan {
    /// The search that a response needs, if it is configured.
    ///
    /// # Errors
    /// `Invalid` for a body that cannot be read, though it was asked for as it is.
    #[expect(clippy::disallowed_methods, reason = "to find a secret, one has to know it")]
    pub(super) fn for_response(
        upstream: &Upstream,
        credential: &Credential,
        parts: &Parts,
    ) -> Result<Option<Self>, ProxyError> {
        if !upstream.scan_bodies {
            return Ok(None);
        }
        if is_encoded(&parts.headers) {
            return Err(ProxyError::Invalid {
                upstream: upstream.name.clone(),
                reason: "it is compressed though that was not asked for, so it cannot be searched",
                detail: "scan_bodies".to_owned(),
            });
        }
        let spellings = credential.spellings();
        let finders = spellings
            .iter()
            .map(|secret| Finder::new(secret.expose_secret().as_bytes()).into_owned());
        Ok(Some(Self {
            finders: finders.collect(),
            held: BytesMut::new(),
        }))
    }

    /// The next chunk, less what could begin the secret.
    pub(super) fn push(&mut self, chunk: Bytes) -> Result<Bytes, Leak> {
        let mut chunk = if self.held.is_empty() {
            chunk
        } else {
            self.held.extend_from_slice(&chunk);
            std::mem::take(&mut self.held).freeze()
        };
        if self.finders.iter().any(|finder| finder.find(&chunk).is_some()) {
            return Err(Leak);
        }
        let held = self
            .finders
            .iter()
            .map(|finder| beginning_at_end(finder.needle(), &chunk))
            .max()
            .unwrap_or(0);
        self.held.extend_from_slice(&chunk.split_off(chunk.len() - held));
        Ok(chunk)
    }

    /// What was held back, now that nothing follows.
    pub(super) fn finish(&mut self) -> Bytes {
        std::mem::take(&mut self.held).freeze()
    }
}

/// How many bytes at the end of `text` could be the beginning of `needle`, which is not in it as a whole.
pub(super) fn beginning_at_end(needle: &[u8], text: &[u8]) -> usize {
    let Some(first) = needle.first() else { return 0 };
    let tail = &text[text.len() - needle.len().min(text.len())..];
    memchr::memchr_iter(*first, tail)
        .map(|at| &tail[at..])
        .find(|end| needle.starts_with(end))
        .map_or(0, <[u8]>::len)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::AUTHORIZATION;
    use secrecy::SecretString;

    use super::{Leak, Scan};
    use crate::{credential::Credential, tenant::tests::upstream};

    fn scan() -> Scan {
        let mut upstream = upstream("https://jira.example.org/");
        upstream.scan_bodies = true;
        // bot:hunter2
        let credential = Credential::new(AUTHORIZATION, SecretString::from("Basic Ym90Omh1bnRlcjI=")).unwrap();
        let (parts, ()) = http::Response::new(()).into_parts();
        Scan::for_response(&upstream, &credential, &parts).unwrap().unwrap()
    }

    #[test]
    fn a_secret_is_found_wherever_the_chunks_part_and_no_byte_of_it_is_out() {
        for body in ["say hunter2!", "x Ym90Omh1bnRlcjI= y", "hunthunter2"] {
            for cut in 0..body.len() {
                let mut scan = scan();
                let mut out = Vec::new();
                let parts = [&body[..cut], &body[cut..]];
                let leak = parts.iter().try_for_each(|part| {
                    out.extend_from_slice(&scan.push(Bytes::copy_from_slice(part.as_bytes()))?);
                    Ok::<_, Leak>(())
                });
                assert_eq!(leak, Err(Leak), "{body} cut at {cut}");
                assert!(!String::from_utf8(out).unwrap().ends_with('h'), "{body} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_body_without_the_secret_passes_whole() {
        let mut scan = scan();
        let body = "hunter hunt hunter1 Ym90Omh1 h";
        let mut out = Vec::new();
        for byte in body.bytes() {
            out.extend_from_slice(&scan.push(Bytes::copy_from_slice(&[byte])).unwrap());
        }
        out.extend_from_slice(&scan.finish());
        assert_eq!(String::from_utf8(out).unwrap(), body);
    }
}
