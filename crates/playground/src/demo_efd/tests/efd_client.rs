//! The texts that lsst_efd_client 0.13 sends, with what it makes of the answers.

use super::*;

const RANGE: &str = "time >= '2026-08-01T10:00:00.000Z' AND time <= '2026-08-01T11:00:00.000Z'";

#[test]
fn get_topics_finds_a_column_of_names() {
    let series = series("SHOW MEASUREMENTS");
    assert_eq!(series["columns"], json!(["name"]));
    let names = json!([
        ["lsst.sal.DIMM.dimmMeasurement"],
        ["lsst.sal.ESS.temperature"],
        ["lsst.sal.MTMount.azimuth"]
    ]);
    assert_eq!(series["values"], names);
}

#[test]
fn get_fields_finds_a_column_of_field_keys() {
    let series = series("SHOW FIELD KEYS FROM \"efd\".\"autogen\".\"lsst.sal.ESS.temperature\"");
    assert_eq!(series["name"], "lsst.sal.ESS.temperature");
    assert_eq!(series["columns"], json!(["fieldKey", "fieldType"]));
    let fields = json!([
        ["salIndex", "integer"],
        ["sensorName", "string"],
        ["temperatureItem0", "float"],
        ["temperatureItem1", "float"],
        ["timestamp", "float"]
    ]);
    assert_eq!(series["values"], fields);
}

#[test]
fn select_time_series_finds_every_point_of_the_range() {
    let query = format!(
        "SELECT temperatureItem0, temperatureItem1 FROM \"efd\".\"autogen\".\"lsst.sal.ESS.temperature\" WHERE {RANGE}"
    );
    assert_eq!(
        series(&query)["columns"],
        json!(["time", "temperatureItem0", "temperatureItem1"])
    );
    let found = rows(&query);
    assert_eq!(found.len(), 361, "both ends belong to it");
    assert_eq!(found[0][0], "2026-08-01T10:00:00Z");
    assert_eq!(found[360][0], "2026-08-01T11:00:00Z");
    assert!(found.iter().flatten().all(|value| value.is_string() || value.is_f64()));
    assert_eq!(rows(&format!("{query} AND salIndex = 1")), found);
    assert_empty(&format!("{query} AND salIndex = 2"));
    assert_empty(&format!("{query} AND ESSID = 1"));
}

#[test]
fn select_top_n_finds_the_newest_points() {
    let source = "\"efd\".\"autogen\".\"lsst.sal.MTMount.azimuth\"";
    let newest = rows(&format!(
        "SELECT actualPosition FROM {source} GROUP BY * ORDER BY DESC LIMIT 3"
    ));
    let times: Vec<&Json> = newest.iter().map(|row| &row[0]).collect();
    assert_eq!(
        times,
        ["2026-08-02T00:00:00Z", "2026-08-01T23:59:50Z", "2026-08-01T23:59:40Z"]
    );
    let query =
        format!("SELECT * FROM {source} WHERE time < '2026-08-01T12:00:00.000Z' GROUP BY * ORDER BY DESC LIMIT 1");
    assert_eq!(rows(&query)[0][0], "2026-08-01T11:59:50Z");
    let of_dimm = "SELECT fwhm FROM \"efd\".\"autogen\".\"lsst.sal.DIMM.dimmMeasurement\"";
    assert_eq!(
        rows(&format!(
            "{of_dimm} WHERE salIndex = 1 GROUP BY * ORDER BY DESC LIMIT 5"
        ))
        .len(),
        5
    );
}

#[test]
fn select_packed_time_series_finds_a_time_stamp_in_tai_beside_the_values() {
    let query = format!(
        "SELECT temperatureItem0, temperatureItem1, timestamp FROM \"efd\".\"autogen\".\"lsst.sal.ESS.temperature\" WHERE {RANGE}"
    );
    let utc = 1_785_578_400.0;
    assert_eq!(rows(&query)[0][3], json!(utc + 37.0));
}

#[test]
fn a_topic_that_is_not_there_is_empty() {
    assert_empty(&format!(
        "SELECT foo FROM \"efd\".\"autogen\".\"lsst.sal.Nothing\" WHERE {RANGE}"
    ));
    assert_empty("SHOW FIELD KEYS FROM \"efd\".\"autogen\".\"lsst.sal.Nothing\"");
}
