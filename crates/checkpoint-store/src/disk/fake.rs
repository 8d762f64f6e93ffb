//! `Fake`, a database in memory whose power can be cut at any commit. What was committed stays on
//! its disk, which another fake can open.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::database::{Batch, Database, Table, Visit};
use crate::lock::Lock;
use crate::{ErrorKind, StoreError};

/// What outlives a fake.
pub(super) type Disk = Arc<Lock<BTreeMap<(Table, Vec<u8>), Vec<u8>>>>;

pub(super) struct Fake {
    disk: Disk,
    cut: Option<Cut>,
    commits: usize,
}

/// The power goes during the commit of this number, counted from 0: nothing of it, or all of it,
/// reaches the disk, and the caller does not get to know.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    Before(usize),
    After(usize),
}

impl Fake {
    pub(super) fn new(disk: &Disk, cut: Option<Cut>) -> Self {
        Self { disk: Arc::clone(disk), cut, commits: 0 }
    }
}

impl Database for Fake {
    fn value(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.disk.hold().get(&(table, key.to_vec())).cloned())
    }

    fn key_before(&self, table: Table, end: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let disk = self.disk.hold();
        let entry = disk.range((table, Vec::new())..(table, end.to_vec())).next_back();
        Ok(entry.map(|((_, key), _)| key.clone()))
    }

    fn scan(
        &self,
        table: Table,
        keys: Range<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        // A visit may read, so it is not made under the lock.
        let range = (table, keys.start.to_vec())..(table, keys.end.to_vec());
        let disk = self.disk.hold();
        let entries = disk.range(range).map(|(key, value)| (key.clone(), value.clone()));
        let entries: Vec<_> = entries.collect();
        drop(disk);
        for ((_, key), value) in entries {
            if visit(&key, &value)? == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, batch: Batch) -> Result<(), StoreError> {
        let number = self.commits;
        self.commits += 1;
        if matches!(self.cut, Some(Cut::Before(cut)) if cut == number) {
            return Err(ErrorKind::Io.into());
        }
        let mut disk = self.disk.hold();
        let (names, chunks) = batch.into_changes();
        for (table, changes) in [(Table::Names, names), (Table::Chunks, chunks)] {
            for (key, value) in changes {
                match value {
                    Some(value) => drop(disk.insert((table, key), value)),
                    None => drop(disk.remove(&(table, key))),
                }
            }
        }
        match self.cut {
            Some(Cut::After(cut)) if cut == number => Err(ErrorKind::Io.into()),
            _ => Ok(()),
        }
    }
}
