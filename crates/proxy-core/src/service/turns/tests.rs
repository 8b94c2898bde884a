use actix_web::http::header::HeaderValue;
use proptest::prelude::*;

use super::*;

const HEAD: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

fn headers(length: Option<&'static str>, chunked: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static(length));
    }
    if chunked {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    headers
}

/// Hands on what may be of `bytes`; what is left.
fn hand<'b>(turns: &Turns, bytes: &'b str, busy: bool) -> &'b str {
    &bytes[turns.take(bytes.as_bytes(), busy)..]
}

#[test]
fn a_next_head_waits_for_its_turn() {
    let turns = Turns::default();
    let both = HEAD.repeat(2);
    let rest = hand(&turns, &both, false);
    assert_eq!(rest, HEAD);
    assert_eq!(hand(&turns, rest, false), HEAD, "nobody has looked at the first yet");
    turns.begin(&headers(None, false), || false);
    assert_eq!(hand(&turns, rest, true), HEAD, "the first is in progress");
    assert_eq!(hand(&turns, rest, false), "", "the first is answered");
}

#[test]
fn a_body_goes_with_its_head_and_not_a_byte_more() {
    let turns = Turns::default();
    assert_eq!(hand(&turns, &format!("{HEAD}body{HEAD}"), false), format!("body{HEAD}"));
    turns.begin(&headers(Some("4"), false), || false);
    assert_eq!(hand(&turns, "bo", true), "");
    turns.begin(&headers(Some("4"), false), || true); // after `100 Continue`
    let rest = hand(&turns, "dyGET", true);
    assert_eq!(rest, "GET");
    assert_eq!(hand(&turns, rest, true), "GET");
    assert_eq!(hand(&turns, rest, false), "");
}

#[test]
fn a_body_that_nobody_read_is_no_head() {
    let turns = Turns::default();
    hand(&turns, HEAD, false);
    turns.begin(&headers(Some("30"), false), || false);
    assert_eq!(hand(&turns, HEAD, false), "");
    assert_eq!(turns.expected.get(), Expected::Body(30 - HEAD.len() as u64));
}

#[test]
fn what_cannot_be_followed_is_handed_on() {
    let turns = Turns::default();
    hand(&turns, HEAD, false);
    turns.begin(&headers(Some("x"), false), || false);
    assert_eq!(hand(&turns, &format!("body{HEAD}"), true), "");
    assert!(!turns.ended_oddly());
}

#[test]
fn a_body_in_chunks_goes_with_its_head_and_not_a_byte_more() {
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "5 ;x=5\r\nhello\r\n1A\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n!\r\n\r\n00\r\n\r\n",
        "0\r\nX: y\r\nZ: a\r\n\r\n",
        "0;5\r\n\n\r\nX\n\r\n\r\n",
    ] {
        for cut in 0..=body.len() {
            let turns = Turns::default();
            hand(&turns, HEAD, false);
            turns.begin(&headers(None, true), || false);
            assert_eq!(hand(&turns, &body[..cut], true), "", "{body:?} cut at {cut}");
            if cut > 0 && cut < body.len() {
                turns.begin(&headers(None, true), || true); // after `100 Continue`
            }
            let rest = format!("{}{HEAD}", &body[cut..]);
            assert_eq!(hand(&turns, &rest, true), HEAD, "{body:?} cut at {cut}");
            assert_eq!(hand(&turns, HEAD, false), "");
            assert!(!turns.ended_oddly());
        }
    }
}

#[test]
fn a_head_that_ends_with_lf_alone_is_noticed_and_ends_there() {
    for head in [
        "GET / HTTP/1.1\n\n",
        "GET / HTTP/1.1\r\nHost: x\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\n",
    ] {
        for rest in ["", "HEAD / HTTP/1.1\n\n", HEAD] {
            let turns = Turns::default();
            assert_eq!(hand(&turns, &format!("{head}{rest}"), false), rest, "{head:?}");
            turns.begin(&headers(None, false), || false);
            assert!(turns.ended_oddly(), "{head:?}");
        }
    }
    let turns = Turns::default();
    hand(&turns, HEAD, false);
    turns.begin(&headers(None, false), || false);
    turns.begin(&headers(None, false), || true);
    assert!(!turns.ended_oddly());
}

#[test]
fn a_head_whose_end_was_not_seen_is_noticed() {
    let turns = Turns::default();
    hand(&turns, "GET / HTTP/1.1\r\n", false);
    turns.begin(&headers(None, false), || false);
    assert!(turns.ended_oddly());
}

#[test]
fn empty_lines_before_a_head_do_not_end_it() {
    let turns = Turns::default();
    assert_eq!(hand(&turns, "\r\n\r\n\r\n\r\n", false), "");
    assert_eq!(hand(&turns, &format!("\r\n\r\n{HEAD}{HEAD}"), false), HEAD);
}

proptest! {
    /// However a connection's bytes are cut into pieces, the end of the first head is found.
    #[test]
    fn an_end_is_found_across_pieces(before in 0_usize..4, cuts in prop::collection::vec(1_usize..8, 1..40)) {
        let bytes = format!("{}{HEAD}{HEAD}", "\r\n".repeat(before));
        let end = bytes.len() - HEAD.len();
        let turns = Turns::default();
        let (mut begin, mut out) = (0, 0);
        for cut in cuts.iter().copied().cycle() {
            let piece = &bytes[begin..(begin + cut).min(bytes.len())];
            let rest = hand(&turns, piece, false);
            begin += piece.len();
            out += piece.len() - rest.len();
            if !rest.is_empty() || begin == bytes.len() {
                break;
            }
            prop_assert!(begin <= end || turns.expected.get() == Expected::Unknown);
        }
        prop_assert!(out == end || begin <= end, "{out} of {end}");
        prop_assert_eq!(turns.expected.get() == Expected::Unknown, begin >= end);
    }

    /// The end of a head is where its text as a whole has one, however it is cut, and as regular.
    #[test]
    fn an_end_is_where_it_would_be_seen_at_once(
        bytes in "[a\r\n]{0,16}", regular in any::<bool>(), cuts in prop::collection::vec(1_usize..5, 1..20)
    ) {
        let bytes = if regular { bytes.replace('\n', "\r\n") } else { bytes };
        let head = bytes.trim_start_matches(['\r', '\n']);
        let ends = ["\n\n", "\n\r\n"].map(|end| head.find(end).map(|at| (at, end.len())));
        let end = ends.into_iter().flatten().min().map(|(at, length)| bytes.len() - head.len() + at + length);
        let turns = Turns::default();
        let (mut begin, mut out) = (0, 0);
        for cut in cuts.iter().copied().cycle() {
            let piece = &bytes[begin..(begin + cut).min(bytes.len())];
            begin += piece.len();
            out += turns.take(piece.as_bytes(), false);
            if begin == bytes.len() {
                break;
            }
        }
        prop_assert_eq!(out, end.unwrap_or(bytes.len()));
        let odd = end.is_some_and(|end| !bytes[..end].ends_with("\r\n\r\n"));
        prop_assert_eq!(turns.ended_oddly(), odd);
    }
}
