//! A path pattern and a path, each on a line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::{line, naive};
use proxy_core::fuzzing::policy::PathPattern;

fuzz_target!(|data: &[u8]| {
    let (pattern, path) = line(data);
    let (Ok(pattern), Ok(path)) = (std::str::from_utf8(pattern), std::str::from_utf8(path)) else {
        return;
    };
    let compiled = match PathPattern::new(pattern) {
        Ok(compiled) => compiled,
        Err(what) => return assert!(what.contains(": "), "a cure: {what}"),
    };
    let meant = compiled.matches(path);
    assert_eq!(meant, naive::pattern_means(pattern, path), "{pattern} {path}");
    assert!(!pattern.starts_with('/') && !pattern.split('/').any(|name| matches!(name, "." | "..")));
    if let Some(tree) = pattern
        .strip_suffix("/**")
        .filter(|tree| meant && !tree.contains(['*', '{']))
    {
        assert!(
            path == tree || path.starts_with(&format!("{tree}/")),
            "{pattern} {path}"
        );
    }
});
