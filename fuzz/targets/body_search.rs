//! The first line says where chunks part, the rest is a body that may hold the injected credential.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::{line, upstream};
use proxy_core::{
    credential::Credential,
    fuzzing::body::Search,
    upstream::{Paths, Upstream},
};

static UPSTREAM: LazyLock<Upstream> = LazyLock::new(|| upstream("/", Paths::Strict));
/// `bot:hunter2`
static CREDENTIAL: LazyLock<Credential> = LazyLock::new(|| {
    Credential::new(AUTHORIZATION, "Basic Ym90Omh1bnRlcjI=".to_owned().into()).expect("a good header")
});
const SECRETS: [&[u8]; 2] = [b"Ym90Omh1bnRlcjI=", b"hunter2"];

fuzz_target!(|data: &[u8]| {
    let (lengths, body) = line(data);
    let lengths: Vec<usize> = lengths.iter().map(|length| usize::from(*length).max(1)).collect();
    let first = SECRETS
        .iter()
        .filter_map(|secret| body.windows(secret.len()).position(|part| part == *secret))
        .min();
    let mut search = Search::new(&UPSTREAM, &CREDENTIAL).expect("it is configured");
    let (mut out, mut rest, mut leaked) = (Vec::new(), body, false);
    let mut lengths = lengths.iter().cycle();
    while !rest.is_empty() && !leaked {
        let (chunk, after) = rest.split_at(lengths.next().copied().unwrap_or(rest.len()).min(rest.len()));
        match search.push(Bytes::copy_from_slice(chunk)) {
            Ok(bytes) => out.extend_from_slice(&bytes),
            Err(_) => leaked = true,
        }
        rest = after;
    }
    match first {
        Some(at) => {
            assert!(leaked, "it is found wherever the chunks part");
            assert!(out.len() <= at, "no byte of it is out");
        }
        None => {
            assert!(!leaked, "nothing else is taken for it");
            out.extend_from_slice(&search.finish());
            assert_eq!(out, body);
        }
    }
});
