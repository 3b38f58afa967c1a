//! What the body of a DO block may do, guessed from its words.

/// What the words of a body speak of. Guessed on the safe side: strings and comments are words too, and a statement
/// that is put together while it runs may be any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// It may make temporary objects.
    pub(super) temporary: bool,
    /// It may change settings.
    pub(super) sets: bool,
}

impl Said {
    /// Of a body that cannot be seen.
    pub(super) const ANYTHING: Said = Said { temporary: true, sets: true };

    /// What `body` speaks of.
    pub(super) fn of(body: &str) -> Said {
        let mut said = Said { temporary: false, sets: false };
        for piece in body.split(';') {
            // UPDATE ... SET and its like; as a statement of its own, SET comes first.
            let mut may_set = true;
            for word in piece.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
                let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
                if is(&["execute", "call"]) {
                    return Said::ANYTHING;
                }
                said.temporary |= is(&["temp", "temporary"]) || begins_with(word, "pg_temp");
                said.sets |= is(&["set_config", "reset", "discard"]) || may_set && is(&["set"]);
                may_set &= !is(&["update", "conflict", "alter", "merge"]);
            }
        }
        said
    }
}

fn begins_with(word: &str, start: &str) -> bool {
    word.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::Said;

    #[test]
    fn by_words() {
        let table = [
            ("BEGIN NULL; END", false, false),
            ("BEGIN UPDATE t SET a = 1; PERFORM 1; END", false, false),
            ("BEGIN INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2; END", false, false),
            ("BEGIN CREATE TEMP TABLE x (a int); END", true, false),
            ("begin create table pg_temp.x (a int); end", true, false),
            ("BEGIN SET LOCAL work_mem = '1MB'; END", false, true),
            ("BEGIN UPDATE t SET a = 1; SET ROLE x; END", false, true),
            ("BEGIN PERFORM set_config('a.b', 'c', false); END", false, true),
            ("BEGIN EXECUTE 'CREATE TE' || 'MP TABLE x (a int)'; END", true, true),
            ("BEGIN CALL p(); END", true, true),
        ];
        for (body, temporary, sets) in table {
            assert_eq!(Said::of(body), Said { temporary, sets }, "{body}");
        }
    }
}
