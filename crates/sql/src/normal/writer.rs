use super::WORD;

/// Members kept of a list such as `1, 2, 3`; the rest of a longer list is left out. No construct of the grammar counts
/// as far as that. Of a list of rows such as `(1, 2), (3, 4)` the first is kept.
const KEPT: u32 = 8;

/// Parentheses within each other that are told apart; what is nested deeper is left as it is.
const DEPTH: usize = 8;

/// Writes tokens as normal text.
pub(super) struct Writer<'a> {
    /// Where the text goes; all of it is there from the start, and what does not fit is left out.
    buffer: &'a mut [u8],
    length: usize,
    /// White space or a comment lies before the next token.
    gap: bool,
    /// The literal before the next token was left out: a word must not grow together with what stands before it.
    cut: bool,
    last: Last,
    /// Literals in the list that `last` is part of.
    literals: u32,
    /// Where the innermost open parenthesis stands, while nothing but a list of literals follows it.
    open: Option<usize>,
    /// Parentheses that are open.
    depth: usize,
    /// What lies in them, from the outermost.
    groups: [Group; DEPTH],
}

/// The token that was written last, as far as lists go.
enum Last {
    Literal,
    /// A comma after a literal; the length of the normal text before it.
    Comma(usize),
    Other,
}

/// A group that is closed.
#[derive(Clone, Copy)]
struct Closed {
    start: usize,
    end: usize,
    /// It holds nothing but a list of literals.
    literals: bool,
}

/// What is in parentheses at one depth.
#[derive(Clone, Copy, Default)]
struct Group {
    /// Where the open one begins.
    start: usize,
    /// Where the one before it lies, in the same parentheses.
    last: Option<Closed>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(buffer: &'a mut [u8]) -> Self {
        Writer {
            buffer,
            length: 0,
            gap: false,
            cut: false,
            last: Last::Other,
            literals: 0,
            open: None,
            depth: 0,
            groups: [Group::default(); DEPTH],
        }
    }

    /// Bytes written so far.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// True when there is no room for more: something may have been left out.
    pub(super) fn is_full(&self) -> bool {
        self.length >= self.buffer.len()
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match self.buffer.get_mut(self.length..end) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length = end;
            }
            None => self.length = self.buffer.len(),
        }
    }

    fn put_byte(&mut self, byte: u8) {
        if let Some(room) = self.buffer.get_mut(self.length) {
            *room = byte;
            self.length += 1;
        }
    }

    fn written(&self, from: usize, to: usize) -> &[u8] {
        self.buffer.get(from..to).unwrap_or_default()
    }

    /// White space, or a comment, which counts as such.
    pub(super) fn gap(&mut self) {
        self.gap = true;
    }

    /// Any other token, as it is.
    pub(super) fn verbatim(&mut self, token: &[u8]) {
        self.begin_other();
        self.put(token);
    }

    /// The same for a token of one byte.
    pub(super) fn byte(&mut self, token: u8) {
        self.begin_other();
        self.put_byte(token);
    }

    /// A name or keyword, in lower case.
    pub(super) fn word(&mut self, word: &[u8]) {
        self.gap |= self.cut;
        self.verbatim(word);
        let start = self.length.saturating_sub(word.len());
        self.buffer.get_mut(start..self.length).unwrap_or_default().make_ascii_lowercase();
    }

    /// The name or keyword at the beginning of `rest`; answers how many bytes of it were written.
    pub(super) fn word_of(&mut self, rest: &[u8]) -> usize {
        self.gap |= self.cut;
        self.begin_other();
        let room = self.buffer.get_mut(self.length..).unwrap_or_default();
        let mut length = 0;
        for (slot, &byte) in room.iter_mut().zip(rest) {
            let letter = WORD[usize::from(byte)];
            if letter == 0 {
                break;
            }
            *slot = letter;
            length += 1;
        }
        self.length += length;
        length
    }

    fn begin_other(&mut self) {
        self.space();
        self.last = Last::Other;
        self.open = None;
    }

    /// A literal, or a parameter, as one of its kind: neither its value nor the length of a list of them tells
    /// anything.
    pub(super) fn literal(&mut self, shown: &[u8]) {
        match self.last {
            Last::Comma(before) if self.literals >= KEPT => {
                self.length = before;
                self.gap = false;
                self.cut = true;
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
        self.gap |= self.cut;
        self.space();
        self.put(shown);
    }

    pub(super) fn comma(&mut self) {
        let (before, open) = (self.length, self.open);
        let after_literal = matches!(self.last, Last::Literal);
        self.byte(b',');
        if after_literal {
            self.last = Last::Comma(before);
            self.open = open;
        }
    }

    /// Whether a literal that comes now is a member of a list.
    pub(super) fn is_in_list(&self) -> bool {
        matches!(self.last, Last::Comma(_)) || self.open.is_some_and(|open| open + 1 == self.length)
    }

    pub(super) fn open(&mut self) {
        self.byte(b'(');
        let start = self.length.saturating_sub(1);
        self.open = Some(start);
        if let Some(group) = self.groups.get_mut(self.depth) {
            group.start = start;
        }
        self.depth += 1;
        if let Some(inside) = self.groups.get_mut(self.depth) {
            inside.last = None;
        }
    }

    /// A group that follows one that says the same is left out: it is the same, or both hold nothing but literals.
    pub(super) fn close(&mut self) {
        let literals = self.open.is_some() && matches!(self.last, Last::Literal);
        self.byte(b')');
        self.depth = self.depth.saturating_sub(1);
        let Some(&Group { start, last }) = self.groups.get(self.depth) else { return };
        let end = self.length;
        let text = |from, to| self.written(from, to);
        let again = last.is_some_and(|last| {
            text(last.end, start).trim_ascii() == b","
                && (literals && last.literals || text(last.start, last.end) == text(start, end))
        });
        match last {
            Some(last) if again => self.length = last.end,
            Some(_) | None => {
                if let Some(group) = self.groups.get_mut(self.depth) {
                    group.last = Some(Closed { start, end, literals });
                }
            }
        }
    }

    fn space(&mut self) {
        if self.gap && self.length > 0 {
            self.put_byte(b' ');
        }
        self.gap = false;
        self.cut = false;
    }
}
