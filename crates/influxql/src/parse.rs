//! The way through a text: takes one token after the other, and writes it anew.

use super::{
    Refusal,
    token::{self, BOUND_PARAMETER, Next, Token},
};

/// How deep parentheses, calls and sub-queries may nest.
const MAX_DEPTH: usize = 64;

/// A place in a text. What stands before it, from the statement's beginning on, is written anew already.
#[derive(Debug)]
pub(super) struct Parser<'t> {
    text: &'t str,
    /// Behind what was taken last.
    rest: &'t str,
    pub(super) next: Next<'t>,
    depth: usize,
    pub(super) operands: usize,
    pub(super) out: String,
    pub(super) databases: Vec<String>,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            rest: text,
            next: Next::of(text),
            depth: 0,
            operands: 0,
            out: String::new(),
            databases: Vec::new(),
        }
    }

    /// Goes to the next statement, if there is one.
    pub(super) fn begin(&mut self) -> bool {
        while self.accept(";") {}
        self.out.clear();
        self.next.token != Token::End
    }

    /// Reads one or more, with commas between.
    pub(super) fn list(&mut self, mut one: impl FnMut(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        one(self)?;
        while self.accept(",") {
            one(self)?;
        }
        Ok(())
    }

    /// Reads what stands in parentheses.
    pub(super) fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        if self.depth == MAX_DEPTH {
            return Err(self.refusal("nested too deeply", "one more than 64 levels"));
        }
        self.expect("(")?;
        self.depth += 1;
        inner(self)?;
        self.depth -= 1;
        self.expect(")")
    }

    /// Takes the regular expression that stands here, if one does: where one may stand, InfluxDB looks for it before it looks
    /// for a token or a comment.
    pub(super) fn regex(&mut self) -> Result<bool, Refusal> {
        let at = token::whitespace(self.rest);
        let gap = at.len() < self.rest.len();
        let token = match token::regex(at) {
            None => return Ok(false),
            Some(found) => found.unwrap_or_else(Token::Bad),
        };
        self.next = Next {
            token,
            gap,
            at,
            after: &at[token.written().len()..],
        };
        self.demand(!matches!(token, Token::Bad(_)))?;
        Ok(true)
    }

    /// Takes the regular expression that has to stand here.
    pub(super) fn pattern(&mut self) -> Result<(), Refusal> {
        let found = self.regex()?;
        self.refuse_if(!found)
    }

    /// Takes an identifier.
    pub(super) fn name(&mut self) -> Result<String, Refusal> {
        let name = self.next.token.name();
        self.demand(name.is_some()).map(|()| name.unwrap_or_default())
    }

    /// Whether `sign` comes next, with nothing before it.
    pub(super) fn touches(&self, sign: &str) -> bool {
        self.next.token.is(sign) && !self.next.gap
    }

    pub(super) fn accept(&mut self, word: &str) -> bool {
        let found = self.next.token.is(word);
        if found {
            self.take();
        }
        found
    }

    pub(super) fn expect(&mut self, word: &str) -> Result<(), Refusal> {
        self.demand(self.next.token.is(word))
    }

    /// Takes the next token if it is a good one.
    pub(super) fn demand(&mut self, good: bool) -> Result<(), Refusal> {
        self.refuse_if(!good)?;
        self.take();
        Ok(())
    }

    pub(super) fn take(&mut self) {
        if self.next.gap && !self.out.is_empty() {
            self.out.push(' ');
        }
        self.next.token.write(&mut self.out);
        self.rest = self.next.after;
        self.next = Next::of(self.rest);
    }

    /// Refuses what comes next, if it is `odd` there.
    pub(super) fn refuse_if(&self, odd: bool) -> Result<(), Refusal> {
        let found = match self.next.token {
            _ if !odd => return Ok(()),
            Token::Word(found) | Token::Bad(found) => found,
            Token::Name(_) => "an identifier",
            Token::Text(_) | Token::Number(_) | Token::Regex(_) => "a literal",
            Token::End => "the end",
        };
        let kind = match found {
            "INTO" => "SELECT INTO",
            BOUND_PARAMETER => BOUND_PARAMETER,
            _ => "cannot be read",
        };
        Err(self.refusal(kind, found))
    }

    /// About what comes next.
    pub(super) fn refusal(&self, kind: &'static str, found: &str) -> Refusal {
        let before = &self.text[..self.text.len() - self.next.at.len()];
        let what = format!("unexpected at character {}: {found}", before.chars().count() + 1);
        Refusal { kind, what }
    }
}
