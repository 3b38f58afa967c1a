/// A message that a client sends after startup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A simple query.
    Query(String),
    /// Makes a prepared statement.
    Parse {
        /// The statement's name.
        name: String,
        /// Its SQL.
        sql: String,
        /// Types of the first parameters, 0 for unspecified.
        types: Vec<u32>,
    },
    /// Makes a portal.
    Bind {
        /// The portal's name.
        portal: String,
        /// The statement's name.
        statement: String,
        /// The parameters.
        params: Vec<Param>,
        /// Formats of the results: none, one for all, or one each.
        results: Vec<Format>,
    },
    /// Asks what a statement (`S`) or portal (`P`) is.
    Describe(u8, String),
    /// Runs a portal, up to a number of rows, 0 for all.
    Execute(String, u32),
    /// Closes a statement (`S`) or portal (`P`).
    Close(u8, String),
    /// Ends a batch.
    Sync,
    /// Asks for all replies so far.
    Flush,
    /// Calls a function by its object id; arguments and result have the given format.
    Function {
        /// The function's object id.
        oid: u32,
        /// The arguments.
        args: Vec<Param>,
        /// The format of the result.
        result: Format,
    },
    /// Data of a COPY.
    CopyData(Vec<u8>),
    /// The end of a COPY.
    CopyDone,
    /// The failure of a COPY.
    CopyFail(String),
    /// Goodbye.
    Terminate,
    /// Bytes as they are.
    Raw(Vec<u8>),
}

/// How a value is represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As text.
    Text,
    /// As the type's binary form.
    Binary,
}

impl Format {
    fn code(self) -> u16 {
        match self {
            Format::Text => 0,
            Format::Binary => 1,
        }
    }
}

/// A parameter of a statement or function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param {
    /// NULL.
    Null,
    /// Text.
    Text(String),
    /// Binary.
    Binary(Vec<u8>),
}

impl Param {
    fn format(&self) -> Format {
        match self {
            Param::Null | Param::Text(_) => Format::Text,
            Param::Binary(_) => Format::Binary,
        }
    }

    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Param::Null => None,
            Param::Text(text) => Some(text.as_bytes()),
            Param::Binary(bytes) => Some(bytes),
        }
    }
}

impl Request {
    /// Appends the message. It is built here and not by the codec under test.
    ///
    /// # Panics
    /// When it is longer than the protocol can say.
    pub fn put(&self, out: &mut Vec<u8>) {
        let (kind, body) = match self {
            Request::Query(sql) => (b'Q', string(sql)),
            Request::Parse { name, sql, types } => {
                let types = counted(types.iter().map(|oid| oid.to_be_bytes().to_vec()));
                (b'P', [string(name), string(sql), types].concat())
            }
            Request::Bind { portal, statement, params, results } => {
                let results = counted(results.iter().map(|format| format.code().to_be_bytes().to_vec()));
                (b'B', [string(portal), string(statement), values(params), results].concat())
            }
            Request::Describe(what, name) => (b'D', [vec![*what], string(name)].concat()),
            Request::Execute(portal, rows) => (b'E', [string(portal), rows.to_be_bytes().to_vec()].concat()),
            Request::Close(what, name) => (b'C', [vec![*what], string(name)].concat()),
            Request::Sync => (b'S', Vec::new()),
            Request::Flush => (b'H', Vec::new()),
            Request::Function { oid, args, result } => {
                let result = result.code().to_be_bytes().to_vec();
                (b'F', [oid.to_be_bytes().to_vec(), values(args), result].concat())
            }
            Request::CopyData(data) => (b'd', data.clone()),
            Request::CopyDone => (b'c', Vec::new()),
            Request::CopyFail(why) => (b'f', string(why)),
            Request::Terminate => (b'X', Vec::new()),
            Request::Raw(bytes) => return out.extend(bytes),
        };
        let length = u32::try_from(body.len() + 4).expect("a test's message is below 4 GiB");
        out.push(kind);
        out.extend(length.to_be_bytes());
        out.extend(body);
    }
}

fn string(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

fn counted(items: impl ExactSizeIterator<Item = Vec<u8>>) -> Vec<u8> {
    let count = u16::try_from(items.len()).expect("a test's message has at most 65535 items");
    items.fold(count.to_be_bytes().to_vec(), |out, item| [out, item].concat())
}

fn values(params: &[Param]) -> Vec<u8> {
    let formats = counted(params.iter().map(|param| param.format().code().to_be_bytes().to_vec()));
    let values = counted(params.iter().map(|param| match param.bytes() {
        None => (-1_i32).to_be_bytes().to_vec(),
        Some(bytes) => {
            let length = u32::try_from(bytes.len()).expect("a test's value is below 4 GiB");
            [&length.to_be_bytes(), bytes].concat()
        }
    }));
    [formats, values].concat()
}
