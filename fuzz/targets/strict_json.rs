//! A JSON text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::naive;
use proxy_core::fuzzing::{strict_object, strict_text};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let object = strict_object(data);
    let lax: Option<Value> = serde_json::from_slice(data).ok();
    let Ok(text) = std::str::from_utf8(data) else {
        assert!(object.is_none());
        return;
    };
    let strict = strict_text(text);
    // Numbers are read alike: nothing that is too large becomes something else.
    let once = lax.filter(|value| naive::members_written(text) == naive::members_read(value));
    assert_eq!(
        strict.as_ref().ok(),
        once.as_ref(),
        "what has one meaning is read, and nothing else"
    );
    assert_eq!(object.map(Value::Object), once.filter(Value::is_object));
    if let Err(what) = strict {
        let words = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() >= 12);
        words.for_each(|word| assert!(!what.contains(word), "{what}"));
    }
});
