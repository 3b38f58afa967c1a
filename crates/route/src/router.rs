use pgherd_sql::{Class, FingerprintKey, Shape, classify_normal, normalise};

use crate::memory::Memory;

/// Classifies statements, remembering what it has seen. One per event loop; pure, without IO.
///
/// A decision is remembered under the fingerprint of the statement's normal text, which holds no value of any
/// literal. That no literal can turn a remembered decision into a wrong one follows from how a decision is
/// made: the class is computed from the normal text and from nothing else, by [`classify_normal`]; with the
/// memory or without it, equal normal texts have equal classes. What is left to show is that the values do not
/// matter to the server either, and they do not: PostgreSQL's grammar builds the same tree whatever a literal
/// holds (it may refuse a value, as in `float(99)`: then the server answers with an error, the same on any
/// node), and where a value decides about what a statement does, its form alone rules [`Class::Read`] out:
/// `set_config`, `nextval`, `pg_terminate_backend` and their like by name, a cast to `regclass` by its type,
/// `EXPLAIN (ANALYZE ...)` by the option's name.
#[derive(Debug, Default)]
pub struct Router {
    key: FingerprintKey,
    memory: Memory,
    /// The normal text of the statement at hand; kept for its memory.
    normal: Vec<u8>,
}

impl Router {
    /// A router that knows nothing yet. `random` keeps clients from finding two statements with one
    /// fingerprint: 16 bytes that nobody outside the process can know. (The default uses zeros: for tests.)
    pub fn new(random: [u8; 16]) -> Self {
        Router { key: FingerprintKey::new(random), memory: Memory::default(), normal: Vec::new() }
    }

    /// What `text` is: the text of a Query or Parse message, without its closing NUL, in the client's encoding.
    pub fn classify(&mut self, text: &[u8]) -> Class {
        match normalise(text, &mut self.normal) {
            Shape::Empty => Class::Empty,
            Shape::Other => Class::Other,
            Shape::Candidate => self.recall(),
        }
    }

    fn recall(&mut self) -> Class {
        let key = self.key.fingerprint(&self.normal);
        if let Some(class) = self.memory.get(key) {
            return class;
        }
        let class = classify_normal(&self.normal);
        self.memory.put(key, class);
        class
    }
}

#[cfg(test)]
mod tests {
    use super::Router;
    use pgherd_sql::Class;

    #[test]
    fn the_second_time_is_like_the_first() {
        let mut router = Router::new([1; 16]);
        let table: [(&[u8], Class); 6] = [
            (b"SELECT abalance FROM pgbench_accounts WHERE aid = 1;", Class::Read),
            (b"SELECT nextval('s')", Class::Other),
            (b"SELECT 'pg_class'::regclass", Class::ReadPrimary),
            (b"BEGIN", Class::Transaction),
            (b" -- nothing", Class::Empty),
            (b"UPDATE t SET a = 1", Class::Other),
        ];
        for (text, class) in table.iter().chain(&table) {
            assert_eq!(router.classify(text), *class, "{}", text.escape_ascii());
        }
    }
}
