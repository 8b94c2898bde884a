//! Expressions. Which operator binds stronger is InfluxDB's to know: they are written in the order they were read in.

use super::{Refusal, parse::Parser, token::Token};

/// Most operands in one text. InfluxDB logs statements, in time that grows with the square of a chain of operators: 45 s for
/// one of 256 KiB.
const MAX_OPERANDS: usize = 10_000;

impl Parser<'_> {
    /// Operands with operators between them; `compared`: comparisons too, which may not stand in a field.
    pub(super) fn expression(&mut self, compared: bool) -> Result<(), Refusal> {
        let mut pattern = false;
        loop {
            self.count()?;
            if pattern {
                self.pattern()?;
            } else {
                self.operand(compared)?;
            }
            match self.next.token {
                Token::Word("+" | "-" | "*" | "/" | "%" | "&" | "|" | "^") => pattern = false,
                Token::Word("=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" | "AND" | "OR") if compared => pattern = false,
                Token::Word("=~" | "!~") if compared => pattern = true,
                _ => return Ok(()),
            }
            self.take();
        }
    }

    /// One more of what InfluxDB makes chains of operators of: an operand, a source, a tag key.
    pub(super) fn count(&mut self) -> Result<(), Refusal> {
        self.operands += 1;
        match self.operands > MAX_OPERANDS {
            true => Err(self.refusal("too many operands", "one more than 10000 operands")),
            false => Ok(()),
        }
    }

    fn operand(&mut self, compared: bool) -> Result<(), Refusal> {
        let signed = self.accept("-") || self.accept("+");
        match self.next.token {
            Token::Word("(") => self.nested(|parser| parser.expression(compared)),
            Token::Name(_) => self.reference(compared),
            Token::Word("DISTINCT") if !signed => {
                self.take();
                if self.touches("(") {
                    return self.arguments(compared);
                }
                self.demand(matches!(self.next.token, Token::Name(_)))
            }
            Token::Word("*") if !signed => {
                self.take();
                self.cast("")
            }
            Token::Number(_) => self.demand(true),
            token => self.demand(!signed && matches!(token, Token::Text(_) | Token::Word("TRUE" | "FALSE"))),
        }
    }

    /// A call, a field or a tag: `a`, `a.b` or `a.b.c`, with a cast or without.
    pub(super) fn reference(&mut self, compared: bool) -> Result<(), Refusal> {
        self.take();
        if self.touches("(") {
            return self.arguments(compared);
        }
        let mut dots = 0;
        while dots < 2 && self.touches(".") {
            self.take();
            dots += 1;
            self.demand(!self.next.gap && matches!(self.next.token, Token::Name(_)))?;
        }
        self.cast("float integer unsigned string boolean")
    }

    /// `::type`, nothing between, if it stands here.
    fn cast(&mut self, types: &str) -> Result<(), Refusal> {
        if !self.touches("::") {
            return Ok(());
        }
        self.take();
        let known = match self.next.token {
            Token::Word(word) => matches!(word, "FIELD" | "TAG"),
            Token::Name(name) => types.split(' ').any(|known| name.eq_ignore_ascii_case(known)),
            _ => false,
        };
        self.demand(known && !self.next.gap)
    }

    fn arguments(&mut self, compared: bool) -> Result<(), Refusal> {
        self.nested(|parser| match parser.next.token {
            Token::Word(")") => Ok(()),
            _ => parser.list(|parser| {
                if parser.regex()? {
                    Ok(())
                } else {
                    parser.expression(compared)
                }
            }),
        })
    }
}
