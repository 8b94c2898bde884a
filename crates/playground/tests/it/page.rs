//! The landing page as a reader gets it: its texts, and the things to try that it shows.

use crate::running::Running;

pub(crate) struct Page {
    html: String,
}

/// One of the things to try.
pub(crate) struct Try {
    pub(crate) title: String,
    pub(crate) status: u16,
    pub(crate) command: String,
}

impl Page {
    pub(crate) fn of(playground: &Running) -> Self {
        let html = playground.get(playground.url("page"));
        Self { html }
    }

    /// The line that the things to try need first.
    pub(crate) fn preparation(&self) -> String {
        self.box_of("preparation")
    }

    /// The text of the box that says it is `what`.
    pub(crate) fn box_of(&self, what: &str) -> String {
        let (_, rest) = self.html.split_once(&format!("data-what=\"{what}\"")).unwrap();
        reader_sees(between(rest, "<code>", "</code>"))
    }

    pub(crate) fn tries(&self) -> Vec<Try> {
        let articles = self.html.split("<article>").skip(1);
        let tries: Vec<Try> = articles.map(one).collect();
        assert_eq!(tries.len(), self.html.matches("class=\"badge").count());
        tries
    }

    /// Where its links lead.
    pub(crate) fn links(&self) -> Vec<&str> {
        let links = self.html.split("<a href=\"").skip(1);
        links.map(|link| link.split('"').next().unwrap()).collect()
    }
}

fn one(article: &str) -> Try {
    let heading = reader_sees(between(article, "<h4>", "</h4>"));
    let (title, status) = heading.split_once(" answers ").unwrap();
    Try {
        title: title.to_owned(),
        status: status.parse().unwrap(),
        command: reader_sees(between(article, "<code>", "</code>")),
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

fn reader_sees(html: &str) -> String {
    let pieces = html
        .split('<')
        .map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    let text: String = pieces.collect();
    text.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[test]
fn the_page_shows_what_the_terminal_shows() {
    for playground in Running::both() {
        let page = Page::of(&playground);
        for (what, title) in [
            ("curl line", "An issue"),
            ("Python snippet", "A search"),
            ("EFD curl line", "Temperatures"),
            ("EFD Python snippet", "A lease"),
            ("instance curl line", "The instance of ada, with curl"),
            ("token", "A token"),
        ] {
            assert_eq!(page.box_of(what), playground.block(title), "{what}");
        }
    }
}

#[test]
fn every_link_of_the_page_leads_somewhere() {
    for playground in Running::both() {
        let page = Page::of(&playground);
        let links = page.links();
        assert!(links.len() >= 3, "{links:?}");
        for link in links {
            let expected = if link.ends_with("/sign-in") { "303" } else { "200" };
            assert_eq!(playground.status(link), expected, "{link}");
        }
    }
}
