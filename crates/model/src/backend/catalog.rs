use super::execute::{columns, row_of};
use super::{Backend, Wires};
use crate::sql::{TABLES, Table};

/// What the catalogs say of a relation.
struct Relation {
    temporary: bool,
}

impl Backend {
    /// Answers what a session asks the catalogs about names: a row of seven columns for each that means something.
    pub(super) fn look_up(&self, text: &str, wires: &mut Wires<'_>) -> String {
        const COLUMNS: u16 = 7;
        let mut rows = 0;
        if !self.extended {
            columns(COLUMNS, wires.out);
        }
        for asked in text.split(",(").skip(1) {
            let Some((at, name)) = relation_asked(asked) else { continue };
            let Some(found) = self.relation(name, wires) else { continue };
            let temporary = if found.temporary { "t" } else { "f" };
            row_of(&[at, temporary, "f", "f", "f", "f", "f"], wires.out);
            rows += 1;
        }
        format!("SELECT {rows}")
    }

    fn relation(&self, name: &str, wires: &Wires<'_>) -> Option<Relation> {
        let exists = |found: bool| found.then_some(Relation { temporary: false });
        if let Some(n) = name.strip_prefix("temporary_") {
            let temporary = n.parse().is_ok_and(|n| self.state.temporaries.contains(&n));
            return temporary.then_some(Relation { temporary });
        }
        if let Some(table) = table(name) {
            return match self.hides(table) {
                true => Some(Relation { temporary: true }),
                false => exists(self.exists(table, wires.data)),
            };
        }
        exists(name == "here")
    }
}

fn table(name: &str) -> Option<Table> {
    let (kind, n) = name.split_at_checked(1)?;
    let n: usize = n.parse().ok().filter(|&n| n < TABLES)?;
    match kind {
        "t" => Some(n),
        "u" => Some(TABLES + n),
        _ => None,
    }
}

/// The place and the name of `0,'r',NULL,E'name')...`.
fn relation_asked(asked: &str) -> Option<(&str, &str)> {
    let (at, rest) = asked.split_once(",'r',")?;
    let (_, name) = rest.split_once(",E'")?;
    let (name, _) = name.split_once('\'')?;
    at.bytes().all(|byte| byte.is_ascii_digit()).then_some((at, name))
}
