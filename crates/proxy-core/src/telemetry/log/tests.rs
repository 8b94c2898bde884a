use serde_json::Value;
use tracing::{error_span, field::Empty, info, warn};

use super::*;
use crate::telemetry::lines::Captured;

fn logged(level: &str, format: LogFormat, log: impl FnOnce()) -> Captured {
    let (lines, captured) = Lines::memory();
    let config = LogConfig {
        level: level.to_owned(),
        format,
    };
    tracing::subscriber::with_default(subscriber(&config, &lines, false).unwrap(), log);
    captured
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn an_event_is_one_json_line_with_the_fields_of_its_spans() {
    let captured = logged("info", LogFormat::Auto, || {
        let _request = error_span!("request", request_id = "r-1", method = "GET", status = Empty).entered();
        tracing::Span::current().record("status", 200_u16);
        warn!(attempt = 2, slow = true, seconds = 0.5, cause = %"gone", detail = ?"x\ny", "upstream `{}` is slow", "jira");
    });
    let [line] = captured.lines().try_into().unwrap();
    assert!(
        line.starts_with(r#"{"time":"20"#) && line.contains(r#"Z","level":"WARN","target":"#),
        "{line}"
    );
    let event = json(&line);
    for (name, expected) in [
        ("message", Value::from("upstream `jira` is slow")),
        ("attempt", 2.into()),
        ("slow", true.into()),
        ("seconds", 0.5.into()),
        ("cause", "gone".into()),
        ("detail", "\"x\\ny\"".into()),
        ("request_id", "r-1".into()),
        ("method", "GET".into()),
        ("status", 200.into()),
    ] {
        assert_eq!(event[name], expected, "{name}");
    }
}

#[test]
fn values_from_outside_forge_no_line() {
    let hostile = "x\r\n{\"level\":\"ERROR\"}\u{1b}[2K\u{2028}\u{202e}\0";
    for format in [LogFormat::Json, LogFormat::Pretty] {
        let captured = logged("info", format, || {
            let _span = error_span!("request", request_id = hostile).entered();
            info!(user = hostile, path = %hostile, kid = ?hostile, "{hostile}");
        });
        let [line] = captured.lines().try_into().unwrap();
        assert!(
            line.chars()
                .all(|c| !c.is_control() && c != '\u{2028}' && c != '\u{202e}'),
            "{line}"
        );
        if format == LogFormat::Json {
            assert_eq!(json(&line)["user"], hostile);
            assert_eq!(json(&line)["level"], "INFO");
        }
    }
}

#[test]
fn a_long_event_stays_valid_json_below_8_kib() {
    for text in ["x".repeat(8 << 20), "\0".repeat(100_000), "星".repeat(5_000)] {
        let captured = logged("info", LogFormat::Json, || info!(a = text, b = text, "{text}"));
        let [line] = captured.lines().try_into().unwrap();
        assert!(line.len() < 8 * 1024, "{}", line.len());
        assert_eq!(json(&line)["level"], "INFO");
    }
}

#[test]
fn pretty_lines_are_for_people() {
    let captured = logged("info", LogFormat::Pretty, || info!(port = 8080, "listening"));
    let [line] = captured.lines().try_into().unwrap();
    assert!(
        line.contains(" INFO ") && line.ends_with("listening port=8080"),
        "{line}"
    );
}

#[test]
fn the_request_span_is_there_at_every_level() {
    let captured = logged("error", LogFormat::Json, || {
        let _span = error_span!("request", request_id = "r-1").entered();
        warn!("not this");
        tracing::error!("this");
    });
    let [line] = captured.lines().try_into().unwrap();
    assert_eq!(json(&line)["request_id"], "r-1");
}

#[test]
fn dependencies_are_quiet_unless_the_level_names_targets() {
    let say = || {
        tracing::error!(target: "actix_http", "a");
        info!(target: "hyper::client", "b");
        warn!(target: "hyper::client", "c");
        info!("d");
    };
    let messages = |level| -> Vec<Value> {
        logged(level, LogFormat::Json, say)
            .lines()
            .iter()
            .map(|line| json(line)["message"].clone())
            .collect()
    };
    assert_eq!(messages("info"), ["c", "d"]);
    assert_eq!(messages("warn"), ["c"]);
    assert_eq!(messages("info,hyper=info"), ["a", "b", "c", "d"]);
    assert_eq!(messages("error"), [""; 0]);
    assert_eq!(messages("off"), [""; 0]);
}

#[test]
fn a_level_that_is_none_is_refused() {
    for level in [
        "info",
        "WARN",
        "off",
        "trace",
        "info,proxy_core=debug",
        "proxy_core::proxy=trace",
    ] {
        check_level(level).unwrap();
    }
    for level in [
        "",
        " ",
        "inof",
        "verbose",
        "info,debug",
        "proxy_core=loud",
        "==",
        "info,proxy_core=debug,",
        ",proxy_core=debug",
        "info, proxy_core=debug",
        "info ,proxy_core=debug",
        "info,proxy_core= debug",
        "info,proxy_core=debug\n",
        "proxy_core[request]=debug",
        "proxy_core[{user}]=debug",
        "inof,proxy_core=debug",
        "info,proxy_core=",
        "info,=debug",
    ] {
        assert!(check_level(level).is_err(), "{level:?}");
    }
}
