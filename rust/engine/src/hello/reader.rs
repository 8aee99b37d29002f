//! A cursor over the presentation language of TLS (RFC 8446 section 3): what is not there is None, never a panic.

/// Reads from the front of a slice.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u24(&mut self) -> Option<usize> {
        let [high, middle, low] = self.array()?;
        Some(usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low))
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// `opaque x<0..2^8-1>`
    pub fn vector8(&mut self) -> Option<&'a [u8]> {
        let count = self.u8()?;
        self.take(count.into())
    }

    /// `opaque x<0..2^16-1>`
    pub fn vector16(&mut self) -> Option<&'a [u8]> {
        let count = self.u16()?;
        self.take(count.into())
    }

    /// `opaque x<0..2^24-1>`
    pub fn vector24(&mut self) -> Option<&'a [u8]> {
        let count = self.u24()?;
        self.take(count)
    }

    /// What `item` reads until nothing is left; None if that does not come out even.
    pub fn all<T>(mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        while !self.is_empty() {
            items.push(item(&mut self)?);
        }
        Some(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_is_none() {
        assert_eq!(Reader::new(&[0, 3, 1, 2]).vector16(), None);
        assert_eq!(Reader::new(&[2, 1, 2, 3]).vector8(), Some(&[1, 2][..]));
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff]).vector24(), None);
        assert_eq!(Reader::new(&[0, 1]).u24(), None);
        assert_eq!(Reader::new(&[0, 1, 0]).all(Reader::u16), None);
        assert_eq!(Reader::new(&[0, 1, 0, 2]).all(Reader::u16), Some(vec![1, 2]));
    }
}
