use super::{Credential, encode, kind};
use crate::{Body, BodyError, Formats, Oids, Values, write};

/// One message of a client, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Bind.
    Bind(Bind<'a>),
    /// Close a prepared statement or a portal.
    Close(Target<'a>),
    /// A piece of COPY data.
    CopyData(&'a [u8]),
    /// COPY is complete.
    CopyDone,
    /// COPY has failed on the client's side, for this reason.
    CopyFail(&'a [u8]),
    /// Describe a prepared statement or a portal.
    Describe(Target<'a>),
    /// Execute a portal.
    Execute {
        /// Its name, empty for the unnamed one.
        portal: &'a [u8],
        /// How many rows to return before it is suspended; 0 or less for all.
        max_rows: i32,
    },
    /// Flush.
    Flush,
    /// A function call.
    FunctionCall(FunctionCall<'a>),
    /// Parse.
    Parse(Parse<'a>),
    /// A password or a token.
    Password(Credential<'a>),
    /// A simple query: its text in the client's encoding.
    Query(&'a [u8]),
    /// Sync.
    Sync,
    /// Goodbye.
    Terminate,
}

/// Parse: makes a prepared statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parse<'a> {
    /// The statement's name, empty for the unnamed one.
    pub name: &'a [u8],
    /// The query's text in the client's encoding.
    pub text: &'a [u8],
    /// Types of the first parameters.
    pub types: Oids<'a>,
}

/// Bind: makes a portal of a prepared statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The portal's name, empty for the unnamed one.
    pub portal: &'a [u8],
    /// The statement's name, empty for the unnamed one.
    pub statement: &'a [u8],
    /// Formats of the parameters: none, one for all, or one for each.
    pub formats: Formats<'a>,
    /// The parameters.
    pub parameters: Values<'a>,
    /// Formats of the result's columns: none, one for all, or one for each.
    pub result_formats: Formats<'a>,
}

/// A call of a function by its object id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionCall<'a> {
    /// The function.
    pub function: u32,
    /// Formats of the arguments: none, one for all, or one for each.
    pub formats: Formats<'a>,
    /// The arguments.
    pub arguments: Values<'a>,
    /// Format of the result.
    pub result_format: i16,
}

/// What Describe and Close are about; the name is empty for the unnamed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target<'a> {
    /// A prepared statement.
    Statement(&'a [u8]),
    /// A portal.
    Portal(&'a [u8]),
}

impl<'a> Message<'a> {
    /// Reads one whole message, header included. It is as strict as a server process is.
    ///
    /// # Errors
    /// When the bytes are not exactly one message that a client may send.
    pub fn parse(message: &'a [u8]) -> Result<Self, BodyError> {
        let (kind, body) = Body::of_message(message)?;
        Self::of_body(kind, body)
    }

    /// Reads the body of a message of this kind.
    ///
    /// # Errors
    /// When it is not the body of such a message, or the kind is none of a client's.
    pub fn of_body(kind: u8, mut body: Body<'a>) -> Result<Self, BodyError> {
        let message = match kind {
            kind::BIND => Self::Bind(bind(&mut body)?),
            kind::CLOSE => Self::Close(target(&mut body)?),
            kind::COPY_DATA => Self::CopyData(body.rest()),
            // A server does not look at what comes with these two.
            kind::COPY_DONE | kind::TERMINATE => {
                body.rest();
                if kind == kind::COPY_DONE { Self::CopyDone } else { Self::Terminate }
            }
            kind::COPY_FAIL => Self::CopyFail(body.string()?),
            kind::DESCRIBE => Self::Describe(target(&mut body)?),
            kind::EXECUTE => Self::Execute { portal: body.string()?, max_rows: body.i32()? },
            kind::FLUSH => Self::Flush,
            kind::FUNCTION_CALL => Self::FunctionCall(function_call(&mut body)?),
            kind::PARSE => Self::Parse(Parse {
                name: body.string()?,
                text: body.string()?,
                types: Oids::read(&mut body)?,
            }),
            kind::PASSWORD => Self::Password(Credential::new(body.rest())),
            kind::QUERY => Self::Query(body.string()?),
            kind::SYNC => Self::Sync,
            _ => return Err(BodyError::UnknownKind(kind)),
        };
        body.end().map(|()| message)
    }

    /// Appends the message.
    pub fn put(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Bind(bind) => encode::put_bind(
                out,
                bind.portal,
                bind.statement,
                bind.formats,
                bind.parameters,
                bind.result_formats,
            ),
            Self::Close(target) => encode::put_close(out, target),
            Self::CopyData(data) => encode::put_copy_data(out, data),
            Self::CopyDone => encode::put_copy_done(out),
            Self::CopyFail(reason) => encode::put_copy_fail(out, reason),
            Self::Describe(target) => encode::put_describe(out, target),
            Self::Execute { portal, max_rows } => encode::put_execute(out, portal, max_rows),
            Self::Flush => encode::put_flush(out),
            Self::FunctionCall(call) => encode::put_function_call(
                out,
                call.function,
                call.formats,
                call.arguments,
                call.result_format,
            ),
            Self::Parse(parse) => encode::put_parse(out, parse.name, parse.text, parse.types),
            Self::Password(credential) => {
                write::message(out, kind::PASSWORD, |body| body.extend(credential.response()));
            }
            Self::Query(text) => encode::put_query(out, text),
            Self::Sync => encode::put_sync(out),
            Self::Terminate => encode::put_terminate(out),
        }
    }
}

fn bind<'a>(body: &mut Body<'a>) -> Result<Bind<'a>, BodyError> {
    Ok(Bind {
        portal: body.string()?,
        statement: body.string()?,
        formats: Formats::read(body)?,
        parameters: Values::read(body)?,
        result_formats: Formats::read(body)?,
    })
}

fn function_call<'a>(body: &mut Body<'a>) -> Result<FunctionCall<'a>, BodyError> {
    Ok(FunctionCall {
        function: body.u32()?,
        formats: Formats::read(body)?,
        arguments: Values::read(body)?,
        result_format: body.i16()?,
    })
}

fn target<'a>(body: &mut Body<'a>) -> Result<Target<'a>, BodyError> {
    match body.u8()? {
        b'S' => body.string().map(Target::Statement),
        b'P' => body.string().map(Target::Portal),
        other => Err(BodyError::BadValue(other)),
    }
}
