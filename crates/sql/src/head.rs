//! How a text begins, which old rules of routing look at. It is not remembered under the fingerprint: two texts
//! with one fingerprint may begin differently.

/// How a text begins. The rules are Pgpool-II's, for `allow_sql_comments` and `ignore_leading_white_space`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// With one of `s`, `w`, `t`, `(`, `;` in either case, or with nothing at all.
    Plain,
    /// With white space, and then like [`Head::Plain`].
    Blank,
    /// With the comment `/*NO LOAD BALANCE*/`, in either case.
    NoBalance,
    /// With anything else: another comment, VALUES, EXPLAIN...
    Other,
}

/// The comment that keeps a statement from being balanced.
const NO_BALANCE: &[u8] = b"/*NO LOAD BALANCE*/";

impl Head {
    /// How `text` begins.
    ///
    /// ```
    /// use pgherd_sql::Head;
    ///
    /// assert_eq!(Head::of(b"SELECT 1"), Head::Plain);
    /// assert_eq!(Head::of(b"/* from the shop */ SELECT 1"), Head::Other);
    /// ```
    pub fn of(text: &[u8]) -> Head {
        if text.get(..NO_BALANCE.len()).is_some_and(|head| head.eq_ignore_ascii_case(NO_BALANCE)) {
            return Head::NoBalance;
        }
        let after_blanks = text.trim_ascii_start();
        match (after_blanks.first(), after_blanks.len() == text.len()) {
            (Some(b's' | b'S' | b'w' | b'W' | b't' | b'T' | b'(' | b';') | None, true) => Head::Plain,
            (Some(b's' | b'S' | b'w' | b'W' | b't' | b'T' | b'(' | b';') | None, false) => Head::Blank,
            (Some(_), _) => Head::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn by_the_first_bytes() {
        let table: [(&str, Head); 14] = [
            ("SELECT 1", Head::Plain),
            ("with a as (select 1) select 1", Head::Plain),
            ("(SELECT 1)", Head::Plain),
            ("TABLE t", Head::Plain),
            ("", Head::Plain),
            ("\n\t select 1", Head::Blank),
            ("  ", Head::Blank),
            (" /* x */ select 1", Head::Other),
            ("-- x\nselect 1", Head::Other),
            ("VALUES (1)", Head::Other),
            ("/*NO LOAD BALANCE*/ SELECT 1", Head::NoBalance),
            ("/*no load balance*/SELECT 1", Head::NoBalance),
            ("/* NO LOAD BALANCE */ SELECT 1", Head::Other),
            (" /*NO LOAD BALANCE*/ SELECT 1", Head::Other),
        ];
        for (text, head) in table {
            assert_eq!(Head::of(text.as_bytes()), head, "{text}");
        }
    }
}
