//! SQLite: a row for each record, clustered by stream and position; write-ahead log, synchronous
//! FULL, one transaction for each batch.

use std::path::Path;

use rusqlite::{Connection, params};

use super::group::{Appended, Engine};
use super::journal::{Reader, Visit, text};
use super::load::CACHE_BYTES;

const INSERT: &str = "INSERT INTO records VALUES (?1, ?2, ?3)";

const SELECT: &str = "SELECT record FROM records WHERE stream = ?1 AND seq > ?2 ORDER BY seq";

const CREATE: &str = "CREATE TABLE IF NOT EXISTS records (
    stream INTEGER, seq INTEGER, record BLOB NOT NULL, PRIMARY KEY (stream, seq)
) WITHOUT ROWID";

#[derive(Debug)]
pub(super) struct Rows(Connection);

impl Reader for Rows {
    fn open(path: &Path) -> Result<Self, String> {
        let connection = Connection::open(path.join("sqlite")).map_err(text)?;
        let kibibytes = i64::try_from(CACHE_BYTES / 1024).map_err(text)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(text)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(text)?;
        connection.pragma_update(None, "cache_size", -kibibytes).map_err(text)?;
        connection.execute(CREATE, []).map_err(text)?;
        Ok(Self(connection))
    }

    fn read(&self, stream: u32, after: u64, visit: &mut Visit<'_>) -> Result<(), String> {
        let mut select = self.0.prepare_cached(SELECT).map_err(text)?;
        let after = i64::try_from(after).map_err(text)?;
        let mut rows = select.query(params![stream, after]).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            visit(row.get_ref(0).and_then(|value| Ok(value.as_blob()?)).map_err(text)?);
        }
        Ok(())
    }
}

impl Engine for Rows {
    fn commit(&mut self, batch: &[Appended]) -> Result<(), String> {
        let transaction = self.0.transaction().map_err(text)?;
        let mut insert = transaction.prepare_cached(INSERT).map_err(text)?;
        for Appended { stream, seq, record } in batch {
            let seq = i64::try_from(*seq).map_err(text)?;
            insert.execute(params![stream, seq, &record[..]]).map_err(text)?;
        }
        drop(insert);
        transaction.commit().map_err(text)
    }
}
