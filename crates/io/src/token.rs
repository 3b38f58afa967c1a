use crate::slab::Key;

/// What an event of the kernel is about, packed into the word that it carries for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Client(Key),
    Backend(Key),
    Dialling(Key),
    Canceller(Key),
    Parting(Key),
    /// A listener, by its place in the list.
    Listener(u32),
    Mailbox,
}

impl Token {
    /// The token in the lower 62 bits of a word.
    pub(crate) fn bits(self) -> u64 {
        let (kind, bits) = match self {
            Token::Client(key) => (0, key.bits()),
            Token::Backend(key) => (1, key.bits()),
            Token::Dialling(key) => (2, key.bits()),
            Token::Canceller(key) => (3, key.bits()),
            Token::Parting(key) => (4, key.bits()),
            Token::Listener(place) => (5, u64::from(place)),
            Token::Mailbox => (6, 0),
        };
        kind << 59 | bits
    }

    pub(crate) fn from_bits(bits: u64) -> Token {
        let key = Key::from_bits(bits);
        match bits >> 59 {
            0 => Token::Client(key),
            1 => Token::Backend(key),
            2 => Token::Dialling(key),
            3 => Token::Canceller(key),
            4 => Token::Parting(key),
            5 => Token::Listener(bits as u32),
            _ => Token::Mailbox,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Token;
    use crate::slab::Slab;

    #[test]
    fn every_token_survives_the_kernel() {
        let mut slab = Slab::default();
        let old = slab.insert(());
        slab.remove(old);
        let key = slab.insert(());
        let all = [
            Token::Client(key),
            Token::Backend(key),
            Token::Dialling(key),
            Token::Canceller(key),
            Token::Parting(key),
            Token::Listener(7),
            Token::Mailbox,
        ];
        for token in all {
            assert_eq!(Token::from_bits(token.bits()), token);
        }
    }
}
