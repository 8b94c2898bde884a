//! Statements and their clauses, as InfluxDB's parser reads them.

use std::mem;

use super::{
    Refusal, Statement,
    parse::Parser,
    token::{Next, Token},
};

/// The clauses of `SELECT`, in their order: `clause` knows what each is.
const SELECT: &str = "fields sources WHERE GROUP fill ORDER LIMIT OFFSET SLIMIT SOFFSET tz";

/// The statements that read: the words they begin with (of two that begin alike the longer stands first), and their clauses.
const READING: [(&str, &str); 15] = [
    ("SELECT", SELECT),
    ("EXPLAIN ANALYZE", "query"),
    ("EXPLAIN", "query"),
    ("SHOW DATABASES", ""),
    ("SHOW FIELD KEY CARDINALITY", "ON FROM WHERE GROUP LIMIT OFFSET"),
    ("SHOW FIELD KEYS", "ON FROM ORDER LIMIT OFFSET"),
    ("SHOW MEASUREMENT CARDINALITY", "ON FROM WHERE GROUP LIMIT OFFSET"),
    ("SHOW MEASUREMENTS", "ON WITH WHERE ORDER LIMIT OFFSET"),
    ("SHOW RETENTION POLICIES", "ON"),
    ("SHOW SERIES CARDINALITY", "ON FROM WHERE GROUP LIMIT OFFSET"),
    ("SHOW SERIES", "ON FROM WHERE ORDER LIMIT OFFSET"),
    ("SHOW TAG KEY CARDINALITY", "ON FROM WHERE GROUP LIMIT OFFSET"),
    ("SHOW TAG KEYS", "ON FROM WHERE ORDER LIMIT OFFSET SLIMIT SOFFSET"),
    ("SHOW TAG VALUES CARDINALITY", "ON FROM key WHERE GROUP LIMIT OFFSET"),
    ("SHOW TAG VALUES", "ON FROM key WHERE ORDER LIMIT OFFSET"),
];

