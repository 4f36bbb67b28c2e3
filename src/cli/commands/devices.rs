//! `clustrata devices`: lists adapters, drivers and limits, and which one would be used and why.

use crate::backend::select::{self, Choice};
use crate::base::error::{Error, Finding, Result};
use crate::base::text::counted;
use crate::cli::args::DevicesArgs;
use crate::report::summary::table;

pub(super) fn run(args: &DevicesArgs) -> Result<String> {
    let adapters = select::adapters();
    let auto = select::open(&Choice::Auto, None)?;
    let used = auto.backend.describe();
    if args.json {
        let value = serde_json::json!({
            "adapters": adapters,
            "auto": { "device": used, "reason": auto.reason },
        });
        return serde_json::to_string_pretty(&value)
            .map_err(|e| Error::failed(Finding::new("can't print the devices as JSON").found(e.to_string())));
    }
    let mut rows =
        vec![["device", "name", "kind", "api", "driver", "binding", "buffer", ""].map(str::to_owned).to_vec()];
    for adapter in &adapters {
        let limit =
            |name: &str| adapter.info.limits.get(name).map_or_else(|| "-".to_owned(), |&bytes| mebibytes(bytes));
        rows.push(vec![
            adapter.index.to_string(),
            adapter.info.name.clone(),
            adapter.info.kind.to_owned(),
            adapter.info.api.clone(),
            adapter.info.driver.clone(),
            limit("max_storage_buffer_binding_size"),
            limit("max_buffer_size"),
            adapter.unusable.clone().map(|why| format!("unusable: {why}")).unwrap_or_default(),
        ]);
    }
    let cpu = select::open(&Choice::Cpu, None)?.backend.describe();
    let threads = cpu.limits.get("threads").copied().unwrap_or(1);
    let blank = String::new;
    rows.push(vec![
        "cpu".into(),
        cpu.name,
        "cpu".into(),
        cpu.api,
        counted(threads, "thread"),
        blank(),
        blank(),
        blank(),
    ]);
    let chosen = format!("--device auto uses {} [{}]: {}", used.name, used.backend, auto.reason);
    Ok(format!("{}\n\n{chosen}", table(&rows)))
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
