//! Texts made of the corpus: spliced, cut, doubled, and with what scanners trip over put in between.

use super::{reading::READING, refused::REFUSED};

const PIECES: &[&str] = &[
    " ",
    "\n",
    "\r",
    "\t",
    "\u{b}",
    "/**/",
    "/*",
    "*/",
    "--",
    "-- x\n",
    "-- x\r",
    "/* ; */",
    "\"",
    "'",
    "\\",
    "\\\\",
    "\\'",
    "\\\"",
    "\\n",
    "/",
    "\\/",
    "//",
    "/a/",
    ";",
    ";;",
    ";DROP DATABASE efd",
    "; DELETE FROM m;",
    " INTO x ",
    " INTO \"x\"..y ",
    "INTO",
    "SET",
    "KILL QUERY 1",
    "SHOW USERS",
    "USER",
    "PASSWORD",
    "SELECT",
    " SELECT a FROM m ",
    "(SELECT a INTO b FROM c)",
    "(",
    ")",
    ",",
    ".",
    "..",
    "=~",
    "!~",
    "=",
    "*",
    "-",
    "+",
    "1",
    "1h",
    ".5",
    "$",
    "$x",
    "::",
    ":",
    "\"x\"",
    "'x'",
    "\"x\".\"y\".",
    "x..",
    "é",
    "ſ",
    "\u{212a}",
    "\u{2028}",
    "\u{feff}",
    "µ",
    "μ",
    "\0",
    " AND ",
    " OR b = 1",
    " AS x",
    " LIMIT 1",
    " GROUP BY time(1m), *",
    " fill(0)",
    " tz('UTC')",
    " DESC",
    "DISTINCT ",
];

/// A small generator of numbers (xorshift): the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).expect("small")).expect("small")
    }

    /// A place between two characters: half of the time one where whitespace is.
    fn place(&mut self, text: &str) -> usize {
        let blank = self.below(2) == 0;
        let places = text.char_indices().filter(|(_, character)| !blank || *character == ' ');
        let mut places: Vec<usize> = places.map(|(at, _)| at).collect();
        places.push(text.len());
        places[self.below(places.len())]
    }

    fn range(&mut self, text: &str) -> (usize, usize) {
        let (one, other) = (self.place(text), self.place(text));
        (one.min(other), one.max(other))
    }

    fn text(&mut self) -> &'static str {
        match self.below(4) {
            0 => REFUSED[self.below(REFUSED.len())].0,
            _ => READING[self.below(READING.len())].0,
        }
    }

    fn mutate(&mut self, text: &str) -> String {
        let (from, to) = self.range(text);
        let (before, part, after) = (&text[..from], &text[from..to], &text[to..]);
        match self.below(8) {
            0..=2 => [&text[..from], PIECES[self.below(PIECES.len())], &text[from..]].concat(),
            3 => [before, &swap_case(part), after].concat(),
            4 => [before, after].concat(),
            5 => [before, part, part, after].concat(),
            6 => {
                let other = self.text();
                [before, &other[self.place(other)..]].concat()
            }
            _ => [text, ";", self.text()].concat(),
        }
    }
}

fn swap_case(text: &str) -> String {
    let swap = |character: char| match character.is_lowercase() {
        true => character.to_ascii_uppercase(),
        false => character.to_ascii_lowercase(),
    };
    text.chars().map(swap).collect()
}

pub(super) fn mutants(seed: u64, count: usize) -> impl Iterator<Item = String> {
    let mut dice = Dice(seed);
    let one = move || {
        let mut text = dice.text().to_owned();
        for _ in 0..=dice.below(3) {
            text = dice.mutate(&text);
        }
        text
    };
    std::iter::repeat_with(one).take(count)
}
