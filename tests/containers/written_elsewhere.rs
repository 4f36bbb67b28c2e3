//! Files that NumPy, PyArrow, pandas, polars and safetensors write. `CLUSTRATA_PYTHON` names a Python with those of them that
//! are to be tried; `script/test`'s has all.

use std::path::Path;

use clustrata::base::error::Findings;
use clustrata::formats::embeddings::{Embeddings, ReadOptions};
use clustrata::formats::names::Names;

use crate::common::{python, scratch};

/// Writes the same matrix in many ways; prints the name of each file.
const CODE: &str = r#"
import sys, os, numpy as np
os.chdir(sys.argv[1])
a = (np.arange(1031 * 33) % 101).astype('<f4').reshape(1031, 33)
def done(name): print(name)
np.save('numpy.npy', a); done('numpy.npy')
np.save('numpy-fortran.npy', np.asfortranarray(a)); done('numpy-fortran.npy')
np.save('numpy-big.npy', a.astype('>f4')); done('numpy-big.npy')
np.savez('numpy.npz', emb=a, ids=np.arange(1031)); done('numpy.npz')
np.savez_compressed('numpy-compressed.npz', emb=a, ids=np.arange(1031)); done('numpy-compressed.npz')
try:
    import pyarrow as pa, pyarrow.parquet as pq
    lists = pa.table({'path': [f'{i}.png' for i in range(1031)], 'emb': list(a)})
    fixed = pa.table({'emb': pa.FixedSizeListArray.from_arrays(pa.array(a.ravel()), 33)})
    large = pa.table({'emb': pa.array(list(a), pa.large_list(pa.float32()))})
    wide = pa.table({f'{i}': a[:, i] for i in range(33)})
    ways = [{}, {'compression': 'none'}, {'compression': 'zstd', 'row_group_size': 100}, {'compression': 'gzip'},
        {'compression': 'lz4'}, {'use_dictionary': False, 'data_page_size': 3000}, {'data_page_version': '2.0'},
        {'write_page_index': True, 'row_group_size': 65}, {'use_dictionary': False, 'use_byte_stream_split': True},
        {'use_dictionary': False, 'compression': 'none', 'data_page_size': 1000, 'write_batch_size': 64},
        {'use_dictionary': False, 'data_page_version': '2.0', 'compression': 'none', 'data_page_size': 1000}]
    for n, way in enumerate(ways):
        for kind, table in [('lists', lists), ('fixed', fixed), ('large', large), ('wide', wide)]:
            name = f'pyarrow-{kind}-{n}.parquet'
            if kind == 'lists' and way.get('use_byte_stream_split'): way = dict(way, use_byte_stream_split=['emb.list.element'])
            elif 'use_byte_stream_split' in way: way = dict(way, use_byte_stream_split=True)
            pq.write_table(table, name, **way); done(name)
except ImportError: print('without pyarrow')
try:
    import pandas as pd
    pd.DataFrame({'emb': list(a), 'id': range(1031)}).to_parquet('pandas.parquet'); done('pandas.parquet')
    pd.DataFrame(a, columns=[str(i) for i in range(33)]).to_parquet('pandas-wide.parquet'); done('pandas-wide.parquet')
except ImportError: print('without pandas')
try:
    import polars as pl
    frame = pl.DataFrame({'emb': a, 'id': range(1031)})
    frame.write_parquet('polars.parquet'); done('polars.parquet')
    frame.with_columns(pl.col('emb').cast(pl.List(pl.Float32))).write_parquet('polars-lists.parquet'); done('polars-lists.parquet')
except ImportError: print('without polars')
try:
    from safetensors.numpy import save_file
    save_file({'emb': a, 'ids': np.arange(1031)}, 'numpy.safetensors'); done('numpy.safetensors')
except ImportError: print('without safetensors')
"#;

fn all(path: &Path) -> Vec<u8> {
    let mut findings = Findings::new();
    let opened = Embeddings::open_with(&[path.to_owned()], &ReadOptions::default(), &mut findings);
    let opened = opened.unwrap_or_else(|| panic!("{}: {:?}", path.display(), findings.kept()));
    assert_eq!((opened.rows(), opened.dim()), (1031, 33), "{}", path.display());
    let mut bytes = vec![0xff; 1031 * opened.row_bytes()];
    // in tiles, so that pages are shared
    for (number, out) in bytes.chunks_mut(100 * opened.row_bytes()).enumerate() {
        opened.read_rows(number as u64 * 100, out).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    bytes
}

#[test]
fn files_of_other_programs_give_the_same_bytes() {
    let Some(mut python) = python() else { return };
    let folder = scratch();
    let output = python.args(["-c", CODE]).arg(folder.path()).output().expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let wanted: Vec<u8> =
        (0..1031 * 33).flat_map(|at| f32::from(u8::try_from(at % 101).expect("small")).to_le_bytes()).collect();
    let mut read = 0;
    for name in said.lines() {
        if name.starts_with("without") {
            println!("skipped: {name}");
        } else if cfg!(feature = "parquet") || !name.ends_with("parquet") {
            assert!(all(&folder.path().join(name)) == wanted, "{name}");
            read += 1;
        }
    }
    assert!(read >= 5, "{said}");
    if cfg!(feature = "parquet") && said.contains("pyarrow-lists-2") {
        let names = Names::open(&folder.path().join("pyarrow-lists-2.parquet")).expect("opens");
        assert_eq!((names.len(), names.read(&[777]).expect("reads")[0].path.as_str()), (1031, "777.png"));
    }
}
