//! Looks at the head of a statement's text, where a look at the whole is not needed.

/// True when the text may be a COPY: its first word is COPY, or cannot be told.
pub(crate) fn may_be_copy(text: &[u8]) -> bool {
    may_begin_with(text, [*b"co"]) && first_word(text).is_none_or(|word| word.eq_ignore_ascii_case(b"copy"))
}

/// True when the text may be one of our own statements, `SHOW pool_...` or `PGPOOL ...`.
pub(crate) fn may_be_admin(text: &[u8]) -> bool {
    if !may_begin_with(text, [*b"sh", *b"pg"]) {
        return false;
    }
    let Some(word) = first_word(text) else { return false };
    if word.eq_ignore_ascii_case(b"pgpool") {
        return true;
    }
    if !word.eq_ignore_ascii_case(b"show") {
        return false;
    }
    let rest = text.get(offset_of(text, word) + word.len()..).unwrap_or_default();
    first_word(rest)
        .is_some_and(|name| name.first_chunk::<5>().is_some_and(|head| head.eq_ignore_ascii_case(b"pool_")))
}

/// The statement behind `EXPLAIN (ROUTE)`, where the text is one of these. No server knows that option.
pub(crate) fn explained_route(text: &[u8]) -> Option<&[u8]> {
    if !may_begin_with(text, [*b"ex"]) {
        return None;
    }
    let word = first_word(text).filter(|word| word.eq_ignore_ascii_case(b"explain"))?;
    let rest = text.get(offset_of(text, word) + word.len()..)?;
    let rest = skip_blanks(rest)?.strip_prefix(b"(")?;
    let word = first_word(rest).filter(|word| word.eq_ignore_ascii_case(b"route"))?;
    let rest = rest.get(offset_of(rest, word) + word.len()..)?;
    skip_blanks(rest)?.strip_prefix(b")")
}

/// False when the text plainly begins with another word than those that begin with these letters: a glance that spares
/// nearly every text a closer look.
fn may_begin_with<const N: usize>(text: &[u8], heads: [[u8; 2]; N]) -> bool {
    match text.first_chunk::<2>() {
        Some(head) if head[0].is_ascii_alphabetic() => heads.contains(&head.map(|b| b.to_ascii_lowercase())),
        // White space or a comment comes first, or next to nothing.
        Some(_) | None => true,
    }
}

/// The first run of letters, digits and underscores, after white space and comments. `None` when a comment
/// has no end.
pub(crate) fn first_word(text: &[u8]) -> Option<&[u8]> {
    let rest = skip_blanks(text)?;
    let end =
        rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(rest.len());
    rest.get(..end)
}

/// What follows white space and comments. `None` when a comment has no end.
fn skip_blanks(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    loop {
        rest = rest.trim_ascii_start();
        if let Some(comment) = rest.strip_prefix(b"--") {
            let end =
                comment.iter().position(|&byte| byte == b'\n' || byte == b'\r').unwrap_or(comment.len());
            rest = comment.get(end..).unwrap_or_default();
        } else if rest.starts_with(b"/*") {
            rest = after_comment(rest)?;
        } else {
            return Some(rest);
        }
    }
}

/// What follows a comment that begins here; comments nest.
fn after_comment(text: &[u8]) -> Option<&[u8]> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match text.get(at..at + 2)? {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return text.get(at..);
                }
            }
            _ => at += 1,
        }
    }
}

fn offset_of(text: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use super::{explained_route, may_be_admin, may_be_copy};

    #[test]
    fn heads() {
        for (text, copy, admin) in [
            ("", false, false),
            ("copy t from stdin", true, false),
            (" /* a /* b */ */ -- c\n COPY t from stdin", true, false),
            ("/* no end", true, false),
            ("copying", false, false),
            ("show pool_nodes", false, true),
            ("  SHOW\n POOL_STATUS;", false, true),
            ("show search_path", false, false),
            ("show pool", false, false),
            ("PGPOOL SHOW port", false, true),
            ("pgpool_thing", false, false),
            ("-- x\nselect 1", false, false),
            ("SELECT*from t", false, false),
            ("(select 1)", false, false),
        ] {
            let text_bytes = text.as_bytes();
            assert_eq!(may_be_copy(text_bytes), copy, "copy: {text}");
            assert_eq!(may_be_admin(text_bytes), admin, "admin: {text}");
        }
    }

    #[test]
    fn routes_to_explain() {
        for (text, statement) in [
            ("explain (route) select 1", Some(" select 1")),
            ("/* x */ EXPLAIN(ROUTE)select 1;", Some("select 1;")),
            ("explain -- x\n ( /* y */ route ) update t", Some(" update t")),
            ("explain (route)", Some("")),
            ("explain (route, analyze) select 1", None),
            ("explain (routes) select 1", None),
            ("explain (analyze) select 1", None),
            ("explain route select 1", None),
            ("explain select 1", None),
            ("explain (route", None),
            ("explain", None),
            ("select 'explain (route) x'", None),
        ] {
            assert_eq!(explained_route(text.as_bytes()), statement.map(str::as_bytes), "{text}");
        }
    }
}
