//! The rules of two stores side by side: nothing of one is seen in the other.

use crate::conformance::Subject;
use crate::conformance::probe::{chunk, kind, last_chunk};
use crate::{Applied, ErrorKind};

pub fn stores_do_not_see_each_other(left: &mut Subject, right: &mut Subject) {
    let (head, other) = (left.create("s"), right.create("s"));
    left.store_chunk(&chunk(&head, 1, &[b"left"]));
    assert!(right.records("s").is_empty());
    right.store_chunk(&last_chunk(&other, 1, &[b"right"]));
    left.create("only");
    assert_eq!(kind(right.stat("only")), ErrorKind::NotFound);
    assert_eq!(right.names(), ["s"]);
    right.compact("s", b"snapshot").expect("compacted");
    assert_eq!(left.snapshot("s").expect("it is there"), None);
    right.delete("s");
    assert_eq!(left.records("s"), [b"left"]);
    left.store_chunk(&chunk(&head, 2, &[b"more"]));
    let refused = right.commit(vec![chunk(&other, 2, &[b"late"])]);
    assert_eq!(refused, [Applied::Deleted]);
}
