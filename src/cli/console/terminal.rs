//! What the terminal can show, if there is one.

use std::io::IsTerminal;

use crate::base::terminal::Terminal;

/// The terminal behind standard output; `None` for a file or a pipe.
pub(super) fn of_results() -> Option<Terminal> {
    let is_there = std::io::stdout().is_terminal();
    is_there.then(|| {
        let columns = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        Terminal { columns, colours: has_colours() }
    })
}

/// Whether errors on standard error may have colours.
pub fn errors_have_colours() -> bool {
    std::io::stderr().is_terminal() && has_colours()
}

/// Whether colours are wanted: see <https://no-color.org>.
fn has_colours() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}
