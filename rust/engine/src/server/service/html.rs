//! The looks of our pages, light and dark, wide and narrow; no scripts, nothing from elsewhere.

use std::fmt::{self, Display, Write};

/// The `Content-Security-Policy` of our pages: whatever gets into one, it loads and runs nothing.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<meta name=\"color-scheme\" content=\"light dark\">
<link rel=\"icon\" href=\"data:,\">
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.6 system-ui, sans-serif; margin: 0; }
main { max-width: 46rem; margin: 8vh auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; font-weight: 600; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; font-weight: 600; margin: 2.5rem 0 0; }
dl { display: grid; grid-template-columns: 11rem 1fr; gap: .2rem 1.5rem; margin: .75rem 0; }
dt { opacity: .65; }
dd { margin: 0; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-spacing: 0; width: 100%; }
td { padding: .1rem 0; vertical-align: top; font-variant-numeric: tabular-nums; }
td:first-child { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
td + td { padding-left: 1.5rem; text-align: right; white-space: nowrap; opacity: .65; }
footer { margin-top: 2.5rem; font-size: .875rem; opacity: .65; }
@media (max-width: 36rem) {
  main { margin: 2rem auto; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
  td:last-child { display: none; }
}
</style>
";

/// A page up to the beginning of its content.
pub fn begin(title: &dyn Display) -> String {
    let mut page = String::with_capacity(4096);
    page.push_str(HEAD);
    let _ = write!(page, "<title>{title}: tlstool</title>\n</head>\n<body>\n<main>\n");
    page
}

/// The rest of it; `footer` is HTML.
pub fn end(page: &mut String, footer: &str) {
    let _ = write!(page, "<footer>{footer}</footer>\n</main>\n</body>\n</html>\n");
}

/// Text of a peer's, or of a file system's, in HTML: markup is shown, control characters are replaced.
pub struct Escaped<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c if c.is_control() => f.write_char(char::REPLACEMENT_CHARACTER),
            c => f.write_char(c),
        })
    }
}
