use crate::{Body, BodyError, write};

/// A column of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its name in the client's encoding.
    pub name: &'a [u8],
    /// The table that it comes from, 0 when it is computed.
    pub table: u32,
    /// Its number in that table, 0 when it is computed.
    pub number: i16,
    /// Its type.
    pub type_oid: u32,
    /// Bytes of its type, negative for a varying length.
    pub type_bytes: i16,
    /// What narrows the type down, -1 for nothing.
    pub type_modifier: i32,
    /// Format of its values: 0 text, 1 binary.
    pub format: i16,
}

impl<'a> Column<'a> {
    /// A column that no table has, with values in text.
    pub fn text(name: &'a [u8], type_oid: u32, type_bytes: i16) -> Self {
        Column { name, table: 0, number: 0, type_oid, type_bytes, type_modifier: -1, format: 0 }
    }

    fn read(body: &mut Body<'a>) -> Result<Self, BodyError> {
        Ok(Column {
            name: body.string()?,
            table: body.u32()?,
            number: body.i16()?,
            type_oid: body.u32()?,
            type_bytes: body.i16()?,
            type_modifier: body.i32()?,
            format: body.i16()?,
        })
    }

    pub(super) fn put(&self, body: &mut Vec<u8>) {
        write::string(body, self.name);
        body.extend(self.table.to_be_bytes());
        body.extend(self.number.to_be_bytes());
        body.extend(self.type_oid.to_be_bytes());
        body.extend(self.type_bytes.to_be_bytes());
        body.extend(self.type_modifier.to_be_bytes());
        body.extend(self.format.to_be_bytes());
    }
}

/// The columns of a RowDescription, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns<'a> {
    left: u16,
    body: Body<'a>,
}

impl<'a> Columns<'a> {
    /// Reads the count and that many columns.
    pub(super) fn read(body: &mut Body<'a>) -> Result<Self, BodyError> {
        let left = body.u16()?;
        let all = Columns { left, body: *body };
        for _ in 0..left {
            Column::read(body)?;
        }
        Ok(all)
    }
}

impl<'a> Iterator for Columns<'a> {
    type Item = Column<'a>;

    fn next(&mut self) -> Option<Column<'a>> {
        self.left = self.left.checked_sub(1)?;
        Column::read(&mut self.body).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

impl ExactSizeIterator for Columns<'_> {}
