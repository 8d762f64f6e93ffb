//! What the labels must hold, on a share of the full run.

use crate::tally::Tally;

#[test]
fn no_label_is_wrong_and_no_new_text_is_removed() {
    let tally = Tally::of(10_000, 20_261_130);
    assert_eq!(tally.failures(), Vec::<String>::new());
}
