//! The small part of Jira's query language that the demo understands.  (pure)
//!
//! `project`, `status`, `assignee`, `labels`, `key` with `=`, `!=`, `IN`, joined by `AND`; `ORDER BY created`, `updated`
//! or `key`. Anything else is refused in Jira's words, so that a notebook sees the error it would see there.

use super::corpus::{PEOPLE, PROJECTS, STATUSES};
use super::issues::Issue;

pub(super) struct Query {
    clauses: Vec<Clause>,
    order: Order,
    ascending: bool,
}

struct Clause {
    field: Field,
    negated: bool,
    values: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Field {
    Project,
    Status,
    Assignee,
    Labels,
    Key,
}

#[derive(Clone, Copy)]
enum Order {
    Created,
    Updated,
    Key,
}

impl Query {
    pub(super) fn parse(jql: &str) -> Result<Self, String> {
        let tokens = tokens(jql)?;
        let mut rest = tokens.as_slice();
        let mut clauses = Vec::new();
        while !rest.is_empty() && !is_word(rest, "order") {
            if !clauses.is_empty() {
                rest = after_word(rest, "AND")?;
            }
            let clause;
            (clause, rest) = Clause::parse(rest)?;
            clauses.push(clause);
        }
        let (order, ascending) = order(rest)?;
        Ok(Self {
            clauses,
            order,
            ascending,
        })
    }

    pub(super) fn select<'a>(&self, issues: &'a [Issue]) -> Vec<&'a Issue> {
        let mut found: Vec<&Issue> = issues
            .iter()
            .filter(|issue| self.clauses.iter().all(|clause| clause.matches(issue)))
            .collect();
        match self.order {
            Order::Created => found.sort_by_key(|issue| issue.created),
            Order::Updated => found.sort_by_key(|issue| (issue.updated(), issue.id)),
            Order::Key => found.sort_by_key(|issue| (issue.project.key, issue.number)),
        }
        if !self.ascending {
            found.reverse();
        }
        found
    }
}

impl Clause {
    fn parse(tokens: &[Token]) -> Result<(Self, &[Token]), String> {
        let [Token::Word(name), rest @ ..] = tokens else {
            return Err(unexpected("a field name", tokens));
        };
        let field = Field::named(name)?;
        let (negated, values, rest) = match rest {
            [Token::Sign("="), Token::Word(value), rest @ ..] => (false, vec![value.clone()], rest),
            [Token::Sign("!="), Token::Word(value), rest @ ..] => (true, vec![value.clone()], rest),
            [Token::Sign("=" | "!="), rest @ ..] => return Err(unexpected("a value", rest)),
            [Token::Word(word), Token::Sign("("), rest @ ..] if word.eq_ignore_ascii_case("in") => {
                let (values, rest) = list(rest)?;
                (false, values, rest)
            }
            _ => return Err(unexpected("operator '=', '!=' or 'IN' (the demo knows no other)", rest)),
        };
        values.iter().try_for_each(|value| field.accepts(value))?;
        Ok((Self { field, negated, values }, rest))
    }

    fn matches(&self, issue: &Issue) -> bool {
        self.values.iter().any(|value| self.field.is(issue, value)) != self.negated
    }
}

impl Field {
    fn named(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "project" => Ok(Self::Project),
            "status" => Ok(Self::Status),
            "assignee" => Ok(Self::Assignee),
            "labels" => Ok(Self::Labels),
            "key" | "issuekey" | "issue" => Ok(Self::Key),
            _ => Err(format!(
                "Field '{name}' does not exist or you do not have permission to view it."
            )),
        }
    }

    /// Jira refuses a value that it has never heard of, but for labels, which come and go.
    fn accepts(self, value: &str) -> Result<(), String> {
        let known = match self {
            Self::Project => PROJECTS.iter().any(|project| project.is_called(value)),
            Self::Status => STATUSES.iter().any(|status| status.eq_ignore_ascii_case(value)),
            Self::Assignee => value.eq_ignore_ascii_case("empty") || PEOPLE.iter().any(|person| person.name == value),
            Self::Labels | Self::Key => true,
        };
        let name = match self {
            Self::Project => "project",
            Self::Status => "status",
            _ => "assignee",
        };
        known
            .then_some(())
            .ok_or_else(|| format!("The value '{value}' does not exist for the field '{name}'."))
    }

    fn is(self, issue: &Issue, value: &str) -> bool {
        match self {
            Self::Project => issue.project.is_called(value),
            Self::Status => issue.status().eq_ignore_ascii_case(value),
            Self::Assignee => match issue.assignee {
                Some(person) => person.name == value,
                None => value.eq_ignore_ascii_case("empty"),
            },
            Self::Labels => issue.labels.contains(&value),
            Self::Key => issue.key().eq_ignore_ascii_case(value),
        }
    }
}

