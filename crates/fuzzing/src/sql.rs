use pgherd_sql::{
    Head, NORMAL_BYTES, Remembered, Shape, TEXT_BYTES, Text, analyse, analyse_in_full, analyse_normal,
    normalise,
};

/// The text of a statement.
///
/// Its normal text says what it says itself, unless one of them cannot be read, or a literal decides.
pub fn sql(data: &[u8]) {
    Head::of(data);
    let answer = analyse(data);
    let mut normal = Vec::new();
    match normalise(data, &mut normal) {
        Shape::Empty => return assert_eq!(answer, Text::Empty),
        Shape::Other => return assert_eq!(answer, Text::Unread),
        Shape::Candidate => assert!(data.len() <= TEXT_BYTES && normal.len() <= NORMAL_BYTES + data.len()),
    }
    let said = analyse_normal(&normal);
    again(&normal, &said);
    // In another encoding, the letters of literals are not told from those of names.
    if str::from_utf8(data).is_err() || data.len() > NORMAL_BYTES {
        return;
    }
    let as_it_is = analyse_in_full(data);
    let unread = as_it_is == Text::Unread || answer == Text::Unread;
    assert!(unread || as_it_is == answer, "{as_it_is:?} and {answer:?}");
    match said {
        Remembered::Text(text) => assert_eq!(text, answer),
        Remembered::LookInFull => assert_eq!(as_it_is, answer),
    }
}

/// States that a normal text is a text that says the same.
fn again(normal: &[u8], said: &Remembered) {
    let mut second = Vec::new();
    assert_eq!(normalise(normal, &mut second), Shape::Candidate);
    assert_eq!(analyse_normal(&second), *said);
}
