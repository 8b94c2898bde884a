//! What the telescope could have measured: three topics, each value computed from its time alone.  (pure)
//!
//! So nothing is stored, and the same range of time has the same values at every start.

use std::f64::consts::TAU;

use super::answer::Value;
use crate::dice::Dice;

pub(super) struct Topic {
    pub(super) name: &'static str,
    /// Seconds from one point to the next.
    pub(super) period: i64,
    /// In the order of their names.
    pub(super) fields: &'static [Field],
}

pub(super) struct Field {
    pub(super) name: &'static str,
    /// At a unix time in seconds.
    pub(super) value: fn(i64) -> Value,
}

const fn field(name: &'static str, value: fn(i64) -> Value) -> Field {
    Field { name, value }
}

/// In the order of their names.
pub(super) static TOPICS: [Topic; 3] = [
    Topic {
        name: "lsst.sal.DIMM.dimmMeasurement",
        period: 30,
        fields: &[
            field("fwhm", |at| rounded(seeing(at))),
            field("salIndex", |_| Value::Integer(1)),
            field("timestamp", atomic_time),
        ],
    },
    Topic {
        name: "lsst.sal.ESS.temperature",
        period: 10,
        fields: &[
            field("salIndex", |_| Value::Integer(1)),
            field("sensorName", |_| Value::Text("Demo-ESS01".to_owned())),
            field("temperatureItem0", |at| rounded(outside(at))),
            field("temperatureItem1", |at| rounded(in_the_dome(at))),
            field("timestamp", atomic_time),
        ],
    },
    Topic {
        name: "lsst.sal.MTMount.azimuth",
        period: 10,
        fields: &[
            field("actualPosition", |at| rounded(azimuth(at as f64 - 0.5) + encoder(at))),
            field("demandPosition", |at| rounded(azimuth(at as f64))),
            field("timestamp", atomic_time),
        ],
    },
];

impl Topic {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TOPICS.iter().find(|topic| topic.name == name)
    }

    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    /// InfluxDB's name for the type.
    pub(super) fn kind(&self) -> &'static str {
        match (self.value)(0) {
            Value::Integer(_) => "integer",
            Value::Text(_) => "string",
            _ => "float",
        }
    }
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// When the sun is highest over Cerro Pachón, in UTC.
const NOON: i64 = 16 * HOUR + 43 * MINUTE;
/// How long the telescope looks at one field; long for a survey, but to be seen in a plot of two days.
const VISIT: i64 = 30 * MINUTE;
/// How long it takes to the next one.
const SLEW: f64 = 120.0;
/// Degrees a second, while the sky turns.
const TRACKING: f64 = 0.004;
const AZIMUTH: u64 = 7;

/// 1 at `top` of each day, -1 half a day later.
fn daily(at: i64, top: i64) -> f64 {
    ((at - top).rem_euclid(DAY) as f64 / DAY as f64 * TAU).cos()
}

/// Degrees Celsius. The air is warmest some hours after noon.
fn outside(at: i64) -> f64 {
    8.5 + 3.5 * daily(at, NOON + 2 * HOUR) + 1.5 * noise(at, 1, 3 * HOUR) + 0.2 * noise(at, 2, MINUTE)
}

/// The dome keeps a part of the day's change out, and what comes in comes late.
fn in_the_dome(at: i64) -> f64 {
    9.5 + 2.0 * daily(at, NOON + 4 * HOUR) + noise(at - HOUR, 1, 3 * HOUR) + 0.1 * noise(at, 3, 5 * MINUTE)
}

/// Arc seconds; worse while the sun heats the ground.
fn seeing(at: i64) -> f64 {
    let heated = daily(at, NOON).max(0.0);
    0.8 + 0.4 * heated + 0.2 * noise(at, 4, HOUR) + 0.1 * noise(at, 5, 2 * MINUTE)
}

/// Degrees: from field to field, far apart by night and close together by day.
fn azimuth(at: f64) -> f64 {
    let visit = at.div_euclid(VISIT as f64) as i64;
    let since = at.rem_euclid(VISIT as f64);
    let (before, target) = (target(visit - 1) + TRACKING * VISIT as f64, target(visit));
    let way = ease((since / SLEW).min(1.0));
    before + (target + TRACKING * since - before) * way
}

fn target(visit: i64) -> f64 {
    let by_day = daily(visit * VISIT, NOON) > 0.0;
    thrown(AZIMUTH, visit) * if by_day { 20.0 } else { 170.0 }
}

fn encoder(at: i64) -> f64 {
    0.0005 * noise(at, 6, 10)
}

/// SAL's own time stamps are in TAI.
fn atomic_time(at: i64) -> Value {
    Value::Float((at + 37) as f64)
}

/// Between -1 and 1: smooth from one thrown number to the next, of which there is one each `period` seconds.
fn noise(at: i64, seed: u64, period: i64) -> f64 {
    let n = at.div_euclid(period);
    let (from, to) = (thrown(seed, n), thrown(seed, n + 1));
    from + (to - from) * ease(at.rem_euclid(period) as f64 / period as f64)
}

/// The number `n` of a series, between -1 and 1.
fn thrown(seed: u64, n: i64) -> f64 {
    let sides = 1 << 32;
    Dice(n.cast_unsigned() ^ (seed << 48)).up_to(sides) as f64 / (sides / 2) as f64 - 1.0
}

/// From 0 to 1, without a jerk at either end.
fn ease(part: f64) -> f64 {
    part * part * (3.0 - 2.0 * part)
}

fn rounded(number: f64) -> Value {
    Value::Float((number * 1e4).round() / 1e4)
}
