//! Types of stored elements, and the lossless conversion to the type in which rows are delivered.

use half::{bf16, f16};

use crate::base::matrix::Dtype;
use crate::formats::npy::ByteOrder;

/// Type of a stored element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F16,
    F32,
    F64,
    Bf16,
    I8,
    U8,
}

/// Type and byte order of stored elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) kind: Kind,
    pub(super) order: ByteOrder,
}

impl Element {
    pub(super) fn little(kind: Kind) -> Element {
        Element { kind, order: ByteOrder::Little }
    }

    /// Bytes of a stored element.
    pub(super) fn size(self) -> usize {
        match self.kind {
            Kind::I8 | Kind::U8 => 1,
            Kind::F16 | Kind::Bf16 => 2,
            Kind::F32 => 4,
            Kind::F64 => 8,
        }
    }

    /// The smallest type that holds every value exactly: float16 has 11 significant bits, so it holds int8 and uint8.
    pub(super) fn delivered(self) -> Dtype {
        match self.kind {
            Kind::I8 | Kind::U8 | Kind::F16 => Dtype::F16,
            Kind::F32 | Kind::Bf16 => Dtype::F32,
            Kind::F64 => Dtype::F64,
        }
    }

    /// Whether stored elements are delivered as they are.
    pub(super) fn in_place(self) -> bool {
        self.order == ByteOrder::Little && matches!(self.kind, Kind::F16 | Kind::F32 | Kind::F64)
    }

    /// Converts stored elements to delivered ones. Both slices hold the same number of elements.
    pub(super) fn convert(self, stored: &[u8], out: &mut [u8]) {
        match (self.kind, self.order) {
            (Kind::F16 | Kind::F32 | Kind::F64, ByteOrder::Little) => out.copy_from_slice(stored),
            (Kind::F16, ByteOrder::Big) => reverse::<2>(stored, out),
            (Kind::F32, ByteOrder::Big) => reverse::<4>(stored, out),
            (Kind::F64, ByteOrder::Big) => reverse::<8>(stored, out),
            (Kind::Bf16, order) => each(stored, out, |bytes: [u8; 2]| {
                let bits = if order == ByteOrder::Big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
                // not through `to_f32`, which changes the bits of a signalling NaN
                (u32::from(bf16::from_bits(bits).to_bits()) << 16).to_le_bytes()
            }),
            (Kind::I8, _) => {
                each(stored, out, |[byte]: [u8; 1]| f16::from_f32(f32::from(i8::from_le_bytes([byte]))).to_le_bytes());
            }
            (Kind::U8, _) => each(stored, out, |[byte]: [u8; 1]| f16::from_f32(f32::from(byte)).to_le_bytes()),
        }
    }
}

fn reverse<const N: usize>(stored: &[u8], out: &mut [u8]) {
    each(stored, out, |mut bytes: [u8; N]| {
        bytes.reverse();
        bytes
    });
}

fn each<const N: usize, const M: usize>(stored: &[u8], out: &mut [u8], convert: impl Fn([u8; N]) -> [u8; M]) {
    for (stored, out) in stored.as_chunks().0.iter().zip(out.as_chunks_mut().0) {
        *out = convert(*stored);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(kind: Kind, order: ByteOrder, stored: &[u8]) -> Vec<f64> {
        let element = Element { kind, order };
        let count = stored.len() / element.size();
        let mut out = vec![0xff; count * element.delivered().size()];
        element.convert(stored, &mut out);
        let mut values = vec![f64::NAN; count];
        element.delivered().widen(&out, &mut values);
        values
    }

    #[test]
    fn every_value_of_eight_bits_is_exact() {
        let bytes: Vec<u8> = (0..=255).collect();
        let unsigned: Vec<f64> = (0..=255).map(f64::from).collect();
        let signed: Vec<f64> = (0..=255_u8).map(|byte| f64::from(i8::from_le_bytes([byte]))).collect();
        assert_eq!(converted(Kind::U8, ByteOrder::Little, &bytes), unsigned);
        assert_eq!(converted(Kind::I8, ByteOrder::Little, &bytes), signed);
    }

    #[test]
    fn every_bfloat16_is_exact() {
        let bits: Vec<u16> = (0..=u16::MAX).collect();
        let little: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let big: Vec<u8> = bits.iter().flat_map(|bits| bits.to_be_bytes()).collect();
        for (order, stored) in [(ByteOrder::Little, little), (ByteOrder::Big, big)] {
            for (bits, value) in bits.iter().zip(converted(Kind::Bf16, order, &stored)) {
                let exact = bf16::from_bits(*bits);
                assert!(value == exact.to_f64() || (value.is_nan() && exact.is_nan()), "{bits:04x}");
            }
        }
    }

    #[test]
    fn both_byte_orders_give_the_same_values() {
        let values = [0.5, -2.0, 1024.0, 0.25];
        for (kind, little, big) in [
            (
                Kind::F16,
                values.map(|v| f16::from_f64(v).to_le_bytes()).concat(),
                values.map(|v| f16::from_f64(v).to_be_bytes()).concat(),
            ),
            (Kind::F64, values.map(f64::to_le_bytes).concat(), values.map(f64::to_be_bytes).concat()),
        ] {
            assert_eq!(converted(kind, ByteOrder::Little, &little), values);
            assert_eq!(converted(kind, ByteOrder::Big, &big), values);
            assert_ne!(converted(kind, ByteOrder::Big, &little), values, "the order matters");
        }
    }
}
