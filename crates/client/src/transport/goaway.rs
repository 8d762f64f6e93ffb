//! Looks for GOAWAY in what an HTTP/2 connection reads (RFC 9113, 6.8). hyper tells nobody of it who
//! has a response on the connection.

/// Where in its frames a connection is.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    /// Of the frame's head.
    head: [u8; HEAD_BYTES],
    known: usize,
    /// Bytes of the frame behind its head that did not come yet.
    rest: usize,
}

impl Lookout {
    /// Whether a GOAWAY began in the next bytes that were read.
    pub(crate) fn sees(&mut self, mut read: &[u8]) -> bool {
        let mut seen = false;
        while !read.is_empty() {
            let skipped = self.rest.min(read.len());
            self.rest -= skipped;
            read = &read[skipped..];
            let taken = (HEAD_BYTES - self.known).min(read.len());
            self.head[self.known..self.known + taken].copy_from_slice(&read[..taken]);
            self.known += taken;
            read = &read[taken..];
            if self.known == HEAD_BYTES {
                let [a, b, c, kind, ..] = self.head;
                self.rest = u32::from_be_bytes([0, a, b, c]) as usize;
                self.known = 0;
                seen |= kind == GOAWAY;
            }
        }
        seen
    }
}

/// Length, type, flags and stream (section 4.1).
const HEAD_BYTES: usize = 9;
const GOAWAY: u8 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, 0, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn a_goaway_is_seen_at_every_cut() {
        let frames = [frame(4, &[]), frame(0, &[7; 300]), frame(7, &[0; 8]), frame(0, b"more")];
        let (all, before) = (frames.concat(), 18 + 300);
        for cut in 0..=all.len() {
            let mut lookout = Lookout::default();
            let first = lookout.sees(&all[..cut]);
            assert_eq!(first, cut >= before + HEAD_BYTES, "{cut}");
            assert_eq!(lookout.sees(&all[cut..]), !first);
        }
        let mut lookout = Lookout::default();
        let seen = all.iter().filter(|byte| lookout.sees(&[**byte])).count();
        assert_eq!(seen, 1, "byte by byte");
    }

    #[test]
    fn what_a_frame_contains_is_none() {
        let inner = frame(7, &[0; 8]);
        let mut lookout = Lookout::default();
        assert!(!lookout.sees(&frame(0, &inner)));
        assert!(lookout.sees(&inner));
    }
}
