use super::*;

const DIMM: &str = "\"lsst.sal.DIMM.dimmMeasurement\"";
const ESS: &str = "\"lsst.sal.ESS.temperature\"";

fn numbers(query: &str) -> Vec<f64> {
    rows(query).iter().map(|row| row[1].as_f64().unwrap()).collect()
}

fn times(query: &str) -> Vec<String> {
    let rows = rows(query);
    rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_topic_may_be_named_in_every_usual_way() {
    let name = "\"lsst.sal.DIMM.dimmMeasurement\"";
    let expected = rows(&format!("SELECT fwhm FROM {name} LIMIT 3"));
    for source in [
        format!("\"autogen\".{name}"),
        format!("efd.autogen.{name}"),
        format!("efd..{name}"),
    ] {
        assert_eq!(
            rows(&format!("select fwhm from {source} limit 3")),
            expected,
            "{source}"
        );
    }
    for (source, message) in [
        (format!("\"other\".\"autogen\".{name}"), "database not found: other"),
        (
            format!("\"efd\".\"forever\".{name}"),
            "retention policy not found: forever",
        ),
    ] {
        assert_eq!(error(&format!("SELECT fwhm FROM {source}")), message);
    }
}

#[test]
fn a_star_is_every_field_and_a_missing_field_is_null() {
    let columns = json!([
        "time",
        "salIndex",
        "sensorName",
        "temperatureItem0",
        "temperatureItem1",
        "timestamp"
    ]);
    assert_eq!(series(&format!("SELECT * FROM {ESS} LIMIT 1"))["columns"], columns);
    let row = &rows(&format!("SELECT temperatureItem0, humidity FROM {ESS} LIMIT 1"))[0];
    assert!(row[1].is_f64() && row[2].is_null(), "{row:?}");
    assert_empty(&format!("SELECT humidity FROM {ESS}"));
    assert_eq!(
        series(&format!("SELECT time, fwhm FROM {DIMM} LIMIT 1"))["columns"],
        json!(["time", "fwhm"])
    );
}

#[test]
fn a_time_may_be_written_in_every_usual_way() {
    let count = |condition: &str| rows(&format!("SELECT count(fwhm) FROM {DIMM} WHERE {condition}"))[0][1].clone();
    for condition in [
        "time > now() - 1h",
        "time > '2026-08-01T23:00:00Z'",
        "time > '2026-08-01T20:00:00-03:00'",
        "time > '2026-08-01 23:00:00'",
        "time > '2026-08-01 23:00:00.000000'",
        "time > '2026-08-02' - 60m",
        "time > 1785625200000000000",
        "time > 1785625200s",
        "\"time\" > now() - 30m - 1800s and time <= now() + 1d",
    ] {
        assert_eq!(count(condition), 120, "{condition}");
    }
    assert_eq!(count("time >= now() - 1h"), 121);
    assert_eq!(count("time >= now() - 1h AND time < now()"), 120);
    assert_eq!(count("time = now()"), 1);
    for wrong in [
        "time > 'yesterday'",
        "time > '2026-08-01T23:00:00'",
        "time > '2026-08-01 23:00:00Z'",
        "time > '2026-13-01'",
        "time > \"2026-08-01\"",
        "time > now() - 1",
        "time > 5y",
    ] {
        let problem = problem(&format!("SELECT fwhm FROM {DIMM} WHERE {wrong}"));
        assert!(
            problem.starts_with("found ") && problem.contains(", expected "),
            "{problem}"
        );
    }
}

#[test]
fn there_is_nothing_before_48_hours_ago_and_nothing_after_now() {
    let first = &times(&format!("SELECT fwhm FROM {DIMM} WHERE time > 0 LIMIT 1"))[0];
    assert_eq!(first, "2026-07-31T00:00:00Z");
    let last = &times(&format!(
        "SELECT fwhm FROM {DIMM} WHERE time < '2100-01-01' ORDER BY time DESC LIMIT 1"
    ))[0];
    assert_eq!(last, "2026-08-02T00:00:00Z");
    assert_empty(&format!("SELECT fwhm FROM {DIMM} WHERE time > now()"));
    assert_empty(&format!(
        "SELECT fwhm FROM {DIMM} WHERE time < '2026-07-01' AND time > '2026-06-01'"
    ));
    assert_empty(&format!(
        "SELECT mean(fwhm) FROM {DIMM} WHERE time > now() GROUP BY time(1m)"
    ));
}

#[test]
fn a_condition_on_a_field_selects_points() {
    let all = numbers(&format!("SELECT fwhm FROM {DIMM}"));
    for (condition, holds) in [
        ("fwhm > 0.9", (|fwhm| fwhm > 0.9) as fn(f64) -> bool),
        ("fwhm <= 0.9 AND fwhm >= 0.7", |fwhm| (0.7..=0.9).contains(&fwhm)),
        ("fwhm > -1", |_| true),
        ("fwhm != 0.9 AND salIndex <> 2", |fwhm| fwhm != 0.9),
    ] {
        let expected: Vec<f64> = all.iter().copied().filter(|fwhm| holds(*fwhm)).collect();
        assert!(!expected.is_empty());
        assert_eq!(
            numbers(&format!("SELECT fwhm FROM {DIMM} WHERE {condition}")),
            expected,
            "{condition}"
        );
    }
    let named = |condition: &str| format!("SELECT temperatureItem0 FROM {ESS} WHERE {condition}");
    assert_eq!(rows(&named("sensorName = 'Demo-ESS01'")).len(), 17_281);
    for never in [
        "sensorName = 'Demo-ESS02'",
        "sensorName != 1",
        "temperatureItem0 = 'warm'",
        "humidity < 100",
    ] {
        assert_empty(&named(never));
    }
}

#[test]
fn a_function_of_a_range_is_what_its_points_say() {
    let range = "WHERE time >= '2026-08-01T10:00:00Z' AND time < '2026-08-01T11:00:00Z'";
    let points = rows(&format!("SELECT fwhm FROM {DIMM} {range}"));
    let values: Vec<f64> = points.iter().map(|row| row[1].as_f64().unwrap()).collect();
    let of = |function: &str| rows(&format!("SELECT {function}(fwhm) FROM {DIMM} {range}")).remove(0);
    let mean = of("mean");
    assert_eq!(mean[0], "2026-08-01T10:00:00Z");
    let expected = values.iter().sum::<f64>() / values.len() as f64;
    assert!((mean[1].as_f64().unwrap() - expected).abs() < 1e-12);
    assert_eq!(of("count")[1], 120);
    assert_eq!(of("FIRST"), points[0]);
    assert_eq!(of("last"), points[119]);
    for (function, fold) in [("min", f64::min as fn(f64, f64) -> f64), ("max", f64::max)] {
        let best = values.iter().copied().reduce(fold).unwrap();
        let point = points.iter().find(|row| row[1] == best).unwrap();
        assert_eq!(&of(function), point, "with the time of its point");
    }
    let both = series(&format!(
        "SELECT min(fwhm), max(fwhm), max(salIndex) FROM {DIMM} {range}"
    ));
    assert_eq!(both["columns"], json!(["time", "min", "max", "max_1"]));
    assert_eq!(both["values"][0][0], "2026-08-01T10:00:00Z");
    assert_eq!(
        rows(&format!("SELECT mean(fwhm) FROM {DIMM}"))[0][0],
        "1970-01-01T00:00:00Z"
    );
}

#[test]
fn intervals_begin_at_round_times_and_show_what_is_in_them() {
    let query = format!(
        "SELECT count(fwhm) FROM {DIMM} WHERE time >= '2026-08-01T10:05:00Z' AND time < '2026-08-01T10:25:00Z'"
    );
    let grouped = rows(&format!("{query} GROUP BY time(10m)"));
    let expected = json!([
        ["2026-08-01T10:00:00Z", 10],
        ["2026-08-01T10:10:00Z", 20],
        ["2026-08-01T10:20:00Z", 10]
    ]);
    assert_eq!(json!(grouped), expected);
    let newest = rows(&format!("{query} GROUP BY time(10m), * ORDER BY time DESC LIMIT 1"));
    assert_eq!(json!(newest), json!([["2026-08-01T10:20:00Z", 10]]));
    let day = times(&format!(
        "SELECT mean(fwhm) FROM {DIMM} WHERE time > now() - 1d GROUP BY time(1h)"
    ));
    assert_eq!((day.len(), day[0].as_str()), (25, "2026-08-01T00:00:00Z"));
}

#[test]
fn an_interval_without_a_point_is_filled_as_asked() {
    let of = |function: &str, fill: &str| {
        let range = "time >= '2026-08-01T10:00:00Z' AND time < '2026-08-01T10:00:30Z'";
        let rows = rows(&format!(
            "SELECT {function}(fwhm) FROM {DIMM} WHERE {range} GROUP BY time(10s) {fill}"
        ));
        Json::from_iter(rows.into_iter().map(|row| row[1].clone()))
    };
    let fwhm = of("mean", "fill(none)")[0].clone();
    assert!(fwhm.is_f64());
    assert_eq!(of("mean", "fill(none)"), json!([fwhm]));
    for fill in ["", "fill(null)"] {
        assert_eq!(of("mean", fill), json!([fwhm, null, null]));
    }
    assert_eq!(of("mean", "FILL(previous)"), json!([fwhm, fwhm, fwhm]));
    assert_eq!(of("mean", "fill(0)"), json!([fwhm, 0, 0]));
    assert_eq!(of("mean", "fill(-1.5)"), json!([fwhm, -1.5, -1.5]));
    assert_eq!(of("count", ""), json!([1, 0, 0]));
    assert_eq!(
        of("mean", "fill(previous) ORDER BY time DESC"),
        json!([null, null, fwhm])
    );
    assert!(problem(&format!("SELECT mean(fwhm) FROM {DIMM} GROUP BY time(1m) fill(linear)")).contains("expected"));
}

#[test]
fn what_would_take_too_much_is_refused() {
    let query = format!("SELECT mean(fwhm) FROM {DIMM} WHERE time > 0 GROUP BY time(1s)");
    assert!(error(&query).starts_with("max-select-buckets limit exceeded: ("));
    assert_eq!(rows(&format!("{query} fill(none)")).len(), 5761);
}

#[test]
fn what_makes_no_sense_is_an_error() {
    for (query, message) in [
        (
            "SELECT mean(sensorName)",
            "unsupported mean iterator type: *query.stringInterruptIterator",
        ),
        ("SELECT time", "at least 1 non-time field must be queried"),
        (
            "SELECT mean(temperatureItem0), sensorName",
            "mixing aggregate and non-aggregate queries is not supported",
        ),
    ] {
        assert_eq!(error(&format!("{query} FROM {ESS}")), message);
    }
    let grouped = format!("SELECT temperatureItem0 FROM {ESS} GROUP BY time(1m)");
    assert_eq!(error(&grouped), "GROUP BY requires at least one aggregate function");
}
