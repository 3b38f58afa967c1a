use pgherd_wire::backend::{self, Column};

/// PostgreSQL's type `text`. Pgpool-II says 0 here, which is no type: drivers that look a column's type up stumble
/// over it.
const TEXT_OID: u32 = 25;
/// The length of a type whose length varies.
const VARYING: i16 = -1;

/// An answer: columns and rows of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
    name: Option<String>,
}

impl Table {
    /// An empty table with these columns.
    pub fn new(columns: &'static [&'static str]) -> Self {
        Table { columns, rows: Vec::new(), name: None }
    }

    /// One value in one column.
    pub fn single(column: &str, value: impl Into<String>) -> Self {
        Table { columns: &[], rows: vec![vec![value.into()]], name: Some(column.to_owned()) }
    }

    /// Adds a row with a value for each column.
    pub fn push<const N: usize>(&mut self, row: [String; N]) {
        debug_assert_eq!(N, self.columns.len(), "a value for each column");
        self.rows.push(row.into());
    }

    /// The names of the columns.
    pub fn columns(&self) -> Vec<&str> {
        self.columns.iter().copied().chain(self.name.as_deref()).collect()
    }

    /// The rows.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// Appends RowDescription, the rows, and CommandComplete with the tag `SELECT n`.
    pub fn put(&self, out: &mut Vec<u8>) {
        let columns = self.columns();
        let described = columns.iter().map(|name| Column::text(name.as_bytes(), TEXT_OID, VARYING));
        backend::put_row_description(out, described);
        for row in &self.rows {
            backend::put_data_row(out, row.iter().map(|value| Some(value.as_bytes())));
        }
        backend::put_command_complete(out, format!("SELECT {}", self.rows.len()).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn as_a_server_would_answer() {
        let mut table = Table::new(&["a", "b"]);
        table.push(["1".to_owned(), String::new()]);
        let mut out = Vec::new();
        table.put(&mut out);
        let description = b"T\0\0\0\x2e\0\x02\
            a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0\
            b\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
        let row = b"D\0\0\0\x0f\0\x02\0\0\0\x011\0\0\0\0";
        let complete = b"C\0\0\0\x0dSELECT 1\0";
        assert_eq!(out, [&description[..], row, complete].concat());
    }

    #[test]
    fn an_empty_table_has_a_tag_too() {
        let mut out = Vec::new();
        Table::new(&["a"]).put(&mut out);
        assert!(out.ends_with(b"C\0\0\0\x0dSELECT 0\0"));
    }
}
