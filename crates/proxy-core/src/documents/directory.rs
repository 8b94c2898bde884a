//! What is in a directory of documents at one moment.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, FileType},
    io,
    path::Path,
    sync::Arc,
};

use secrecy::SecretString;

use super::{
    looks::{Known, Seen, Stamp},
    place::Place,
};
use crate::files::{FASTER, MAX_SIZE, Mark, Reader, Unreadable, Why, steady, unreadable, version};

/// Most documents of a directory.
const MAX_FILES: usize = 10_000;
/// Most bytes of all documents together. What a look reads is in memory at once, until it is known to belong together.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Longest name.
const MAX_NAME: usize = 128;

/// Everything that was found.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) place: Place,
    pub(super) found: BTreeMap<Arc<str>, Found>,
    pub(super) odd: Odd,
}

/// What was found of one document.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) stamp: Option<Stamp>,
    pub(super) content: Content,
    size: u64,
}

#[derive(Debug)]
pub(super) enum Content {
    /// What is known already, good or not.
    Known,
    Text(Mark, SecretString),
    Flaw(Unreadable),
}

/// Files that no request could name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Odd {
    pub(super) count: usize,
    /// The first of them, by name.
    pub(super) name: OsString,
}

/// Everything in `directory`, or `None` if it cannot be other than what is known.
pub(super) fn look(directory: &Path, known: &Known) -> Result<Option<Listing>, String> {
    let place = || (version(directory), Place::of(directory));
    let in_place = |(_, place): &(_, Result<Place, String>)| {
        let place = place.as_ref().map_err(Clone::clone)?;
        if known.versioned && !place.versioned {
            return Err(
                "has lost its `..data`: mount the volume again, or restart the service if there is to be none"
                    .to_owned(),
            );
        }
        if known.is_all_of(place) {
            return Ok(None);
        }
        read_all(place, known).map(Some)
    };
    let (_, listing) = steady(place, in_place).ok_or_else(|| FASTER.to_owned())?;
    listing
}

fn read_all(place: &Place, known: &Known) -> Result<Listing, String> {
    let (names, odd) = names(&place.path)?;
    let mut reader = Reader::new(MAX_SIZE);
    let mut found = BTreeMap::new();
    let mut bytes = 0;
    for name in names {
        let (seen, stamp) = known.of(&name, place);
        let examined = examine(&mut reader, &place.path.join(&*name), seen, stamp);
        let Some(document) = examined.map_err(|what| format!("holds `{name}`, which {what}"))? else {
            continue;
        };
        bytes += document.size;
        if bytes > MAX_BYTES {
            return Err(format!("holds more than {MAX_BYTES} bytes: remove what is not needed"));
        }
        found.insert(name, document);
    }
    let place = place.clone();
    Ok(Listing { place, found, odd })
}

/// The names that documents may have, and what else there is.
fn names(directory: &Path) -> Result<(Vec<Arc<str>>, Odd), String> {
    let mut names = Vec::new();
    let mut odd = Odd::default();
    for entry in fs::read_dir(directory).map_err(|error| unreadable(&error))? {
        let entry = entry.map_err(|error| unreadable(&error))?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") || entry.file_type().is_ok_and(is_no_file) {
            continue;
        }
        match name.to_str().filter(|name| is_name(name)) {
            Some(name) => names.push(Arc::from(name)),
            None => odd.add(name),
        }
        if names.len() > MAX_FILES {
            return Err(format!("holds more than {MAX_FILES} files: remove what is not needed"));
        }
    }
    Ok((names, odd))
}

fn is_no_file(kind: FileType) -> bool {
    !kind.is_file() && !kind.is_symlink()
}

/// Whether a document may be called so: 1 to 128 letters, digits, `.`, `_` and `-`, the first no dot.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(letter) && !text.starts_with('.')
}

impl Odd {
    fn add(&mut self, name: OsString) {
        if self.count == 0 || name < self.name {
            self.name = name;
        }
        self.count += 1;
    }
}

/// Looks at one file, and reads it unless it is the one that `stamp` was taken of. `None`: there is no file, or none any
/// more. An error is not the document's: files cannot be read just now.
fn examine(
    reader: &mut Reader,
    path: &Path,
    seen: Option<&Seen>,
    stamp: Option<&Stamp>,
) -> Result<Option<Found>, Unreadable> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Ok(None),
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => return Ok(None),
        Err(error) => {
            let (content, stamp, size) = (content(Err(error.into()), seen)?, None, 0);
            return Ok(Some(Found { stamp, content, size }));
        }
    };
    let size = Some(metadata.len()).filter(|size| *size <= MAX_SIZE).unwrap_or(0);
    let now = Stamp::of(&metadata);
    if stamp == Some(&now) {
        let (stamp, content) = (Some(now), Content::Known);
        return Ok(Some(Found { stamp, content, size }));
    }
    let text = reader.read(path).and_then(document);
    // Some file systems do not know the size before all is read.
    let size = text.as_ref().map_or(size, |text| size.max(text.len() as u64));
    let (stamp, content) = (now.settled(), content(text, seen)?);
    Ok(Some(Found { stamp, content, size }))
}

fn content(text: Result<&str, Unreadable>, seen: Option<&Seen>) -> Result<Content, Unreadable> {
    Ok(match text.map(|text| (Mark::of(text), text)) {
        Ok((mark, _)) if seen == Some(&Ok(mark.clone())) => Content::Known,
        Ok((mark, text)) => Content::Text(mark, SecretString::from(text)),
        Err(flaw) if flaw.why == Why::Trouble => return Err(flaw),
        Err(flaw) if seen == Some(&Err(flaw.clone())) => Content::Known,
        Err(flaw) => Content::Flaw(flaw),
    })
}

/// What a document is of the text in its file.
fn document(text: &str) -> Result<&str, Unreadable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Unreadable::unfit("is empty: write the document into it"));
    }
    Ok(text)
}
