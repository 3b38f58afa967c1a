/// Members kept of a list such as `1, 2, 3`; the rest of a longer list is left out. No construct of the grammar counts
/// as far as that. Of a list of rows such as `(1, 2), (3, 4)` the first is kept.
const KEPT: u32 = 8;

/// Writes tokens as normal text.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// White space or a comment lies before the next token.
    gap: bool,
    last: Last,
    /// Literals in the list that `last` is part of.
    literals: u32,
    /// Where the parenthesis stands that is open, while nothing but a list of literals follows it.
    open: Option<usize>,
    /// The end of the last parenthesised list of literals.
    row: Option<usize>,
}

/// The token that was written last, as far as lists go.
enum Last {
    Literal,
    /// A comma after a literal; the length of the normal text before it.
    Comma(usize),
    Other,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Writer { out, gap: false, last: Last::Other, literals: 0, open: None, row: None }
    }

    /// Bytes written so far.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// White space, or a comment, which counts as such.
    pub(super) fn gap(&mut self) {
        self.gap = true;
    }

    /// Any other token, as it is.
    pub(super) fn verbatim(&mut self, token: &[u8]) {
        self.space();
        self.out.extend_from_slice(token);
        self.last = Last::Other;
        self.open = None;
    }

    /// A name or keyword, in lower case.
    pub(super) fn word(&mut self, word: &[u8]) {
        self.verbatim(word);
        let start = self.out.len() - word.len();
        self.out.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
    }

    /// A literal, or a parameter, as one of its kind: neither its value nor the length of a list of them tells
    /// anything.
    pub(super) fn literal(&mut self, shown: &[u8]) {
        match self.last {
            Last::Comma(before) if self.literals >= KEPT => {
                self.out.truncate(before);
                self.gap = false;
            }
            Last::Comma(_) => {
                self.literals += 1;
                self.literal_as_is(shown);
            }
            Last::Literal | Last::Other => {
                self.literals = 1;
                self.literal_as_is(shown);
            }
        }
        self.last = Last::Literal;
    }

    fn literal_as_is(&mut self, shown: &[u8]) {
        self.space();
        self.out.extend_from_slice(shown);
    }

    pub(super) fn comma(&mut self) {
        let (before, open) = (self.out.len(), self.open);
        let after_literal = matches!(self.last, Last::Literal);
        self.verbatim(b",");
        if after_literal {
            self.last = Last::Comma(before);
            self.open = open;
        }
    }

    /// Whether a literal that comes now is a member of a list.
    pub(super) fn is_in_list(&self) -> bool {
        matches!(self.last, Last::Comma(_)) || self.open.is_some_and(|open| open + 1 == self.out.len())
    }

    pub(super) fn open(&mut self) {
        self.verbatim(b"(");
        self.open = Some(self.out.len() - 1);
    }

    pub(super) fn close(&mut self) {
        let open = self.open.filter(|_| matches!(self.last, Last::Literal));
        self.verbatim(b")");
        let Some(start) = open else { return };
        match self.row {
            Some(last) if self.out.get(last..start).is_some_and(|between| between.trim_ascii() == b",") => {
                self.out.truncate(last);
            }
            Some(_) | None => self.row = Some(self.out.len()),
        }
    }

    fn space(&mut self) {
        if self.gap && !self.out.is_empty() {
            self.out.push(b' ');
        }
        self.gap = false;
    }
}
