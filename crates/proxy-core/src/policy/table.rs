//! The policy as a table that people can read: `print-policy`.

use std::fmt::Write as _;

use super::{Action, Policy, Rule};

impl Policy {
    /// One line for each rule, in the order in which they are tried, and the default.
    #[must_use]
    pub fn to_table(&self) -> String {
        let head = ["rule", "action", "methods", "paths", "only if"].map(str::to_owned);
        let last = ["(default)", "deny", "any", "**", ""].map(str::to_owned);
        let rows: Vec<[String; 5]> = [head]
            .into_iter()
            .chain(self.rules.iter().map(row))
            .chain([last])
            .collect();
        let width = |column: usize| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..5).map(width).collect();
        let mut table = String::new();
        for row in &rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(line, "{cell:width$}  ");
            }
            table.push_str(line.trim_end());
            table.push('\n');
        }
        table
    }
}

fn row(rule: &Rule) -> [String; 5] {
    let methods: Vec<&str> = rule.methods.iter().map(actix_web::http::Method::as_str).collect();
    let mut only_if = Vec::new();
    if !rule.query.is_empty() {
        only_if.push(format!("query has {}", rule.query.join(" or ")));
    }
    only_if.extend(rule.group.iter().map(|group| format!("caller in group {group}")));
    only_if.extend(rule.scope.iter().map(|scope| format!("caller has scope {scope}")));
    [
        rule.name.to_string(),
        if rule.action == Action::Allow { "allow" } else { "deny" }.to_owned(),
        if methods.is_empty() {
            "any".to_owned()
        } else {
            methods.join(" ")
        },
        rule.paths().collect::<Vec<_>>().join(" "),
        only_if.join(" and "),
    ]
}
