//! Damage on disk: files cut at every byte, and with every byte changed. What is read is a prefix of
//! what was written, or a typed error; never other bytes, a panic or a hang.
//!
//! A database is opened for each change, so its files are sampled: 200 changes of each kind.
//! `CORRUPTION_STRIDE=1` changes every byte, 2 every other one.

#![cfg(feature = "conformance")]

use checkpoint_store::{Chunk, Ending, Epoch, ErrorKind, Scan, Seq, StreamNo};

/// Chunks back to back, and each of them.
fn chunks() -> (Vec<u8>, Vec<Chunk>) {
    let records: [&[&[u8]]; 4] = [&[b"abc", b"", &[0xff; 9]], &[b"d"], &[&[7; 200]], &[b"e", b"f"]];
    let mut first = Seq::FIRST;
    let mut chunks = Vec::new();
    for (index, records) in records.into_iter().enumerate() {
        let ending = if index == 3 { Ending::Close } else { Ending::Open };
        chunks.push(Chunk::new(StreamNo::new(9), Epoch::FIRST, first, records, ending));
        first = first.plus(records.len() as u32);
    }
    (chunks.iter().flat_map(|chunk| chunk.bytes().to_vec()).collect(), chunks)
}

/// The scan of damaged bytes gives whole chunks from the start, then stops; says how many.
#[track_caller]
fn check_scan(bytes: &[u8], what: &str) -> usize {
    let (_, written) = chunks();
    let mut scan = Scan::new(bytes);
    let mut found = 0;
    for item in &mut scan {
        match item {
            Ok(frames) => {
                assert_eq!(frames, written[found].frames(), "{what}");
                found += 1;
            }
            Err(error) => {
                let kind = error.kind();
                let good_prefix =
                    written[..found].last().and_then(|c| c.frames().next().previous());
                let is_version = matches!(kind, ErrorKind::Version { .. });
                assert!(
                    is_version || kind == ErrorKind::Corrupt { good_prefix },
                    "{what}: {kind:?}"
                );
                return found;
            }
        }
    }
    let whole: usize = written[..found].iter().map(|chunk| chunk.bytes().len()).sum();
    assert_eq!(whole + scan.torn_bytes(), bytes.len(), "{what}");
    found
}

#[test]
fn a_scan_of_cut_bytes_gives_the_chunks_before_the_cut() {
    let (bytes, chunks) = chunks();
    let mut end = 0;
    let ends = chunks.iter().map(|chunk| {
        end += chunk.bytes().len();
        end
    });
    let ends: Vec<usize> = ends.collect();
    for len in 0..=bytes.len() {
        let whole = ends.iter().filter(|end| **end <= len).count();
        assert_eq!(check_scan(&bytes[..len], &format!("cut at {len}")), whole);
    }
}

#[test]
fn a_scan_of_changed_bytes_gives_the_chunks_before_the_change() {
    let (bytes, _) = chunks();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(check_scan(&changed, &format!("bit {bit} of byte {at}")) < 4);
        }
        for byte in [0, 0xff, b'U', bytes[at].wrapping_add(1)] {
            let mut changed = bytes.clone();
            changed[at] = byte;
            check_scan(&changed, &format!("byte {at} is {byte}"));
        }
    }
}

#[test]
fn a_scan_of_bytes_with_a_hole_gives_the_chunks_before_it() {
    let (bytes, _) = chunks();
    for at in 0..bytes.len() {
        for len in [1, 4, 48, 60] {
            let mut holed = bytes.clone();
            holed.drain(at..(at + len).min(bytes.len()));
            check_scan(&holed, &format!("{len} bytes are missing at {at}"));
            let mut zeroed = bytes.clone();
            let end = (at + len).min(bytes.len());
            zeroed[at..end].fill(0);
            check_scan(&zeroed, &format!("{len} bytes are zero at {at}"));
        }
    }
}