/// The others, refused by name: they write, or show what is not for a caller to see.
const REFUSED: &str = "ALTER RETENTION POLICY, CREATE CONTINUOUS QUERY, CREATE DATABASE, CREATE RETENTION POLICY, \
    CREATE SUBSCRIPTION, CREATE USER, DELETE, DROP CONTINUOUS QUERY, DROP DATABASE, DROP MEASUREMENT, \
    DROP RETENTION POLICY, DROP SERIES, DROP SHARD, DROP SUBSCRIPTION, DROP USER, GRANT, INSERT, KILL QUERY, REVOKE, \
    SET PASSWORD, SHOW CONTINUOUS QUERIES, SHOW DIAGNOSTICS, SHOW GRANTS, SHOW QUERIES, SHOW SHARD GROUPS, SHOW SHARDS, \
    SHOW STATS, SHOW SUBSCRIPTIONS, SHOW USERS";

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Result<Statement, Refusal> {
        let Some((kind, clauses)) = READING.into_iter().find(|(kind, _)| self.begins(kind)) else {
            self.refuse_if(!matches!(self.next.token, Token::Word(_) | Token::Name(_)))?;
            let known = REFUSED.split(", ").find(|kind| self.begins(kind));
            let kind = known.unwrap_or("unknown statement");
            return Err(self.refusal(kind, "a statement that does not just read"));
        };
        for word in kind.split(' ') {
            let _ = word == "CARDINALITY" && self.accept("EXACT");
            self.expect(word)?;
        }
        self.clauses(clauses)?;
        self.refuse_if(!self.next.token.is(";") && self.next.token != Token::End)?;
        let (mut databases, text) = (mem::take(&mut self.databases), mem::take(&mut self.out));
        databases.sort_unstable();
        databases.dedup();
        Ok(Statement { kind, databases, text })
    }

    /// Whether the words of `kind` come next, be `EXACT` among them or not.
    fn begins(&self, kind: &str) -> bool {
        let mut next = self.next;
        kind.split(' ').all(|word| {
            if next.token.is("EXACT") {
                next = Next::of(next.after);
            }
            let found = next.token.is(word);
            next = if found { Next::of(next.after) } else { next };
            found
        })
    }

    fn clauses(&mut self, clauses: &'static str) -> Result<(), Refusal> {
        clauses.split_whitespace().try_for_each(|clause| self.clause(clause))
    }

    /// In capitals: an optional clause that begins with this word.
    fn clause(&mut self, clause: &str) -> Result<(), Refusal> {
        match clause {
            "query" => self.expect("SELECT").and_then(|()| self.clauses(SELECT)),
            "fields" => self.list(Self::field),
            "sources" => self
                .expect("FROM")
                .and_then(|()| self.list(|parser| parser.source(true))),
            "key" => self.key(),
            "fill" | "tz" => self.option(clause),
            _ if !self.accept(clause) => Ok(()),
            "FROM" => self.list(|parser| parser.source(false)),
            "ON" => self.name().map(|database| self.databases.push(database)),
            "WITH" => {
                self.expect("MEASUREMENT")?;
                let operator = if self.next.token.is("=~") { "=~" } else { "=" };
                self.expect(operator).and_then(|()| self.source(false))
            }
            "WHERE" => self.expression(true),
            "GROUP" => self.expect("BY").and_then(|()| self.list(Self::dimension)),
            "ORDER" => self.order(),
            _ => self.demand(matches!(self.next.token, Token::Number(count) if count.parse::<u64>().is_ok())),
        }
    }

    fn field(&mut self) -> Result<(), Refusal> {
        if !self.regex()? {
            self.expression(false)?;
        }
        if self.accept("AS") {
            self.name()?;
        }
        Ok(())
    }

    /// `m`, `policy.m`, `database.policy.m`, `database..m`, nothing between; a regular expression may stand for `m`.
    fn source(&mut self, queries: bool) -> Result<(), Refusal> {
        self.count()?;
        if self.regex()? {
            return Ok(());
        }
        if queries && self.next.token.is("(") {
            return self.nested(|parser| parser.clause("query"));
        }
        let (first, mut dots, mut regex) = (self.name()?, 0, false);
        while dots < 2 && !regex && self.touches(".") {
            self.take();
            dots += 1;
            if dots == 2 || !self.touches(".") {
                regex = !self.next.gap && self.regex()?;
                if !regex {
                    self.demand(!self.next.gap && matches!(self.next.token, Token::Name(_)))?;
                }
            }
        }
        // There InfluxDB looks for a regular expression once more, and loses its place.
        let lost = dots < 2 && !regex && self.touches(",") && self.next.after.starts_with('/');
        self.refuse_if(lost)?;
        self.databases.extend((dots == 2).then_some(first));
        Ok(())
    }

    /// What `WITH` demands of `SHOW TAG VALUES`.
    fn key(&mut self) -> Result<(), Refusal> {
        self.expect("WITH")?;
        self.expect("KEY")?;
        match self.next.token {
            Token::Word("=~" | "!~") => {
                self.take();
                self.pattern()
            }
            Token::Word("=" | "!=" | "<>") => {
                self.take();
                self.name().map(drop)
            }
            _ => {
                self.expect("IN")?;
                self.nested(|parser| parser.list(|parser| parser.count().and_then(|()| parser.name().map(drop))))
            }
        }
    }

    fn dimension(&mut self) -> Result<(), Refusal> {
        let regex = self.regex()?;
        if !regex {
            self.expression(true)?;
        }
        // Behind a regular expression InfluxDB looks for a comma at once, and not further on.
        self.refuse_if(regex && self.next.gap && self.next.token.is(","))
    }

    /// `fill(0)` or `tz('UTC')`: calls, to InfluxDB, where no other may stand.
    fn option(&mut self, option: &str) -> Result<(), Refusal> {
        let named = matches!(self.next.token, Token::Name(name) if name.eq_ignore_ascii_case(option));
        if named && self.next.after.starts_with('(') {
            self.reference(true)?;
        }
        Ok(())
    }

    /// What follows `ORDER`: time is all there is to order by.
    fn order(&mut self) -> Result<(), Refusal> {
        self.expect("BY")?;
        let direction = |parser: &mut Self| parser.accept("ASC") || parser.accept("DESC");
        if !direction(self) {
            self.demand(self.next.token.name().is_some_and(|name| name == "time"))?;
            direction(self);
        }
        Ok(())
    }
}
