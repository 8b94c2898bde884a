use serde_json::json;

use super::*;

fn read(table: Value) -> (Option<TunnelsConfig>, Vec<String>) {
    let mut problems = Problems::default();
    let section = TunnelsConfig::read(table, &mut problems);
    if let Some(section) = &section {
        section.validate(&mut problems);
    }
    (section, problems.found().to_vec())
}

#[test]
fn every_key_is_needed_and_zero_is_no_limit_of_time_alone() {
    let good = json!({ "max_tunnels": 10, "max_tunnels_per_user": 2, "idle_seconds": 0, "lifetime_seconds": 86_400 });
    let (section, problems) = read(good.clone());
    let section = section.unwrap();
    assert_eq!((section.max_tunnels, section.max_tunnels_per_user), (10, 2));
    assert_eq!((section.idle_seconds, section.lifetime_seconds), (0, 86_400));
    assert!(problems.is_empty());
    for (key, value, what) in [
        ("max_tunnels", json!(0), "max_tunnels is 0: write a whole number from 1"),
        (
            "max_tunnels_per_user",
            json!(11),
            "max_tunnels_per_user is 11, more than max_tunnels = 10",
        ),
        (
            "idle_seconds",
            json!(2_592_001),
            "idle_seconds is 2592001: write a whole number from 0 to 2592000",
        ),
        ("lifetime_seconds", json!("1h"), "lifetime_seconds is a text"),
        (
            "max_tunels",
            json!(1),
            "max_tunels is not a key here: did you mean `max_tunnels`?",
        ),
    ] {
        let mut table = good.clone();
        table[key] = value;
        let (_, problems) = read(table);
        assert!(problems.len() == 1 && problems[0].starts_with(what), "{problems:?}");
    }
    assert_eq!(read(json!({})).1.len(), 4);
}
