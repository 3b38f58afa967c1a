use super::kind;
use crate::{Body, BodyError, write};

/// A step of authentication, as the server asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// The client is who it says it is.
    Ok,
    /// Kerberos V5; no server since 9.3 asks for it.
    KerberosV5,
    /// The password in clear text.
    Cleartext,
    /// The password hashed with the user's name and this salt.
    Md5 {
        /// The salt.
        salt: [u8; 4],
    },
    /// Credentials of the Unix socket; no server since 9.1 asks for it.
    ScmCredential,
    /// GSSAPI.
    Gss,
    /// A step of GSSAPI or SSPI.
    GssContinue(&'a [u8]),
    /// SSPI.
    Sspi,
    /// SASL, by one of these mechanisms.
    Sasl(Mechanisms<'a>),
    /// A step of SASL.
    SaslContinue(&'a [u8]),
    /// The end of SASL: what the server proves itself with.
    SaslFinal(&'a [u8]),
    /// A method that the protocol did not know when this was written.
    Unknown {
        /// Its number.
        code: u32,
        /// What comes with it.
        data: &'a [u8],
    },
}

/// Names of SASL mechanisms, the server's favourite first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanisms<'a>(Body<'a>);

impl<'a> Authentication<'a> {
    /// Reads the body of an Authentication message.
    ///
    /// # Errors
    /// When it is not one.
    pub fn of_body(mut body: Body<'a>) -> Result<Self, BodyError> {
        let step = match body.u32()? {
            0 => Self::Ok,
            2 => Self::KerberosV5,
            3 => Self::Cleartext,
            5 => Self::Md5 { salt: body.u32()?.to_be_bytes() },
            6 => Self::ScmCredential,
            7 => Self::Gss,
            8 => Self::GssContinue(body.rest()),
            9 => Self::Sspi,
            10 => Self::Sasl(Mechanisms::read(&mut body)?),
            11 => Self::SaslContinue(body.rest()),
            12 => Self::SaslFinal(body.rest()),
            code => Self::Unknown { code, data: body.rest() },
        };
        body.end().map(|()| step)
    }

    /// Appends the message.
    pub fn put(&self, out: &mut Vec<u8>) {
        write::message(out, kind::AUTHENTICATION, |body| {
            body.extend(self.code().to_be_bytes());
            match *self {
                Self::Ok
                | Self::KerberosV5
                | Self::Cleartext
                | Self::ScmCredential
                | Self::Gss
                | Self::Sspi => {}
                Self::Md5 { salt } => body.extend(salt),
                Self::GssContinue(data)
                | Self::SaslContinue(data)
                | Self::SaslFinal(data)
                | Self::Unknown { data, .. } => body.extend(data),
                Self::Sasl(mechanisms) => {
                    mechanisms.for_each(|name| write::string(body, name));
                    body.push(0);
                }
            }
        });
    }

    /// The method's number.
    pub fn code(&self) -> u32 {
        match *self {
            Self::Ok => 0,
            Self::KerberosV5 => 2,
            Self::Cleartext => 3,
            Self::Md5 { .. } => 5,
            Self::ScmCredential => 6,
            Self::Gss => 7,
            Self::GssContinue(_) => 8,
            Self::Sspi => 9,
            Self::Sasl(_) => 10,
            Self::SaslContinue(_) => 11,
            Self::SaslFinal(_) => 12,
            Self::Unknown { code, .. } => code,
        }
    }
}

impl<'a> Mechanisms<'a> {
    /// Reads names up to an empty one.
    fn read(body: &mut Body<'a>) -> Result<Self, BodyError> {
        let list = *body;
        while !body.string()?.is_empty() {}
        Ok(Mechanisms(list))
    }
}

impl<'a> Iterator for Mechanisms<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.0.string().ok().filter(|name| !name.is_empty())
    }
}
