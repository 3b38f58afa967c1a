//! Texts that differ in nothing but the values of plain literals: told apart without a look at their tokens.

use core::ops::Range;

/// Where the plain literals of a text are: decimal digits, and what stands between the quotes of a string without a
/// quote or backslash in it. They are noted while the text is [normalised](crate::normalise_noting); literals of other
/// kinds, and more than there is room for, are not noted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Literals {
    spans: [Span; LITERALS],
    count: usize,
    coverage: Coverage,
}

/// Whether everything is noted in which the next text of its kind may differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Coverage {
    #[default]
    Whole,
    /// There is a comment, which may be another each time, or a literal that is not noted.
    Partial,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    end: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Number,
    String,
}

/// Plain literals that are noted of one text.
const LITERALS: usize = 8;

/// A text of which other values of its plain literals make a text with the same normal text.
///
/// That it is the same follows from how a text is cut into tokens: as long as the bytes around a literal are the same,
/// digits in the place of digits are a number, and bytes that end no string in the place of such bytes are that string;
/// and of both the normal text keeps nothing.
#[derive(Clone, Debug)]
pub struct Template {
    text: Box<[u8]>,
    spans: Box<[Span]>,
}

impl Literals {
    pub(crate) fn note_number(&mut self, text: &[u8], at: Range<usize>) {
        match text.get(at.clone()).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit)) {
            true => self.note(at, Kind::Number),
            false => self.leave_out(),
        }
    }

    pub(crate) fn note_string(&mut self, text: &[u8], at: Range<usize>) {
        match text.get(at.clone()).is_some_and(|inside| string_length(inside) == inside.len()) {
            true => self.note(at, Kind::String),
            false => self.leave_out(),
        }
    }

    /// Something is not noted that may be another in the next text.
    pub(crate) fn leave_out(&mut self) {
        self.coverage = Coverage::Partial;
    }

    /// True when everything is noted in which the next text of its kind may differ: its template is worth keeping.
    pub fn are_whole(&self) -> bool {
        self.coverage == Coverage::Whole
    }

    fn note(&mut self, at: Range<usize>, kind: Kind) {
        let (Ok(start), Ok(end)) = (u32::try_from(at.start), u32::try_from(at.end)) else { return };
        match self.spans.get_mut(self.count) {
            Some(span) => {
                *span = Span { start, end, kind };
                self.count += 1;
            }
            None => self.leave_out(),
        }
    }
}

impl Template {
    /// The template that a text is of, by the literals that were noted of it.
    pub fn new(text: &[u8], literals: &Literals) -> Self {
        let spans = literals.spans.get(..literals.count).unwrap_or_default();
        Template { text: text.into(), spans: spans.into() }
    }

    /// True when the text has the same normal text for sure.
    pub fn matches(&self, text: &[u8]) -> bool {
        let (mut rest, mut done) = (text, 0);
        for span in &self.spans {
            let fixed = self.text.get(done..span.start as usize).unwrap_or_default();
            let Some(behind) = rest.strip_prefix(fixed) else { return false };
            let length = match span.kind {
                Kind::Number => behind.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(behind.len()),
                Kind::String => string_length(behind),
            };
            if length == 0 && span.kind == Kind::Number {
                return false;
            }
            rest = behind.get(length..).unwrap_or_default();
            done = span.end as usize;
        }
        self.text.get(done..) == Some(rest)
    }
}

/// Bytes that surely do not end a string, whatever the settings and the encoding are.
fn string_length(inside: &[u8]) -> usize {
    memchr::memchr3(b'\'', b'\\', 0, inside).unwrap_or(inside.len())
}
