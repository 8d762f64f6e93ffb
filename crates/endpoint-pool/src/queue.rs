//! The line in which admitted requests wait: first come, first served, and who comes back takes
//! the place that it had.

use std::collections::VecDeque;

/// Waiting slots by order of arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    line: VecDeque<(u64, u32)>,
}

impl Queue {
    pub(crate) fn insert(&mut self, order: u64, slot: u32) {
        let place = (order, slot);
        if self.line.back().is_none_or(|last| *last < place) {
            return self.line.push_back(place);
        }
        let index = self.line.partition_point(|other| *other < place);
        self.line.insert(index, place);
    }

    pub(crate) fn remove(&mut self, order: u64, slot: u32) {
        if let Ok(index) = self.line.binary_search(&(order, slot)) {
            self.line.remove(index);
        }
    }

    pub(crate) fn slot(&self, index: usize) -> Option<u32> {
        self.line.get(index).map(|(_, slot)| *slot)
    }

    pub(crate) fn len(&self) -> usize {
        self.line.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_stands_where_it_stood() {
        let mut queue = Queue::default();
        for order in [5, 7, 9, 1, 6] {
            queue.insert(order, 0);
        }
        let line: Vec<_> = queue.line.iter().map(|(order, _)| *order).collect();
        assert_eq!(line, [1, 5, 6, 7, 9]);
        queue.remove(6, 0);
        queue.remove(6, 0);
        queue.remove(7, 1);
        assert_eq!(queue.len(), 4);
        assert!(!queue.is_empty());
        assert_eq!(queue.slot(2), Some(0));
        assert_eq!(queue.slot(4), None);
    }
}
