//! Numbered places for connections. A place is used again; its key is not.

use mio::Token;

/// The bit by which the token of a connection's second socket differs from that of its first.
const SECOND: usize = 1 << (usize::BITS - 2);

/// Where something is, and which of those that were there it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    index: usize,
    generation: u32,
}

impl Key {
    /// For mio. An event that was meant for a connection that used the place before does no harm: nothing is taken from
    /// events but that something may have happened.
    pub fn token(self) -> Token {
        Token(self.index)
    }

    /// For the second socket of the same connection.
    pub fn second_token(self) -> Token {
        Token(self.index | SECOND)
    }
}

/// Whether a token is that of a second socket.
pub fn is_second(token: Token) -> bool {
    token.0 & SECOND != 0
}

pub struct Slots<T> {
    places: Vec<(u32, Option<T>)>,
    free: Vec<usize>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// The key under which `make`'s value will be found.
    pub fn vacant(&mut self) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push((0, None));
            self.places.len() - 1
        });
        Key { index, generation: self.places[index].0 }
    }

    /// Put `value` where [`Slots::vacant`] said.
    pub fn put(&mut self, key: Key, value: T) {
        self.places[key.index].1 = Some(value);
    }

    /// Give a place back that was not used, or that is not to be used any more.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.get_mut(key.index).filter(|place| place.0 == key.generation)?;
        place.0 = place.0.wrapping_add(1);
        self.free.push(key.index);
        place.1.take()
    }

    pub fn at(&mut self, key: Key) -> Option<&mut T> {
        self.places.get_mut(key.index).filter(|place| place.0 == key.generation)?.1.as_mut()
    }

    /// The key of what is at a token's place now.
    pub fn key(&self, token: Token) -> Option<Key> {
        let index = token.0 & !SECOND;
        let (generation, value) = self.places.get(index)?;
        value.as_ref().map(|_| Key { index, generation: *generation })
    }

    pub fn keys(&self) -> Vec<Key> {
        (0..self.places.len()).filter_map(|index| self.key(Token(index))).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.free.len() == self.places.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_gone_connection_does_not_find_its_successor() {
        let mut slots = Slots::default();
        let first = slots.vacant();
        slots.put(first, "first");
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.vacant();
        slots.put(second, "second");
        assert_eq!(second.token(), first.token());
        assert_eq!(slots.at(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.at(second), Some(&mut "second"));
        assert!(!slots.is_empty());
        assert_eq!(slots.keys(), [second]);
        assert_eq!(slots.key(second.second_token()), Some(second));
        assert!(is_second(second.second_token()) && !is_second(second.token()));
    }
}
