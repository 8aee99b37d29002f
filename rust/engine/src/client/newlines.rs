//! Lines as the Internet's text protocols have them: every LF that has no CR before it gets one (RFC 5198 appendix C).

use std::borrow::Cow;

/// Remembers from piece to piece whether the last byte was a CR.
#[derive(Debug, Default)]
pub struct Newlines {
    after_cr: bool,
}

impl Newlines {
    /// The piece as it is to be sent; borrowed if it has to be sent as it is.
    pub fn convert<'d>(&mut self, data: &'d [u8]) -> Cow<'d, [u8]> {
        let mut converted: Option<Vec<u8>> = None;
        let mut done = 0;
        for (place, _) in data.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            let has_cr = if place == 0 { self.after_cr } else { data[place - 1] == b'\r' };
            if !has_cr {
                let text = converted.get_or_insert_with(|| Vec::with_capacity(data.len() + data.len() / 16 + 1));
                text.extend_from_slice(&data[done..place]);
                text.push(b'\r');
                done = place;
            }
        }
        if let Some(last) = data.last() {
            self.after_cr = *last == b'\r';
        }
        match converted {
            None => Cow::Borrowed(data),
            Some(mut text) => {
                text.extend_from_slice(&data[done..]);
                Cow::Owned(text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &[u8] = b"\na\nb\r\n\r\n\n\r\r\nend\r";
    const WANTED: &[u8] = b"\r\na\r\nb\r\n\r\n\r\n\r\r\nend\r";

    #[test]
    fn a_cr_goes_before_each_lf_that_has_none() {
        assert_eq!(Newlines::default().convert(GIVEN), WANTED);
    }

    #[test]
    fn the_pieces_in_which_it_comes_make_no_difference() {
        for size in 1..GIVEN.len() {
            let mut newlines = Newlines::default();
            let all: Vec<u8> = GIVEN.chunks(size).flat_map(|piece| newlines.convert(piece).into_owned()).collect();
            assert_eq!(all, WANTED, "in pieces of {size}");
        }
    }

    #[test]
    fn what_needs_no_change_is_not_copied() {
        assert!(matches!(Newlines::default().convert(b"binary\0\r\n"), Cow::Borrowed(_)));
    }
}
