//! Looks at the head of a statement's text, where a look at the whole is not needed.

/// True when the text may be a COPY: its first word is COPY, or cannot be told.
pub(crate) fn may_be_copy(text: &[u8]) -> bool {
    first_word(text).is_none_or(|word| word.eq_ignore_ascii_case(b"copy"))
}

/// True when the text may be one of our own statements, `SHOW pool_...` or `PGPOOL ...`.
pub(crate) fn may_be_admin(text: &[u8]) -> bool {
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

/// True when the first word is SELECT.
pub(crate) fn looks_like_select(text: &[u8]) -> bool {
    first_word(text).is_some_and(|word| word.eq_ignore_ascii_case(b"select"))
}

/// The first run of letters, digits and underscores, after white space and comments. `None` when a comment
/// has no end.
fn first_word(text: &[u8]) -> Option<&[u8]> {
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
            break;
        }
    }
    let end =
        rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(rest.len());
    rest.get(..end)
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
    use super::{looks_like_select, may_be_admin, may_be_copy};

    #[test]
    fn heads() {
        for (text, copy, admin, select) in [
            ("", false, false, false),
            ("copy t from stdin", true, false, false),
            (" /* a /* b */ */ -- c\n COPY t from stdin", true, false, false),
            ("/* no end", true, false, false),
            ("copying", false, false, false),
            ("show pool_nodes", false, true, false),
            ("  SHOW\n POOL_STATUS;", false, true, false),
            ("show search_path", false, false, false),
            ("show pool", false, false, false),
            ("PGPOOL SHOW port", false, true, false),
            ("pgpool_thing", false, false, false),
            ("-- x\nselect 1", false, false, true),
            ("SELECT*from t", false, false, true),
            ("(select 1)", false, false, false),
        ] {
            let text_bytes = text.as_bytes();
            assert_eq!(may_be_copy(text_bytes), copy, "copy: {text}");
            assert_eq!(may_be_admin(text_bytes), admin, "admin: {text}");
            assert_eq!(looks_like_select(text_bytes), select, "select: {text}");
        }
    }
}
