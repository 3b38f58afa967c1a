use crate::Lsn;

/// How the servers of a cluster lay out their WAL, in bytes. In streaming replication it is the same on all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalPages {
    /// `wal_block_size`.
    pub page: u64,
    /// `wal_segment_size`.
    pub segment: u64,
}

/// Bytes of the header of a page of WAL.
const PAGE_HEADER: u64 = 24;

/// Bytes of the header of a segment's first page.
const SEGMENT_HEADER: u64 = 40;

impl WalPages {
    /// Where the last record ends, when the next one will be inserted at `insert` (`pg_current_wal_insert_lsn()`).
    ///
    /// That is the same position but where the last record fills its page: then the next record comes behind the header
    /// of the next page, and a standby that has replayed everything stands before that header. Without this it would
    /// seem to be some bytes behind until more is written.
    pub fn end_of_records(self, insert: Lsn) -> Lsn {
        let behind = |unit: u64, header: u64| insert.0.checked_rem(unit) == Some(header);
        if behind(self.segment, SEGMENT_HEADER) {
            Lsn(insert.0 - SEGMENT_HEADER)
        } else if behind(self.page, PAGE_HEADER) && !behind(self.segment, PAGE_HEADER) {
            Lsn(insert.0 - PAGE_HEADER)
        } else {
            insert
        }
    }
}

#[cfg(test)]
mod tests {
    use super::WalPages;
    use crate::Lsn;

    #[test]
    fn the_header_of_a_page_is_no_record() {
        let pages = WalPages { page: 0x2000, segment: 0x0100_0000 };
        for (insert, end) in [
            (0x0300_2000, 0x0300_2000),
            (0x0300_2018, 0x0300_2000),
            (0x0300_2020, 0x0300_2020),
            // On any other page than a segment's first this is the end of something that was continued there.
            (0x0300_2028, 0x0300_2028),
            (0x0300_0028, 0x0300_0000),
            // Within the header of a segment nothing is inserted, so it cannot be that.
            (0x0300_0018, 0x0300_0018),
            (0, 0),
        ] {
            assert_eq!(pages.end_of_records(Lsn(insert)), Lsn(end), "{insert:x}");
        }
        let unknown = WalPages { page: 0, segment: 0 };
        assert_eq!(unknown.end_of_records(Lsn(0x0300_2018)), Lsn(0x0300_2018));
    }
}
