use crate::Table;

/// A row of `SHOW pool_status` and `PGPOOL SHOW ALL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFacts {
    /// The setting's name, with its number where it has one.
    pub item: String,
    /// Its value. A secret's is the caller's to hide.
    pub value: String,
    /// What it is, in a line.
    pub description: String,
}

/// `SHOW pool_status` and `PGPOOL SHOW ALL`.
pub fn pool_status(settings: impl IntoIterator<Item = SettingFacts>) -> Table {
    let mut table = Table::new(&["item", "value", "description"]);
    for SettingFacts { item, value, description } in settings {
        table.push([item, value, description]);
    }
    table
}
