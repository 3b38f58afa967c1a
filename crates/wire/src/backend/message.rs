use super::{
    Authentication, BackendKeyData, Columns, CopyDirection, CopyResponse, Negotiate, TransactionStatus,
    encode, kind,
};
use crate::error_response::Fields;
use crate::{Body, BodyError, Oids, Values, write};

/// One message of a server, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A step of authentication.
    Authentication(Authentication<'a>),
    /// What cancels this session's statements.
    BackendKeyData(BackendKeyData<'a>),
    /// Bind is done.
    BindComplete,
    /// Close is done.
    CloseComplete,
    /// A statement is done; its tag.
    CommandComplete(&'a [u8]),
    /// A piece of COPY data.
    CopyData(&'a [u8]),
    /// COPY to the client is complete.
    CopyDone,
    /// COPY begins.
    CopyResponse(CopyResponse<'a>),
    /// A row.
    DataRow(Values<'a>),
    /// The query string was empty.
    EmptyQueryResponse,
    /// An error.
    ErrorResponse(Fields<'a>),
    /// The result of a function call.
    FunctionCallResponse(Option<&'a [u8]>),
    /// The version that the server speaks and the options that it does not know.
    NegotiateProtocolVersion(Negotiate<'a>),
    /// The statement returns no rows.
    NoData,
    /// A notice.
    NoticeResponse(Fields<'a>),
    /// A NOTIFY.
    NotificationResponse {
        /// The process that sent it.
        process_id: u32,
        /// The channel.
        channel: &'a [u8],
        /// The payload, possibly empty.
        payload: &'a [u8],
    },
    /// Types of a prepared statement's parameters.
    ParameterDescription(Oids<'a>),
    /// The value of a parameter.
    ParameterStatus {
        /// Its name.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// Parse is done.
    ParseComplete,
    /// Execute stopped at its row limit.
    PortalSuspended,
    /// The server waits for the next request.
    ReadyForQuery(TransactionStatus),
    /// The columns of a result.
    RowDescription(Columns<'a>),
}

impl<'a> Message<'a> {
    /// Reads one whole message, header included.
    ///
    /// # Errors
    /// When the bytes are not exactly one message that a server may send.
    pub fn parse(message: &'a [u8]) -> Result<Self, BodyError> {
        let (kind, body) = Body::of_message(message)?;
        match kind {
            kind::ERROR_RESPONSE => return Fields::of_message(message).map(Self::ErrorResponse),
            kind::NOTICE_RESPONSE => return Fields::of_message(message).map(Self::NoticeResponse),
            _ => {}
        }
        Self::of_body(kind, body)
    }

    fn of_body(kind: u8, mut body: Body<'a>) -> Result<Self, BodyError> {
        let message = match kind {
            kind::AUTHENTICATION => return Authentication::of_body(body).map(Self::Authentication),
            kind::BACKEND_KEY_DATA => Self::BackendKeyData(BackendKeyData::read(&mut body)?),
            kind::BIND_COMPLETE => Self::BindComplete,
            kind::CLOSE_COMPLETE => Self::CloseComplete,
            kind::COMMAND_COMPLETE => Self::CommandComplete(body.string()?),
            kind::COPY_DATA => Self::CopyData(body.rest()),
            kind::COPY_DONE => Self::CopyDone,
            kind::DATA_ROW => Self::DataRow(Values::read(&mut body)?),
            kind::EMPTY_QUERY_RESPONSE => Self::EmptyQueryResponse,
            kind::FUNCTION_CALL_RESPONSE => Self::FunctionCallResponse(body.value()?),
            kind::NEGOTIATE_PROTOCOL_VERSION => Self::NegotiateProtocolVersion(Negotiate::read(&mut body)?),
            kind::NO_DATA => Self::NoData,
            kind::NOTIFICATION_RESPONSE => Self::NotificationResponse {
                process_id: body.u32()?,
                channel: body.string()?,
                payload: body.string()?,
            },
            kind::PARAMETER_DESCRIPTION => Self::ParameterDescription(Oids::read(&mut body)?),
            kind::PARAMETER_STATUS => Self::ParameterStatus { name: body.string()?, value: body.string()? },
            kind::PARSE_COMPLETE => Self::ParseComplete,
            kind::PORTAL_SUSPENDED => Self::PortalSuspended,
            kind::READY_FOR_QUERY => Self::ReadyForQuery(status(&mut body)?),
            kind::ROW_DESCRIPTION => Self::RowDescription(Columns::read(&mut body)?),
            _ => match CopyDirection::of_kind(kind) {
                Some(direction) => Self::CopyResponse(CopyResponse::read(direction, &mut body)?),
                None => return Err(BodyError::UnknownKind(kind)),
            },
        };
        body.end().map(|()| message)
    }

    /// Appends the message.
    pub fn put(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Authentication(step) => step.put(out),
            Self::BackendKeyData(data) => encode::put_backend_key_data(out, data.process_id, data.key),
            Self::BindComplete => encode::put_empty(out, kind::BIND_COMPLETE),
            Self::CloseComplete => encode::put_empty(out, kind::CLOSE_COMPLETE),
            Self::CommandComplete(tag) => encode::put_command_complete(out, tag),
            Self::CopyData(data) => encode::put_copy_data(out, data),
            Self::CopyDone => encode::put_empty(out, kind::COPY_DONE),
            Self::CopyResponse(copy) => {
                encode::put_copy_response(out, copy.direction, copy.format, copy.columns)
            }
            Self::DataRow(row) => encode::put_data_row(out, row),
            Self::EmptyQueryResponse => encode::put_empty(out, kind::EMPTY_QUERY_RESPONSE),
            Self::ErrorResponse(fields) => put_fields(out, kind::ERROR_RESPONSE, fields),
            Self::FunctionCallResponse(value) => encode::put_function_call_response(out, value),
            Self::NegotiateProtocolVersion(negotiate) => {
                encode::put_negotiate_protocol_version(out, negotiate.version, negotiate.unknown);
            }
            Self::NoData => encode::put_empty(out, kind::NO_DATA),
            Self::NoticeResponse(fields) => put_fields(out, kind::NOTICE_RESPONSE, fields),
            Self::NotificationResponse { process_id, channel, payload } => {
                encode::put_notification(out, process_id, channel, payload);
            }
            Self::ParameterDescription(types) => encode::put_parameter_description(out, types),
            Self::ParameterStatus { name, value } => encode::put_parameter_status(out, name, value),
            Self::ParseComplete => encode::put_empty(out, kind::PARSE_COMPLETE),
            Self::PortalSuspended => encode::put_empty(out, kind::PORTAL_SUSPENDED),
            Self::ReadyForQuery(status) => encode::put_ready_for_query(out, status),
            Self::RowDescription(columns) => encode::put_row_description(out, columns),
        }
    }
}

fn put_fields(out: &mut Vec<u8>, kind: u8, fields: Fields<'_>) {
    write::message(out, kind, |body| {
        for field in fields {
            body.push(field.code);
            write::string(body, field.text);
        }
        body.push(0);
    });
}

fn status(body: &mut Body<'_>) -> Result<TransactionStatus, BodyError> {
    let byte = body.u8()?;
    TransactionStatus::from_byte(byte).ok_or(BodyError::BadValue(byte))
}
