//! Heads that are malformed, or too large.

use super::row::{Case, GET, GOT, HIDDEN, POST, case};

pub(super) fn cases() -> Vec<Case> {
    let hidden = |name: &'static str, field: &str| case(name, format!("{GET}{field}\r\n{HIDDEN}")).gets(&["400"]);
    let get = |name: &'static str, field: &str| case(name, format!("{GET}{field}\r\n"));
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: 1\r\n")).collect::<String>();
    vec![
        hidden("a folded field", "X: a\r\n b\r\n"),
        hidden("a field without a name", ": x\r\n"),
        hidden("a field without a colon", "X\r\n"),
        hidden("a space before the colon", "X : y\r\n"),
        hidden("a space first", " X: y\r\n"),
        hidden("a NUL", "X: a\0b\r\n"),
        hidden("a lone carriage return", "X: a\rb\r\n"),
        hidden("a letter beyond ASCII in a name", "X\u{85}: y\r\n"),
        hidden("control characters in a name", "X\x01\x1f: y\r\n"),
        hidden("a name on two lines", "Transfer-\r\nEncoding: chunked\r\n"),
        hidden("an empty line that is none", "\rX: y\r\n"),
        hidden("a space in a name", "X Auth Request User: root\r\n"),
        case("line feeds alone", format!("{GET}\r\n").replace("\r\n", "\n")).gets(&["400 bad_request"]),
        case(
            "line feeds alone, and a request behind them",
            format!("{GET}X:\n\n{HIDDEN}"),
        )
        .gets(&["400 bad_request"]),
        case(
            "a line feed alone at the end, and a request behind it",
            format!("{GET}\n{HIDDEN}"),
        )
        .gets(&["400 bad_request"]),
        // The answer to the first was once that to a HEAD: without its body.
        case(
            "line feeds alone, and a HEAD behind them",
            format!("{GET}X:\n\n{}", HIDDEN.replacen("GET", "HEAD", 1)),
        )
        .gets(&["400 bad_request"]),
        case(
            "line feeds alone, and Expect",
            format!("{GET}Expect: 100-continue\r\n\r\n").replace("\r\n", "\n"),
        )
        .gets(&["400 bad_request"]),
        case(
            "line feeds alone, Expect, and a request behind them",
            format!("{POST}Expect: 100-continue\r\nContent-Length: 0\n\n{HIDDEN}"),
        )
        .gets(&["400 bad_request"]),
        case(
            "one line of many that ends with a line feed alone",
            format!("{GET}X: y\nY: z\r\n\r\n"),
        )
        .served(GOT),
        case("empty lines first", format!("\r\n\r\n\r\n{GET}\r\n")).served(GOT),
        case("empty lines without end", "\r\n".repeat(500_000)).gets(&["431"]),
        get("90 fields", &fields(90)).served(GOT),
        get("97 fields", &fields(95)).gets(&["431"]),
        get("a head of more than 32 KiB", &format!("X: {}\r\n", "a".repeat(33_000)))
            .gets(&["431 headers_too_large"])
            .open(),
        case("a head without end", format!("{GET}X: {}", "a".repeat(300_000))).gets(&["431"]),
        get(
            "a field named in Connection is not passed on",
            "Connection: If-None-Match\r\nIf-None-Match: \"1\"\r\n",
        )
        .served(GOT)
        .where_(|seen| {
            assert_eq!(seen.header("if-none-match"), None);
        }),
        get(
            "what Connection names cannot take away the injected credential",
            "Connection: Authorization\r\n",
        )
        .served(GOT)
        .where_(|seen| {
            assert_eq!(seen.header_values("authorization").len(), 1);
        }),
        get(
            "hop-by-hop fields",
            "Keep-Alive: timeout=1\r\nTE: trailers\r\nTrailer: X\r\nProxy-Authorization: x\r\nProxy-Connection: x\r\n",
        )
        .served(GOT)
        .where_(|seen| {
            for name in ["keep-alive", "te", "trailer", "proxy-authorization", "proxy-connection"] {
                assert_eq!(seen.header(name), None);
            }
        }),
    ]
}
