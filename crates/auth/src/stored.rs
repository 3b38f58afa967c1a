use core::fmt;

use pgherd_types::Secret;

/// A password as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredPassword {
    /// The password itself: fit for every method.
    Clear(Secret),
    /// The 32 hexadecimal digits of `md5(password user)`: fit for md5.
    Md5(Secret),
    /// Encrypted by `pg_enc`. It cannot be decrypted yet.
    Aes,
    /// What a server keeps to check a password by SCRAM: no password can be had from it.
    Scram,
}

/// In which form a password is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// In clear text.
    Clear,
    /// As an md5 hash.
    Md5,
    /// Encrypted with AES.
    Aes,
    /// As a SCRAM verifier.
    Scram,
}

const MD5_DIGITS: usize = 32;

impl StoredPassword {
    /// Recognises the form of a password in `pool_passwd` by its beginning: `TEXT`, `md5` before 32 digits, `AES`,
    /// `SCRAM-SHA-256$`, or else the password itself.
    pub fn recognise(stored: &[u8]) -> Self {
        if let Some(digits) = stored.strip_prefix(b"md5").filter(|rest| is_md5(rest)) {
            return Self::Md5(Secret::new(digits));
        }
        if stored.starts_with(b"AES") {
            return Self::Aes;
        }
        if stored.starts_with(b"SCRAM-SHA-256$") {
            return Self::Scram;
        }
        Self::Clear(Secret::new(stored.strip_prefix(b"TEXT").unwrap_or(stored)))
    }

    /// Its form.
    pub fn form(&self) -> Form {
        match self {
            Self::Clear(_) => Form::Clear,
            Self::Md5(_) => Form::Md5,
            Self::Aes => Form::Aes,
            Self::Scram => Form::Scram,
        }
    }
}

fn is_md5(digits: &[u8]) -> bool {
    digits.len() == MD5_DIGITS && digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear => "in clear text",
            Self::Md5 => "as an md5 hash",
            Self::Aes => "encrypted (AES), which cannot be decrypted yet",
            Self::Scram => "as a SCRAM verifier",
        })
    }
}

#[cfg(test)]
mod tests {
    use pgherd_types::Secret;

    use super::StoredPassword::{self, Aes, Clear, Md5, Scram};

    #[test]
    fn forms_are_recognised_by_their_beginning() {
        let digits = "0123456789abcdef0123456789abcdef";
        let cases = [
            ("secret".to_owned(), Clear(Secret::new("secret"))),
            ("TEXTsecret".to_owned(), Clear(Secret::new("secret"))),
            ("TEXTmd5".to_owned(), Clear(Secret::new("md5"))),
            ("textsecret".to_owned(), Clear(Secret::new("textsecret"))),
            (format!("md5{digits}"), Md5(Secret::new(digits))),
            (format!("md5{digits}0"), Clear(Secret::new(format!("md5{digits}0")))),
            (
                format!("md5{}", digits.to_uppercase()),
                Clear(Secret::new(format!("md5{}", digits.to_uppercase()))),
            ),
            ("md5sum".to_owned(), Clear(Secret::new("md5sum"))),
            ("AESabcd==".to_owned(), Aes),
            ("SCRAM-SHA-256$4096:c2FsdA==$a:b".to_owned(), Scram),
            ("SCRAM-SHA-256".to_owned(), Clear(Secret::new("SCRAM-SHA-256"))),
        ];
        for (stored, expected) in cases {
            assert_eq!(StoredPassword::recognise(stored.as_bytes()), expected, "{stored}");
        }
    }
}
