//! What a double click on a bundle and a `sextant:` link lead to: this program, for the user who says so.

use anyhow::Context as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const ID: &str = "dev.sextant.desktop";
const MIME: &str = "application/vnd.sextant.bundle";
const ICON: &[u8] = include_bytes!("../icons/icon.png");

/// What is written, below the user's folder for data.
fn files(program: &Path) -> [(String, Vec<u8>); 3] {
    // Reserved characters are escaped within quotes, and each backslash once more as in every value of such a file.
    let mut quoted = String::new();
    for c in program.to_string_lossy().chars() {
        match c {
            '\\' => quoted += "\\\\\\\\",
            '"' | '`' | '$' => quoted.extend(["\\\\", c.encode_utf8(&mut [0; 4])]),
            '%' => quoted += "%%",
            c => quoted.push(c),
        }
    }
    let entry = format!(
        "[Desktop Entry]\nType=Application\nVersion=1.5\nName=Sextant\nComment=Offline observability workbench\n\
         Exec=\"{quoted}\" %U\nIcon={ID}\nTerminal=false\nCategories=Development;\n\
         MimeType={MIME};x-scheme-handler/sextant;\nStartupWMClass=sextant-desktop\n"
    );
    let kind = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <mime-info xmlns=\"http://www.freedesktop.org/standards/shared-mime-info\">\n  <mime-type type=\"{MIME}\">\n    \
         <comment>Sextant bundle</comment>\n    <sub-class-of type=\"application/zip\"/>\n    \
         <glob pattern=\"*.sxb\" weight=\"60\"/>\n  </mime-type>\n</mime-info>\n"
    );
    [
        (format!("applications/{ID}.desktop"), entry.into_bytes()),
        (format!("mime/packages/{ID}.xml"), kind.into_bytes()),
        (format!("icons/hicolor/512x512/apps/{ID}.png"), ICON.to_vec()),
    ]
}

/// Writes them, and has the desktop look at them.
pub fn associate() -> anyhow::Result<()> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
    let home = home.context("there is no home directory: set HOME")?;
    let program = std::env::current_exe().context("where this program lies is not known")?;
    for (name, bytes) in files(&program) {
        let path = home.join(name);
        let cannot = || format!("{} can't be written", path.display());
        std::fs::create_dir_all(path.parent().unwrap_or(&home)).with_context(cannot)?;
        std::fs::write(&path, bytes).with_context(cannot)?;
        writeln!(std::io::stdout(), "{}", path.display())?;
    }
    // Desktops that have none of these look by themselves.
    for (tool, folder) in [("update-mime-database", "mime"), ("update-desktop-database", "applications")] {
        if let Err(e) = Command::new(tool).arg(home.join(folder)).status() {
            tracing::info!("{tool} was not run: {e}");
        }
    }
    Ok(())
}

/// The place on the screens that a link leads to: `sextant://trace/7f3a…` to `#/trace/7f3a…`.
pub fn address(link: &str) -> Option<String> {
    let (scheme, rest) = link.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("sextant") {
        return None;
    }
    let (place, query) = rest.trim_start_matches('/').split_once('?').unwrap_or((rest.trim_start_matches('/'), ""));
    // Who wrote a link has no say in which cluster is asked.
    let query: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("source")).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    Some(format!("#/{place}{mark}{}", query.join("&")))
}

/// The file that is meant: desktops name some by their address.
pub fn path(named: PathBuf) -> PathBuf {
    let text = named.to_str().and_then(|text| text.strip_prefix("file://"));
    match text.and_then(|text| text.find('/').map(|at| &text[at..])) {
        Some(path) => crate::doors::decoded(path).into(),
        None => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_screens_and_files_do_not() {
        for (link, expected) in [
            ("sextant://trace/7f3a", Some("#/trace/7f3a")),
            ("sextant:traces?q=error%3Atrue", Some("#/traces?q=error%3Atrue")),
            ("SEXTANT:///", Some("#/")),
            ("sextant://logs?source=prod&q=x&source=b", Some("#/logs?q=x")),
            ("/tmp/sextant.json", None),
            ("https://example.com", None),
        ] {
            assert_eq!(address(link).as_deref(), expected, "{link}");
        }
        for (named, expected) in
            [("file:///tmp/a%20b.sxb", "/tmp/a b.sxb"), ("file://desk/a", "/a"), ("b.sxb", "b.sxb")]
        {
            assert_eq!(path(named.into()), PathBuf::from(expected));
        }
    }

    #[test]
    fn a_program_of_any_name_is_quoted() {
        let [(_, entry), ..] = files(Path::new("/opt/my \"100%\" $tools\\x/sextant-desktop"));
        let entry = String::from_utf8(entry).expect("text");
        assert!(
            entry.contains("Exec=\"/opt/my \\\\\"100%%\\\\\" \\\\$tools\\\\\\\\x/sextant-desktop\" %U\n"),
            "{entry}"
        );
    }
}
