use bytes::Bytes;
use proptest::prelude::*;

use super::{LinkBases, Links};

const BASE: &str = "https://jira.example.org/jira";
const PUBLIC: &str = "https://data.example.org/jira-data-proxy";

fn rewrite(chunks: &[&[u8]]) -> String {
    let mut links = Links::new(&LinkBases::new(&[BASE.to_owned()]), PUBLIC);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(&links.push(Bytes::copy_from_slice(chunk)));
    }
    out.extend_from_slice(&links.finish());
    String::from_utf8(out).unwrap()
}

const CASES: &[(&str, &str)] = &[
    (
        r#"{"self":"https://jira.example.org/jira/rest/1"}"#,
        r#"{"self":"https://data.example.org/jira-data-proxy/rest/1"}"#,
    ),
    (
        r#"{"self":"https:\/\/jira.example.org\/jira\/rest"}"#,
        r#"{"self":"https:\/\/data.example.org\/jira-data-proxy\/rest"}"#,
    ),
    (
        r#"["https://jira.example.org/jira","https://jira.example.org/jira?x"]"#,
        r#"["https://data.example.org/jira-data-proxy","https://data.example.org/jira-data-proxy?x"]"#,
    ),
    // A longer segment, another host, another port, another scheme: not ours.
    (
        "https://jira.example.org/jira-evil/x",
        "https://jira.example.org/jira-evil/x",
    ),
    (
        "https://jira.example.org.evil/jira/",
        "https://jira.example.org.evil/jira/",
    ),
    (
        "https://jira.example.org:444/jira/",
        "https://jira.example.org:444/jira/",
    ),
    ("http://jira.example.org/jira/", "http://jira.example.org/jira/"),
    (
        "https://https://jira.example.org/jira/",
        "https://https://data.example.org/jira-data-proxy/",
    ),
    ("no link at all", "no link at all"),
    (
        "ends https://jira.example.org/jira",
        "ends https://data.example.org/jira-data-proxy",
    ),
    ("ends https://jira.exam", "ends https://jira.exam"),
    ("", ""),
];

#[test]
fn links_below_the_base_url_lead_through_the_proxy() {
    for (body, expected) in CASES {
        assert_eq!(rewrite(&[body.as_bytes()]), *expected);
    }
}

#[test]
fn a_link_is_found_wherever_the_chunks_part() {
    for (body, expected) in CASES {
        for cut in 0..=body.len() {
            let (one, two) = body.as_bytes().split_at(cut);
            assert_eq!(rewrite(&[one, two]), *expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
        assert_eq!(rewrite(&bytes), *expected, "byte by byte");
    }
}

#[test]
fn a_chunk_without_links_is_passed_on_uncopied_and_whole() {
    let mut links = Links::new(&LinkBases::new(&[BASE.to_owned()]), PUBLIC);
    let chunk = Bytes::from_static(b"[1,2,3]");
    let out = links.push(chunk.clone());
    assert_eq!(out.as_ptr(), chunk.as_ptr());
    assert_eq!(out, chunk);
}

#[test]
fn of_two_bases_the_longer_one_counts() {
    let bases = LinkBases::new(&[
        "http://jira".to_owned(),
        "http://jira/x".to_owned(),
        "https://people.example".to_owned(),
    ]);
    let mut links = Links::new(&bases, "P");
    let out = links.push(Bytes::from_static(
        b"http://jira/x/1 http://jira/y https://people.example/z https:\\/\\/people.example ",
    ));
    assert_eq!(out, "P/1 P/y P/z P ");
}

/// Found by fuzzing: one base may be the beginning of another, and only what follows tells which is meant.
#[test]
fn of_two_bases_that_begin_alike_the_one_that_ends_counts_wherever_the_chunks_part() {
    let bases = LinkBases::new(&["http://jira".to_owned(), "http://jira/x".to_owned()]);
    for (body, expected) in [
        ("http://jira/x/1", "P/1"),
        ("http://jira/x", "P"),
        ("http://jira/xy/1 http://jira/x", "P/xy/1 P"),
        (
            "http://jira/ http://jirax/x http:\\/\\/jira\\/xy",
            "P/ http://jirax/x P\\/xy",
        ),
    ] {
        for cut in 0..=body.len() {
            let (one, two) = body.as_bytes().split_at(cut);
            let mut links = Links::new(&bases, "P");
            let chunks = [
                links.push(Bytes::copy_from_slice(one)),
                links.push(Bytes::copy_from_slice(two)),
                links.finish(),
            ];
            assert_eq!(chunks.concat(), expected.as_bytes(), "{body} cut at {cut}");
        }
    }
}

#[test]
fn a_header_that_still_names_the_upstream_is_dropped() {
    let bases = LinkBases::new(&[BASE.to_owned()]);
    let replaced = |text| bases.replaced(text, PUBLIC, "https://jira.example.org");
    assert_eq!(
        replaced("<https://jira.example.org/jira/a>; rel=\"next\""),
        Some(format!("<{PUBLIC}/a>; rel=\"next\""))
    );
    assert_eq!(replaced("<https://jira.example.org/other>; rel=\"next\""), None);
    assert_eq!(replaced("</a>; rel=\"next\""), Some("</a>; rel=\"next\"".to_owned()));
}

#[test]
fn no_more_is_held_back_than_could_begin_a_link() {
    let mut links = Links::new(&LinkBases::new(&[BASE.to_owned()]), PUBLIC);
    assert_eq!(links.push(Bytes::from_static(b"abc htt")), "abc ");
    assert_eq!(links.push(Bytes::from_static(b"x")), "httx");
}

proptest! {
    /// Streaming gives what replacing in the whole gives, whatever the chunks.
    #[test]
    fn chunks_do_not_matter(pieces in proptest::collection::vec("(https?://|https:\\\\/\\\\/|jira|\\.example|\\.org|/|\\\\/|[a-z\" ]){0,6}", 0..12)) {
        let whole = pieces.concat();
        let parts: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        prop_assert_eq!(rewrite(&parts), rewrite(&[whole.as_bytes()]));
    }
}
