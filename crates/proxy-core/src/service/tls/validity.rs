//! When a certificate ends (RFC 5280, 4.1), read without a parser for all the rest of it.  (pure)

use time::{Date, Month, OffsetDateTime};

/// Tags of DER.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// `notAfter` of a certificate in DER; `None` if that is not found where it should be.
pub(super) fn end(certificate: &[u8]) -> Option<OffsetDateTime> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    if fields.first() == Some(&VERSION) {
        (_, _, fields) = element(fields)?;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (_, validity, _) = element(fields)?;
    let (_, _, after_begin) = element(validity)?;
    let (tag, end, _) = element(after_begin)?;
    moment(tag, end)
}

/// The first element: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        // So many bytes of a length: no certificate needs more than four.
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            let length = digits
                .iter()
                .fold(0, |length, digit| (length << 8) | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDhhmmssZ`, where years from 50 on are those of the last century, or `YYYYMMDDhhmmssZ`.
fn moment(tag: u8, text: &[u8]) -> Option<OffsetDateTime> {
    let (century, text) = match (tag, text.len()) {
        (UTC_TIME, 13) => (if text[0] < b'5' { 20 } else { 19 }, text),
        (GENERALIZED_TIME, 15) => (i32::from(two_digits(text)?), &text[2..]),
        _ => return None,
    };
    let at = |index: usize| two_digits(&text[2 * index..]);
    let date = Date::from_calendar_date(century * 100 + i32::from(at(0)?), Month::try_from(at(1)?).ok()?, at(2)?);
    let moment = date.ok()?.with_hms(at(3)?, at(4)?, at(5)?).ok()?;
    text.ends_with(b"Z").then_some(moment.assume_utc())
}

fn two_digits(text: &[u8]) -> Option<u8> {
    let (tens, ones) = (text.first()?, text.get(1)?);
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};

    use super::*;
    use crate::client::tests::tls::ROOT;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        assert!(content.len() < 0x80);
        [&[tag, content.len() as u8], content].concat()
    }

    /// As much of a certificate as is looked at.
    fn certificate(version: &[u8], tag: u8, end: &str) -> Vec<u8> {
        let begin = der(UTC_TIME, b"200101000000Z");
        let validity = der(0x30, &[begin, der(tag, end.as_bytes())].concat());
        let others = [der(0x02, &[1]), der(0x30, &[]), der(0x30, &[])].concat();
        der(0x30, &der(0x30, &[version, &others, &validity].concat()))
    }

    #[track_caller]
    fn check(tag: u8, end: &str, expected: Option<i64>) {
        for version in [vec![], der(VERSION, &der(0x02, &[2]))] {
            let found = super::end(&certificate(&version, tag, end));
            assert_eq!(found.map(OffsetDateTime::unix_timestamp), expected, "{end}");
        }
    }

    #[test]
    fn both_ways_to_write_a_time_are_read_and_nothing_else_is() {
        check(UTC_TIME, "300102030405Z", Some(1_893_553_445));
        check(UTC_TIME, "991231235959Z", Some(946_684_799));
        check(GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000));
        for text in [
            "500101000000Z",
            "20500101000000Z ",
            "205001010000000",
            "x0500101000000Z",
        ] {
            check(GENERALIZED_TIME, text, None);
        }
        check(0x16, "300102030405Z", None);
        for text in [
            "301301000000Z",
            "300132000000Z",
            "300101240000Z",
            "3001010000000",
            "30010100000xZ",
            "",
            "Z",
        ] {
            check(UTC_TIME, text, None);
        }
    }

    #[test]
    fn the_end_of_a_real_certificate_is_found() {
        let certificate = CertificateDer::from_pem_slice(ROOT.as_bytes()).unwrap();
        let end = super::end(&certificate).unwrap();
        assert_eq!(end.to_string(), "2126-10-30 17:31:52.0 +00:00:00");
    }

    #[test]
    fn what_is_cut_anywhere_has_no_end_and_breaks_nothing() {
        let certificate = CertificateDer::from_pem_slice(ROOT.as_bytes()).unwrap();
        for length in 0..certificate.len() {
            assert_eq!(super::end(&certificate[..length]), None, "{length}");
        }
        for odd in [
            &[0x30][..],
            &[0x30, 0x80],
            &[0x30, 0x85, 0, 0, 0, 0, 0],
            &[0x30, 0x84, 255, 255, 255, 255],
        ] {
            assert_eq!(super::end(odd), None, "{odd:?}");
        }
    }
}
