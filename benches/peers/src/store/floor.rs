//! What no store can do without: every batch appended to one file, one `fdatasync`. Runs of a
//! stream have a checksum; where they lie is known from reading the file once.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::group::{Appended, Engine};
use super::journal::{Reader, Visit, text};
use super::record::Record;

/// Stream, first position, number of records, CRC32C of the records.
const HEADER_BYTES: usize = 4 + 8 + 4 + 4;

const RECORD_BYTES: usize = size_of::<Record>();

#[derive(Debug)]
pub(super) struct Log {
    file: File,
    /// Bytes of the file.
    end: usize,
    runs: HashMap<u32, Vec<Run>>,
}

/// Records of a stream that lie side by side.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u64,
    count: usize,
    at: usize,
}

impl Reader for Log {
    fn open(path: &Path) -> Result<Self, String> {
        let mut options = File::options();
        let file = options.read(true).append(true).create(true).open(path.join("log"));
        let mut file = file.map_err(text)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(text)?;
        let mut log = Self { file, end: 0, runs: HashMap::new() };
        while let Some((header, rest)) = bytes[log.end..].split_first_chunk::<HEADER_BYTES>() {
            let (stream, run, crc) = decode(header, log.end + HEADER_BYTES);
            let records = rest.get(..run.count * RECORD_BYTES);
            let records = records.filter(|records| crc32c::crc32c(records) == crc);
            // What follows was never acknowledged.
            let Some(records) = records else { break };
            log.end = run.at + records.len();
            log.runs.entry(stream).or_default().push(run);
        }
        Ok(log)
    }

    fn read(&self, stream: u32, after: u64, visit: &mut Visit<'_>) -> Result<(), String> {
        let runs = self.runs.get(&stream).map(Vec::as_slice).unwrap_or_default();
        let begin = runs.partition_point(|run| run.first + run.count as u64 - 1 <= after);
        let mut bytes = Vec::new();
        for run in &runs[begin..] {
            let known = usize::try_from((after + 1).saturating_sub(run.first)).map_err(text)?;
            bytes.resize((run.count - known) * RECORD_BYTES, 0);
            let at = (run.at + known * RECORD_BYTES) as u64;
            self.file.read_exact_at(&mut bytes, at).map_err(text)?;
            bytes.chunks_exact(RECORD_BYTES).for_each(&mut *visit);
        }
        Ok(())
    }
}

impl Engine for Log {
    fn commit(&mut self, batch: &[Appended]) -> Result<(), String> {
        let room = batch.len() * (HEADER_BYTES + RECORD_BYTES);
        let mut bytes = Vec::with_capacity(room);
        for records in batch.chunk_by(|one, next| one.stream == next.stream) {
            let header = bytes.len();
            bytes.resize(header + HEADER_BYTES, 0);
            records.iter().for_each(|appended| bytes.extend_from_slice(&appended.record));
            let crc = crc32c::crc32c(&bytes[header + HEADER_BYTES..]);
            let Appended { stream, seq: first, .. } = records[0];
            let count = u32::try_from(records.len()).map_err(text)?;
            let fields = [&stream.to_le_bytes()[..], &first.to_le_bytes(), &count.to_le_bytes()];
            bytes[header..header + HEADER_BYTES - 4].copy_from_slice(&fields.concat());
            bytes[header + HEADER_BYTES - 4..header + HEADER_BYTES]
                .copy_from_slice(&crc.to_le_bytes());
            let run = Run { first, count: records.len(), at: self.end + header + HEADER_BYTES };
            self.runs.entry(stream).or_default().push(run);
        }
        self.end += bytes.len();
        self.file.write_all(&bytes).and_then(|()| self.file.sync_data()).map_err(text)
    }
}

/// The stream of a header, its run, and the checksum.
fn decode(header: &[u8; HEADER_BYTES], at: usize) -> (u32, Run, u32) {
    let number = |at: usize, len: usize| {
        let bytes = header[at..at + len].iter().rev();
        bytes.fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let run = Run { first: number(4, 8), count: number(12, 4) as usize, at };
    (number(0, 4) as u32, run, number(16, 4) as u32)
}