#[cfg(any(feature = "sled", feature = "redb"))]
mod on_disk {
    use std::collections::BTreeMap;
    use std::fs;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Once};
    use std::time::Duration;

    use checkpoint_store::conformance::crash::Directory;
    use checkpoint_store::conformance::{Dice, run};
    use checkpoint_store::{Backend, Options, PAGE_BYTES, Seq, Store, StoreError, StreamId};
    #[cfg(feature = "redb")]
    use checkpoint_store::{RedbBackend, RedbOptions};
    #[cfg(feature = "sled")]
    use checkpoint_store::{SledBackend, SledOptions};

    /// Changes of each kind without a stride.
    const SAMPLES: usize = 200;

    /// One change and its judgement must be over by then.
    const TIME_MAX: Duration = Duration::from_secs(60);

    type Open = fn(&Path) -> Result<Arc<dyn Backend>, StoreError>;

    #[cfg(feature = "sled")]
    fn sled(path: &Path) -> Result<Arc<dyn Backend>, StoreError> {
        Ok(Arc::new(SledBackend::open(path, SledOptions::default())?))
    }

    #[cfg(feature = "redb")]
    fn redb(path: &Path) -> Result<Arc<dyn Backend>, StoreError> {
        Ok(Arc::new(RedbBackend::open(path, RedbOptions::default())?))
    }

    /// The files of a store, and what it held.
    struct Original {
        files: Vec<(PathBuf, Vec<u8>)>,
        streams: BTreeMap<String, Vec<Vec<u8>>>,
        snapshot: Vec<u8>,
    }

    /// How a file is damaged.
    #[derive(Clone, Copy, Debug)]
    enum Damage {
        Cut,
        Flip(u8),
    }

    impl Original {
        fn write(open: Open) -> Self {
            let directory = Directory::new();
            let path = directory.path().join("store");
            let backend = open(&path).expect("a new store opens");
            let store = Store::new(backend, Options::default()).expect("a store");
            let mut streams = BTreeMap::new();
            for name in ["a", "b", "closed"] {
                let mut writer = run(store.create(&id(name))).expect("created");
                let mut records = Vec::new();
                for round in 0..4_u8 {
                    for len in [3, 0, 600] {
                        let record = [name.as_bytes(), &vec![round; len]].concat();
                        writer.append(&[&record]).expect("appended");
                        records.push(record);
                    }
                    run(writer.flush()).expect("durable");
                }
                if name == "closed" {
                    run(writer.close()).expect("closed");
                }
                streams.insert(name.to_owned(), records);
            }
            let snapshot = vec![0xab; 100];
            let writer = run(store.create(&id("short"))).expect("created");
            run(writer.close()).expect("closed");
            run(store.compact(&id("short"), &snapshot)).expect("compacted");
            let mut files = Vec::new();
            // As a kill would leave them: everything is durable.
            collect(&path, &path, &mut files);
            Self { files, streams, snapshot }
        }

        fn records(&self) -> usize {
            self.streams.values().map(Vec::len).sum()
        }

        /// Compares what a damaged store answers with what it held; says how many records it has.
        fn judge(&self, open: Open, path: &Path) -> usize {
            let Ok(backend) = open(path) else { return 0 };
            let mut found = 0;
            let store = Store::new(backend, Options::default()).expect("a store");
            for (name, written) in &self.streams {
                let read = read(&store, &id(name));
                assert!(written.starts_with(&read), "{name} has other bytes: {read:?}");
                found += read.len();
            }
            if let Ok(Some(snapshot)) = run(store.snapshot(&id("short"))) {
                assert_eq!(snapshot, self.snapshot);
            }
            if let Ok(listing) = run(store.list(None)) {
                for info in listing.streams {
                    let name = info.id.as_str();
                    assert!(name == "short" || self.streams.contains_key(name), "{name}");
                }
            }
            found
        }
    }

    fn id(name: &str) -> StreamId {
        StreamId::new(name).expect("valid")
    }

    fn collect(root: &Path, directory: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(root, &path, files);
            } else {
                let name = path.strip_prefix(root).expect("it is in there").to_owned();
                files.push((name, fs::read(&path).expect("it reads")));
            }
        }
    }

    /// What can be read of a stream before its end or an error.
    fn read(store: &Store, id: &StreamId) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        loop {
            let after = Seq::new(records.len() as u64);
            let Ok(page) = run(store.read(id, after, PAGE_BYTES)) else { return records };
            for record in page.records() {
                assert_eq!(record.seq, Seq::after(Seq::new(records.len() as u64)));
                records.push(record.bytes.to_vec());
            }
            if !page.more() {
                return records;
            }
        }
    }

    fn damaged(original: &Original, file: usize, at: usize, damage: Damage) -> Directory {
        let directory = Directory::new();
        let root = directory.path().join("store");
        for (index, (name, bytes)) in original.files.iter().enumerate() {
            let mut bytes = bytes.clone();
            match damage {
                _ if index != file => {}
                Damage::Cut => bytes.truncate(at),
                Damage::Flip(mask) => bytes[at] ^= mask,
            }
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("it is in a directory")).expect("made");
            fs::write(path, bytes).expect("written");
        }
        directory
    }

    /// On a thread of its own, so that a hang is noticed; says how many records are there.
    fn check(
        original: &Arc<Original>,
        open: Open,
        file: usize,
        at: usize,
        damage: Damage,
    ) -> usize {
        let original = Arc::clone(original);
        let what = format!("{damage:?} at {at} of {}", original.files[file].0.display());
        let (done, result) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let directory = damaged(&original, file, at, damage);
            let judged = catch_unwind(AssertUnwindSafe(|| {
                original.judge(open, &directory.path().join("store"))
            }));
            drop(directory);
            // The other side waits, unless it has failed.
            let _ = done.send(judged.map_err(|panic| match panic.downcast::<String>() {
                Ok(text) => *text,
                Err(_) => "panicked".to_owned(),
            }));
        });
        match result.recv_timeout(TIME_MAX) {
            Ok(judged) => judged.unwrap_or_else(|text| panic!("{what}: {text}")),
            Err(_) => panic!("{what}: a hang"),
        }
    }

    /// Positions to damage: at a stride, or a sample among the bytes that mean something.
    fn positions(bytes: &[u8], dice: &mut Dice) -> Vec<usize> {
        if let Ok(stride) = std::env::var("CORRUPTION_STRIDE") {
            let stride: usize = stride.parse().expect("CORRUPTION_STRIDE is a number");
            return (0..bytes.len()).step_by(stride.max(1)).collect();
        }
        let meant: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        (0..SAMPLES.min(meant.len())).map(|_| meant[dice.below(meant.len())]).collect()
    }

    fn sweep(open: Open) {
        hush_damaged_databases();
        let original = Arc::new(Original::write(open));
        assert_eq!(check(&original, open, 0, usize::MAX, Damage::Cut), original.records());
        let mut dice = Dice::new(1);
        let mut found = Vec::new();
        for (file, (_, bytes)) in original.files.iter().enumerate() {
            for at in positions(bytes, &mut dice) {
                found.push(check(&original, open, file, at, Damage::Cut));
            }
            for at in positions(bytes, &mut dice) {
                found.push(check(&original, open, file, at, Damage::Flip(1 << dice.below(8))));
            }
        }
        // Damage is neither unseen nor the end of everything.
        let whole = found.iter().filter(|records| **records == original.records()).count();
        let none = found.iter().filter(|records| **records == 0).count();
        println!("{} changes: {whole} without a loss, {none} with nothing left", found.len());
        assert!(whole < found.len() && none < found.len());
    }

    /// A database that panics over damage says so at length; what counts is what its caller sees.
    fn hush_damaged_databases() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                let thread = std::thread::current();
                let is_test = thread.name().is_some_and(|name| name.starts_with("on_disk"));
                if is_test || std::env::var_os("RUST_BACKTRACE").is_some() {
                    report(panic);
                }
            }));
        });
    }

    #[cfg(feature = "sled")]
    #[test]
    fn a_damaged_sled_store_gives_a_prefix_or_an_error() {
        sweep(sled);
    }

    #[cfg(feature = "redb")]
    #[test]
    fn a_damaged_redb_store_gives_a_prefix_or_an_error() {
        sweep(redb);
    }

    #[cfg(feature = "sled")]
    #[test]
    fn the_judge_sees_other_bytes() {
        let mut original = Original::write(sled);
        let directory = damaged(&original, 0, usize::MAX, Damage::Cut);
        let path = directory.path().join("store");
        assert_eq!(original.judge(sled, &path), original.records());
        let records = original.streams.get_mut("a").expect("it is there");
        records[5][0] ^= 1;
        assert!(catch_unwind(AssertUnwindSafe(|| original.judge(sled, &path))).is_err());
    }
}
