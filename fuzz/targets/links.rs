//! The first line says where chunks part (each byte is a length), the rest is a body.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::{line, naive};
use proxy_core::forward::links::{LinkBases, Links};

const PUBLIC: &str = "https://data.example.org/p";
const BASES: [&str; 3] = ["http://a/b", "http://a", "https://jira.example.org/jira"];

static COMPILED: LazyLock<LinkBases> = LazyLock::new(|| LinkBases::new(&BASES.map(str::to_owned)));
/// Each base plain and as JSON may write it, the longest first.
static NAIVE: LazyLock<Vec<(Vec<u8>, Vec<u8>)>> = LazyLock::new(|| {
    let escaped = |url: &str| url.replace('/', "\\/").into_bytes();
    let both = |base: &str| [(base.into(), PUBLIC.into()), (escaped(base), escaped(PUBLIC))];
    let mut all: Vec<_> = BASES.iter().flat_map(|base| both(base)).collect();
    all.sort_by_key(|(base, _): &(Vec<u8>, Vec<u8>)| std::cmp::Reverse(base.len()));
    all
});

fuzz_target!(|data: &[u8]| {
    let (lengths, body) = line(data);
    let whole = rewritten(&[body.len()], body);
    assert_eq!(
        lossy(&whole),
        lossy(&naive::replaced(body, &NAIVE)),
        "what anybody would expect"
    );
    let lengths: Vec<usize> = lengths.iter().map(|length| usize::from(*length)).collect();
    assert_eq!(
        lossy(&whole),
        lossy(&rewritten(&lengths, body)),
        "wherever the chunks part"
    );
    assert_eq!(lossy(&whole), lossy(&rewritten(&[1], body)), "byte by byte");
});

fn rewritten(lengths: &[usize], mut body: &[u8]) -> Vec<u8> {
    let mut links = Links::new(&COMPILED, PUBLIC);
    let mut out = Vec::new();
    let mut lengths = lengths.iter().cycle();
    while !body.is_empty() {
        // Empty chunks are there too, but not for ever.
        let length = lengths.next().copied().unwrap_or(body.len());
        out.extend_from_slice(&links.push(Bytes::copy_from_slice(&body[..length.min(body.len())])));
        body = &body[length.min(body.len())..];
        if length == 0 {
            let (first, rest) = body.split_at(1.min(body.len()));
            out.extend_from_slice(&links.push(Bytes::copy_from_slice(first)));
            body = rest;
        }
    }
    out.extend_from_slice(&links.finish());
    out
}

fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
