//! A compact binary form: variable-length numbers, counted lists. Reading checks every length
//! against what is left, so broken bytes give none rather than a panic or a large allocation.

use bytes::Bytes;

/// A value with a binary form. `get(put(x)) == x`.
pub(super) trait Wire: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);

    /// Takes the value off the front; none when the bytes are not one.
    fn get(from: &mut Reader<'_>) -> Option<Self>;
}

/// Bytes that are read from the front.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes `len` bytes.
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes a count of things of at least a byte each.
    pub(super) fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(u64::get(self)?).ok()?;
        (count <= self.rest.len()).then_some(count)
    }
}

impl Wire for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *from.take(1)?.first()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl Wire for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        // Zigzag: small numbers of either sign stay short.
        (((*self << 1) ^ (*self >> 63)).cast_unsigned()).put(out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let zigzag = u64::get(from)?;
        Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }
}

/// Gives integers that fit into 64 bits the form of `u64`.
macro_rules! wire_integer {
    ($($type:ty),*) => { $(
        impl Wire for $type {
            fn put(&self, out: &mut Vec<u8>) {
                (*self as u64).put(out);
            }

            fn get(from: &mut Reader<'_>) -> Option<Self> {
                Self::try_from(u64::get(from)?).ok()
            }
        }
    )* };
}
wire_integer!(u8, u16, u32, usize);

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        match from.take(1)? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let len = from.count()?;
        Self::from_utf8(from.take(len)?.to_vec()).ok()
    }
}

impl Wire for Bytes {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        out.extend_from_slice(self);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let len = from.count()?;
        from.take(len).map(Self::copy_from_slice)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        if bool::get(from)? {
            T::get(from).map(Some)
        } else {
            Some(None)
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        for item in self {
            item.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        (0..from.count()?).map(|_| T::get(from)).collect()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some((A::get(from)?, B::get(from)?))
    }
}

/// Gives a struct the form of its fields in order; a field left out does not compile.
macro_rules! wire_struct {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl $crate::index::wire::Wire for $type {
            fn put(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::index::wire::Wire::put($field, out);)*
            }

            fn get(from: &mut $crate::index::wire::Reader<'_>) -> Option<Self> {
                Some(Self { $($field: $crate::index::wire::Wire::get(from)?),* })
            }
        }
    };
}

/// Gives an enum without fields the form of a byte.
macro_rules! wire_enum {
    ($type:ident { $($number:literal => $variant:ident),* $(,)? }) => {
        impl $crate::index::wire::Wire for $type {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(match self { $(Self::$variant => $number),* });
            }

            fn get(from: &mut $crate::index::wire::Reader<'_>) -> Option<Self> {
                match from.take(1)? {
                    $([$number] => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

pub(super) use {wire_enum, wire_struct};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_is_got(numbers: Vec<(u64, i64)>, text: Option<String>, flag: bool) {
            let mut bytes = Vec::new();
            numbers.put(&mut bytes);
            text.put(&mut bytes);
            flag.put(&mut bytes);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(Vec::get(&mut reader), Some(numbers));
            prop_assert_eq!(Option::<String>::get(&mut reader), Some(text));
            prop_assert_eq!(bool::get(&mut reader), Some(flag));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = Vec::<(String, Option<u64>)>::get(&mut Reader::new(&bytes));
        }
    }

    #[test]
    fn counts_are_bounded_by_what_is_there() {
        let mut bytes = Vec::new();
        u64::MAX.put(&mut bytes);
        assert_eq!(String::get(&mut Reader::new(&bytes)), None);
        assert_eq!(Vec::<u64>::get(&mut Reader::new(&bytes)), None);
    }
}
