//! What change counts, of something that is made of one file or a few.

use std::path::PathBuf;

use prometheus::IntGauge;

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

/// The failure that was told of, until all is well again: each is told once, not once a second. As long as there is one,
/// the gauge is one higher: what tells once says nothing of what is still so.
#[derive(Debug)]
pub(crate) struct Told {
    what: Option<String>,
    unread: IntGauge,
}

impl Told {
    /// Nothing was told; `unread` counts what cannot be read, this and others.
    pub(crate) fn nothing(unread: &IntGauge) -> Self {
        Self {
            what: None,
            unread: unread.clone(),
        }
    }

    /// Whether nobody has been told of this yet; now they are.
    pub(crate) fn is_news(&mut self, what: &str) -> bool {
        let news = self.what.as_deref() != Some(what);
        if news && self.what.replace(what.to_owned()).is_none() {
            self.unread.inc();
        }
        news
    }

    /// All is well; says whether it was not.
    pub(crate) fn clear(&mut self) -> bool {
        let was_told = self.what.take().is_some();
        if was_told {
            self.unread.dec();
        }
        was_told
    }
}
