//! What change counts, of something that is made of one file or a few.

use std::path::PathBuf;

use super::Mark;

/// What was seen at the last look.
#[derive(Debug)]
pub(crate) struct Followed {
    places: Vec<PathBuf>,
    seen: Option<Result<Mark, String>>,
}

impl Followed {
    /// Files that have just been read where they really are.
    pub(crate) fn at(places: Vec<PathBuf>) -> Self {
        Self { places, seen: None }
    }

    /// What counts of what was read now, if anything does. With `patience`, what was written in place counts when it
    /// looks the same twice: the first look may have met a file that is still being written.
    pub(crate) fn settled<T>(
        &mut self,
        read: Result<(T, Vec<PathBuf>), String>,
        mark: impl Fn(&T) -> Mark,
        patience: bool,
    ) -> Option<Result<T, String>> {
        let (now, moved) = match read {
            Ok((text, places)) => {
                let moved = places != self.places;
                self.places = places;
                (Ok(text), moved)
            }
            Err(what) => (Err(what), false),
        };
        let seen = now.as_ref().map(mark).map_err(Clone::clone);
        let same = self.seen.as_ref() == Some(&seen);
        self.seen = Some(seen);
        (moved || !patience || same).then_some(now)
    }
}

/// The failure that was told of, until all is well again: each is told once, not once a second.
#[derive(Debug, Default)]
pub(crate) struct Told(Option<String>);

impl Told {
    /// Whether nobody has been told of this yet; now they are.
    pub(crate) fn is_news(&mut self, what: &str) -> bool {
        let news = self.0.as_deref() != Some(what);
        if news {
            self.0 = Some(what.to_owned());
        }
        news
    }

    /// All is well; says whether it was not.
    pub(crate) fn clear(&mut self) -> bool {
        self.0.take().is_some()
    }
}