/// Without `ORDER BY`: newest first.
fn order(tokens: &[Token]) -> Result<(Order, bool), String> {
    if tokens.is_empty() {
        return Ok((Order::Created, false));
    }
    let rest = after_word(after_word(tokens, "ORDER")?, "BY")?;
    let [Token::Word(name), rest @ ..] = rest else {
        return Err(unexpected("a field name", rest));
    };
    let order = match name.to_ascii_lowercase().as_str() {
        "created" => Order::Created,
        "updated" => Order::Updated,
        "key" | "issuekey" => Order::Key,
        _ => return Err(format!("Not able to sort using field '{name}'.")),
    };
    match rest {
        [] => Ok((order, false)),
        [Token::Word(word)] if word.eq_ignore_ascii_case("asc") => Ok((order, true)),
        [Token::Word(word)] if word.eq_ignore_ascii_case("desc") => Ok((order, false)),
        _ => Err(unexpected("'ASC' or 'DESC'", rest)),
    }
}

fn list(mut tokens: &[Token]) -> Result<(Vec<String>, &[Token]), String> {
    let mut values = Vec::new();
    loop {
        match tokens {
            [Token::Word(value), Token::Sign(","), rest @ ..] => {
                values.push(value.clone());
                tokens = rest;
            }
            [Token::Word(value), Token::Sign(")"), rest @ ..] => {
                values.push(value.clone());
                return Ok((values, rest));
            }
            _ => return Err(unexpected("a value, then ',' or ')'", tokens)),
        }
    }
}

enum Token {
    Word(String),
    Sign(&'static str),
}

fn tokens(jql: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = jql.trim_start();
    while let Some(first) = rest.chars().next() {
        let sign = ["!=", "=", "(", ")", ","]
            .into_iter()
            .find(|sign| rest.starts_with(sign));
        if let Some(sign) = sign {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else if first == '"' || first == '\'' {
            let (value, after) = rest[1..].split_once(first).ok_or_else(|| {
                format!(
                    "Error in the JQL Query: The quoted string '{}' has not been completed.",
                    &rest[1..]
                )
            })?;
            tokens.push(Token::Word(value.to_owned()));
            rest = after;
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || "!=(),\"'".contains(c))
                .unwrap_or(rest.len());
            // At least one character, so that a lone `!` ends in an error instead of a loop.
            let (word, after) = rest.split_at(end.max(first.len_utf8()));
            tokens.push(Token::Word(word.to_owned()));
            rest = after;
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

fn is_word(tokens: &[Token], word: &str) -> bool {
    matches!(tokens, [Token::Word(first), ..] if first.eq_ignore_ascii_case(word))
}

fn after_word<'a>(tokens: &'a [Token], word: &str) -> Result<&'a [Token], String> {
    if is_word(tokens, word) {
        Ok(&tokens[1..])
    } else {
        Err(unexpected(&format!("'{word}'"), tokens))
    }
}

fn unexpected(wanted: &str, tokens: &[Token]) -> String {
    let got = match tokens.first() {
        Some(Token::Word(word)) => format!("'{word}'"),
        Some(Token::Sign(sign)) => format!("'{sign}'"),
        None => "the end of the query".to_owned(),
    };
    format!("Error in the JQL Query: Expecting {wanted} but got {got}.")
}
