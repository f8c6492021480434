//! A preflight on paper: what this login was found to be able to do, what will be sent, and what would open the rest.

use serde_json::Value;

/// As Markdown, for the one who owns the database.
pub(super) fn markdown(source: &Value, tested: &Value) -> String {
    let text = |of: &Value, key: &str| of[key].as_str().unwrap_or_default().to_owned();
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let user = match text(source, "user") {
        user if user.is_empty() => "default".to_owned(),
        user => user,
    };
    let mut out = format!(
        "# {}: what Sextant may read\n\n{} as `{user}`, looked at {}.\n\n",
        text(source, "name"),
        text(source, "url"),
        sextant_model::UnixNanos(sextant_workbench::now())
    );
    out += "## What is sent\n\n\
        Only SELECT and EXPLAIN, and KILL QUERY of its own queries, whose `query_id` begins with `sextant-`. No statement that \
        writes, changes settings in its text, or reaches outside of the server can be made; each one is written down before it is \
        sent.\n\n";
    let limits = &source["limits"];
    let limit = |key: &str, usual: u64| limits[key].as_u64().unwrap_or(usual);
    out += &format!(
        "One question takes {} s at most; above {} bytes to be read its user is asked first (`EXPLAIN ESTIMATE`), above {} bytes \
         it is refused or stopped; all questions together may read {} bytes a session.\n\n",
        limit("seconds", 60),
        limit("ask_above_bytes", 2_000_000_000),
        limit("query_bytes", 50_000_000_000),
        limit("session_bytes", 200_000_000_000)
    );
    out += "## What was found\n\n| | check | |\n|---|---|---|\n";
    let checks = tested["checks"].as_array().cloned().unwrap_or_default();
    for check in &checks {
        out += &format!("| {} | {} | {} |\n", text(check, "level"), text(check, "what"), cell(&text(check, "said")));
    }
    let fixes: Vec<String> = checks.iter().map(|c| text(c, "fix")).filter(|fix| fix.contains("GRANT")).collect();
    if !fixes.is_empty() {
        out += "\n## What would open more\n\nNothing of this is needed for what works above.\n\n```sql\n";
        for fix in fixes {
            let at = fix.find("GRANT").unwrap_or(0);
            out += &format!("{};\n", &fix[at..]);
        }
        out += "```\n";
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_says_what_would_open_more() {
        let source = json!({ "name": "prod", "url": "https://h:8443", "user": "ro", "limits": { "seconds": 30 } });
        let tested = json!({ "checks": [
            { "level": "pass", "what": "lets us in", "said": "ClickHouse 26.9 as 'ro' | well", "fix": null },
            { "level": "limit", "what": "system.parts", "said": "closed", "fix": "GRANT SELECT ON system.parts TO ro" },
        ] });
        let text = markdown(&source, &tested);
        assert!(text.contains("takes 30 s") && text.contains("GRANT SELECT ON system.parts TO ro;\n```"), "{text}");
        assert!(text.contains("as 'ro' \\| well"), "{text}");
    }
}
