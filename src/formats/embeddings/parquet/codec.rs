//! Decompression of pages. Nothing is allocated: the size of a page is in its header.

use std::io::Read;

use parquet::basic::Compression;

/// Decompresses `from` to fill `out` exactly. The error says what is wrong.
pub(super) fn decompress(codec: Compression, from: &[u8], out: &mut [u8]) -> Result<(), String> {
    let wanted = out.len();
    let written = match codec {
        Compression::UNCOMPRESSED if from.len() == wanted => {
            out.copy_from_slice(from);
            wanted
        }
        Compression::UNCOMPRESSED => from.len(),
        Compression::SNAPPY => match snap::raw::decompress_len(from) {
            Ok(length) if length == wanted => {
                snap::raw::Decoder::new().decompress(from, out).map_err(|e| e.to_string())?
            }
            length => length.map_err(|e| e.to_string())?,
        },
        Compression::GZIP(_) => {
            let mut decoder = flate2::read::MultiGzDecoder::new(from);
            decoder.read_exact(out).map_err(|e| e.to_string())?;
            let more = decoder.read(&mut [0]).map_err(|e| e.to_string())?;
            wanted + more
        }
        Compression::LZ4_RAW => lz4_flex::block::decompress_into(from, out).map_err(|e| e.to_string())?,
        Compression::ZSTD(_) => zstd(from, out)?,
        _ => return Err("compression that is not supported".to_owned()),
    };
    if written == wanted { Ok(()) } else { Err(format!("a page of {written} bytes instead of {wanted}")) }
}

/// Whether this program can decompress pages of the codec.
pub(super) fn is_known(codec: Compression) -> bool {
    use Compression::{GZIP, LZ4_RAW, SNAPPY, UNCOMPRESSED, ZSTD};
    let zstd = cfg!(feature = "zstd") && matches!(codec, ZSTD(_));
    zstd || matches!(codec, UNCOMPRESSED | SNAPPY | GZIP(_) | LZ4_RAW)
}

#[cfg(feature = "zstd")]
fn zstd(from: &[u8], out: &mut [u8]) -> Result<usize, String> {
    use std::cell::RefCell;
    use zstd::bulk::Decompressor;
    thread_local! {
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new().map_err(|e| e.to_string())?),
        };
        decompressor.decompress_to_buffer(from, out).map_err(|e| e.to_string())
    })
}

#[cfg(not(feature = "zstd"))]
fn zstd(_from: &[u8], _out: &mut [u8]) -> Result<usize, String> {
    Err("Zstandard, without which this program was built".to_owned())
}
