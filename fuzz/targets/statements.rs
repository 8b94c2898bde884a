//! The value of `q`: what passes may only read, whatever InfluxDB makes of it.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/influxql/src/tests/naive.rs"]
mod naive;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(statements) = influxql::read(text) else { return };
    let sent: Vec<&str> = statements.iter().map(influxql::Statement::text).collect();
    let sent = sent.join(";");
    naive::check(&sent);
    let again = influxql::read(&sent).expect("what is sent can be read");
    assert_eq!(again, statements, "{sent:?}");
});
