use super::topics::{TOPICS, Topic};
use super::*;
use crate::demo_efd::answer::Value;

const DAY: i64 = 24 * 3600;
const FROM: i64 = NOW / SECOND;

fn number(topic: &str, field: &str, at: i64) -> f64 {
    match (Topic::named(topic).unwrap().field(field).unwrap().value)(at) {
        Value::Float(number) => number,
        value => panic!("{field} is {value:?}"),
    }
}

#[test]
fn two_days_are_at_most_20_000_points_of_a_topic() {
    for topic in &TOPICS {
        let query = format!("SELECT count({}) FROM \"{}\"", topic.fields[0].name, topic.name);
        let count = rows(&query)[0][1].as_i64().unwrap();
        assert_eq!(count, 2 * DAY / topic.period + 1);
        assert!((5_000..20_000).contains(&count), "{}: {count}", topic.name);
    }
}

#[test]
fn the_same_time_has_the_same_value_whenever_it_is_asked_for() {
    let query = "SELECT * FROM \"lsst.sal.MTMount.azimuth\" \
                 WHERE time >= '2026-08-01T10:00:00Z' AND time < '2026-08-01T12:00:00Z'";
    let at = |now| {
        let format = Format {
            epoch: None,
            pretty: false,
            chunk: None,
        };
        format.documents(outcomes(query, Some("efd"), now).unwrap())
    };
    assert_eq!(at(NOW), at(NOW + 3_723 * SECOND));
    // As in documents and screenshots, which may show them.
    assert_eq!(number("lsst.sal.ESS.temperature", "temperatureItem0", FROM), 8.6012);
}

#[test]
fn afternoons_are_warmer_than_nights() {
    for day in 0..365 {
        let at = |hour: i64| {
            number(
                "lsst.sal.ESS.temperature",
                "temperatureItem0",
                FROM + day * DAY + hour * 3600,
            )
        };
        assert!(at(19) > at(8) + 1.0, "day {day}: {} and {}", at(19), at(8));
        assert!((0.0..20.0).contains(&at(8)));
    }
}

#[test]
fn seeing_is_never_too_good_to_be_true() {
    for at in (FROM..FROM + 365 * DAY).step_by(600) {
        let fwhm = number("lsst.sal.DIMM.dimmMeasurement", "fwhm", at);
        assert!((0.45..1.6).contains(&fwhm), "{fwhm}");
    }
}

#[test]
fn the_mount_slews_no_faster_than_it_can_and_follows_what_is_demanded() {
    let positions =
        |at| ["actualPosition", "demandPosition"].map(|field| number("lsst.sal.MTMount.azimuth", field, at));
    let (mut slews, mut before) = (0, positions(FROM - 1)[1]);
    for at in FROM..FROM + DAY {
        let [actual, demanded] = positions(at);
        let speed = (demanded - before).abs();
        assert!(speed < 5.0, "{speed} degrees a second at {at}");
        assert!((actual - demanded).abs() <= 2.6, "{actual} for {demanded} at {at}");
        assert!(demanded.abs() < 180.0);
        slews += i32::from(speed > 1.0);
        before = demanded;
    }
    assert!(slews > 100, "{slews} seconds of slewing are not much to see");
}
