use super::*;

/// A frame with so long a payload, its length written in this many bytes beyond the second.
fn frame(opcode: u8, masked: bool, length: u64, extended: usize) -> Vec<u8> {
    let mask = if masked { MASKED } else { 0 };
    let mut frame = vec![FINAL | opcode];
    match extended {
        0 => frame.push(mask | length as u8),
        2 => frame.push(mask | 126),
        _ => frame.push(mask | 127),
    }
    frame.extend_from_slice(&length.to_be_bytes()[8 - extended..]);
    if masked {
        frame.extend_from_slice(&[0x81, 0x88, 0xff, 0x00]);
    }
    frame
}

fn whole(opcode: u8, masked: bool, length: usize, extended: usize) -> Vec<u8> {
    let mut frame = frame(opcode, masked, length as u64, extended);
    // What looks like the beginning of a close frame is only payload.
    frame.extend([0x88, 0x00].into_iter().cycle().take(length));
    frame
}

/// Where frames end, read in pieces of this length.
fn boundaries(stream: &[u8], piece: usize) -> Vec<usize> {
    let (mut frames, mut ends, mut before) = (Frames::default(), Vec::new(), 0);
    for piece in stream.chunks(piece) {
        let mut at = 0;
        while let Some(end) = frames.next_boundary(&piece[at..]) {
            at += end;
            ends.push(before + at);
        }
        before += piece.len();
    }
    ends
}

/// Every form that a length can have, with and without a mask, fragments and control frames between them.
fn all_forms() -> Vec<Vec<u8>> {
    let lengths = [
        (0, 0),
        (1, 0),
        (125, 0),
        (126, 2),
        (127, 2),
        (65_535, 2),
        (65_536, 8),
        (0, 2), // longer than it need be
        (0, 8),
        (3, 8),
    ];
    let both = |(length, extended)| [false, true].map(|masked| whole(2, masked, length, extended));
    let mut frames: Vec<Vec<u8>> = lengths.into_iter().flat_map(both).collect();
    let fragment = |first: u8| vec![first, 3, b'a', b'b', b'c'];
    // A text in three fragments, with a ping and a pong between; reserved bits as compression sets them.
    frames.extend([
        fragment(0x41),
        whole(9, false, 4, 0),
        fragment(0x00),
        whole(10, true, 0, 0),
        fragment(0x80),
    ]);
    frames
}

#[test]
fn boundaries_are_where_frames_end_however_the_stream_is_cut() {
    let frames = all_forms();
    let mut end = 0;
    let expected: Vec<usize> = frames
        .iter()
        .map(|frame| {
            end += frame.len();
            end
        })
        .collect();
    let stream = frames.concat();
    for piece in [1, 2, 3, 7, 13, 4_096, stream.len()] {
        assert_eq!(boundaries(&stream, piece), expected, "in pieces of {piece}");
    }
}

#[test]
fn a_stream_is_at_a_boundary_before_its_first_byte_and_nowhere_within_a_frame() {
    for stream in all_forms() {
        let mut frames = Frames::default();
        assert!(frames.at_boundary());
        for (at, byte) in stream.iter().enumerate() {
            let ended = frames.next_boundary(&[*byte]);
            assert_eq!(ended.is_some(), at + 1 == stream.len(), "at {at} of {}", stream.len());
            assert_eq!(frames.at_boundary(), ended.is_some());
        }
        assert!(!frames.closed());
    }
}

#[test]
fn a_length_that_nobody_can_send_ends_nowhere() {
    for (length, masked) in [
        (1 << 63, false),
        (u64::MAX, true),
        (u64::MAX - 1, false),
        ((1 << 63) - 1, true),
    ] {
        let mut frames = Frames::default();
        frames.advance(&frame(1, masked, length, 8));
        for _ in 0..4 {
            assert_eq!(frames.next_boundary(&vec![0x88; 1 << 20]), None, "{length}");
        }
        assert!(!frames.at_boundary() && !frames.closed());
    }
}

#[test]
fn a_close_frame_is_known_once_it_is_whole() {
    for close in [
        whole(8, false, 0, 0),
        whole(8, false, 2, 0),
        whole(8, true, 0, 0),
        whole(8, true, 125, 0),
    ] {
        let mut frames = Frames::default();
        frames.advance(&whole(1, false, 300, 2));
        for byte in &close {
            assert!(!frames.closed());
            frames.advance(&[*byte]);
        }
        assert!(frames.closed() && frames.at_boundary());
        frames.advance(&whole(1, false, 5, 0));
        assert!(frames.closed(), "what comes behind it does not undo it");
    }
}

#[test]
fn only_the_first_boundary_is_told_and_the_rest_is_left() {
    let (one, two) = (whole(1, false, 300, 2), whole(8, false, 2, 0));
    let mut frames = Frames::default();
    let stream = [one.clone(), two.clone()].concat();
    assert_eq!(frames.next_boundary(&stream), Some(one.len()));
    assert!(!frames.closed());
    assert_eq!(frames.next_boundary(&stream[one.len()..]), Some(two.len()));
    assert!(frames.closed());
    assert_eq!(frames.next_boundary(&[]), None);
}

fn close(code: u16, reason: impl Into<std::borrow::Cow<'static, str>>) -> Close {
    Close {
        code,
        reason: reason.into(),
    }
}

#[test]
fn a_close_frame_of_ours_is_one() {
    assert_eq!(close(1001, "").to_frame(None), [0x88, 2, 0x03, 0xe9]);
    assert_eq!(close(1008, "no").to_frame(None), [0x88, 4, 0x03, 0xf0, b'n', b'o']);
    let masked = close(1008, "no").to_frame(Some([1, 2, 3, 4]));
    assert_eq!(masked, [0x88, 0x84, 1, 2, 3, 4, 0x03 ^ 1, 0xf0 ^ 2, b'n' ^ 3, b'o' ^ 4]);
    for frame in [close(1001, "going").to_frame(None), masked] {
        assert_eq!(boundaries(&frame, 1), [frame.len()]);
    }
}

#[test]
fn a_reason_that_is_too_long_is_cut_between_two_characters() {
    let frame = close(1008, "é".repeat(200)).to_frame(None);
    assert_eq!(frame.len(), 2 + 2 + 122);
    assert_eq!(std::str::from_utf8(&frame[4..]).unwrap(), "é".repeat(61));
    let longest = close(1008, "a".repeat(123)).to_frame(None);
    assert_eq!((longest.len(), longest[1]), (127, 125));
}
