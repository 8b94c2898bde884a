//! The first line says where pieces part, the rest is a stream of WebSocket frames, or of anything.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::line;
use proxy_core::fuzzing::tunnel::{Tracker, close_frame};

/// Where each whole frame ends, and whether it is a close frame: RFC 6455, 5.2, read in one piece.
fn naive(stream: &[u8]) -> Vec<(usize, bool)> {
    let (mut ends, mut at) = (Vec::new(), 0_u128);
    loop {
        let rest = &stream[at as usize..];
        let [first, second, ..] = rest else { return ends };
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(digits) = rest.get(2..2 + extended) else {
            return ends;
        };
        let length = match extended {
            0 => u128::from(second & 0x7f),
            _ => digits.iter().fold(0, |length, digit| length << 8 | u128::from(*digit)),
        };
        let mask = if second & 0x80 != 0 { 4 } else { 0 };
        at += 2 + extended as u128 + mask + length;
        if at > stream.len() as u128 {
            return ends;
        }
        ends.push((at as usize, first & 0x0f == 8));
    }
}

/// What is inserted is one close frame, and its reason is text.
fn check_close(stream: &[u8]) {
    let reason = String::from_utf8_lossy(stream).into_owned();
    for mask in [None, Some([1, 2, 3, 4])] {
        let frame = close_frame(1_001, reason.clone(), mask);
        assert_eq!(naive(&frame), [(frame.len(), true)]);
        assert!(frame.len() <= 127 + mask.map_or(0, |mask| mask.len()));
        if mask.is_none() {
            let told = std::str::from_utf8(&frame[4..]).expect("a reason is text");
            assert!(reason.starts_with(told));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let (lengths, stream) = line(data);
    let lengths: Vec<usize> = lengths.iter().map(|length| usize::from(*length).max(1)).collect();
    let frames = naive(stream);
    let ends: Vec<usize> = frames.iter().map(|(end, _)| *end).collect();
    let (mut tracker, mut whole) = (Tracker::default(), Tracker::default());
    let (mut found, mut at) = (Vec::new(), 0);
    let mut lengths = lengths.iter().cycle();
    while at < stream.len() {
        let end = stream.len().min(at + lengths.next().copied().unwrap_or(stream.len()));
        while at < end {
            match tracker.next_boundary(&stream[at..end]) {
                Some(length) => {
                    assert!(tracker.at_boundary());
                    at += length;
                    found.push(at);
                }
                None => at = end,
            }
        }
        let closed = frames.iter().any(|(end, close)| *close && *end <= at);
        assert_eq!(tracker.closed(), closed, "a close frame is known when it is whole");
        assert_eq!(tracker.at_boundary(), at == 0 || ends.contains(&at));
    }
    assert_eq!(found, ends, "wherever the pieces part");
    whole.advance(stream);
    assert_eq!(
        (whole.at_boundary(), whole.closed()),
        (tracker.at_boundary(), tracker.closed())
    );
    check_close(stream);
});
