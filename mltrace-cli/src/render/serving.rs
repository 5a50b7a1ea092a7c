//! The server and its tokens.

use mltrace_core::Page;

use super::table::{Cell, Column, Fit, table};
use super::text::{STRONG, one_line};
use super::time::age;
use crate::command::{Begin, KnownToken, NewToken, Serving};
use crate::session::Screen;

pub(crate) fn serving(serving: &Serving) -> String {
    let Serving { address, store, begin } = serving;
    let served = format!("serving {} at http://{address}, described at http://{address}/api/docs\n", store.display());
    let Some(width) = begin.iter().map(|begin| begin.url.len()).max() else { return served };
    let lines = begin.iter().map(|Begin { what, url }| format!("  {url:width$}  {what}\n"));
    format!("{served}\nThis is a demo, gone when it ends. Look at first:\n{}", lines.collect::<String>())
}

pub(crate) fn new_token(new: &NewToken) -> String {
    format!(
        "{}\n\nThis is the only time that it is shown. `mltrace token revoke {}` takes it away.\n",
        new.token, new.name
    )
}

pub(crate) fn tokens(tokens: &Page<KnownToken>, screen: Screen) -> String {
    const COLUMNS: [Column; 3] = [
        Column { title: "token", fit: Fit::CutEnd },
        Column { title: "role", fit: Fit::Left },
        Column { title: "made", fit: Fit::Left },
    ];
    if tokens.items.is_empty() {
        return "no tokens: mltrace token add --role ROLE\n".to_owned();
    }
    let row = |token: &KnownToken| {
        let made = age(token.created_at, screen.now);
        [Cell::styled(STRONG, one_line(&token.name)), Cell::new(token.role.as_str()), Cell::new(made)]
    };
    table(COLUMNS, &tokens.items.iter().map(row).collect::<Vec<_>>(), screen.width)
}
