//! `clustrata devices`: lists adapters, drivers and limits, and which one would be used and why.

use crate::backend::Tuning;
use crate::backend::select::{self, Choice, Request, TimedShape};
use crate::base::error::{Error, Finding, Result};
use crate::base::signals;
use crate::base::text::counted;
use crate::cli::args::DevicesArgs;
use crate::plan::tuning;
use crate::report::summary::table;

pub(super) fn run(args: &DevicesArgs) -> Result<String> {
    if args.tune {
        return tune(args);
    }
    let adapters = select::adapters();
    let auto = select::open(&Choice::Auto, &Request::default())?;
    let used = auto.backend.describe();
    if args.json {
        let value = serde_json::json!({
            "adapters": adapters,
            "auto": { "device": used, "reason": auto.reason },
        });
        return Ok(format!("{value:#}"));
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
    let cpu = select::open(&Choice::Cpu, &Request::default())?.backend.describe();
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

/// Times every shape of the search.
fn tune(args: &DevicesArgs) -> Result<String> {
    let tuning = tuning::tuning(false);
    let (device, shapes) = select::tune(&Choice::parse(&args.device), &tuning, &signals::go_on)?;
    let kept = if let Tuning::Kept(folder) = &tuning { Some(folder) } else { None };
    let wrong = shapes.iter().filter(|shape| !shape.agrees).count();
    let report = match args.json {
        true => format!("{:#}", serde_json::json!({ "device": device, "shapes": shapes, "cache": kept })),
        false => {
            let kept = match kept {
                Some(folder) => format!("the chosen shapes are kept in {}", folder.display()),
                None => "the chosen shapes are not kept: there is no cache folder".to_owned(),
            };
            format!("{} [{}] {}\n\n{}\n\n{kept}", device.name, device.api, device.driver, of_shapes(&shapes))
        }
    };
    if wrong > 0 {
        let finding = Finding::new("shapes of one kernel have different results on this device")
            .expected("the same nearest centroids to the last bit")
            .found(format!("{wrong} of {} differ", shapes.len()))
            .hint("update the driver, or use --device cpu; please report this table");
        return Err(Error::failed(finding).with_report(&report));
    }
    Ok(report)
}

fn of_shapes(shapes: &[TimedShape]) -> String {
    let header = ["columns", "clusters", "rows", "shape", "seconds", "TFLOP/s", ""];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(shapes.iter().map(|shape| {
        let number = |number: Option<f64>| number.map_or("too slow".to_owned(), |number| format!("{number:.5}"));
        let chosen = if shape.chosen { "chosen" } else { "" };
        vec![
            shape.columns.to_string(),
            shape.clusters.to_string(),
            shape.rows.to_string(),
            shape.shape.to_owned(),
            number(shape.seconds),
            number(shape.rate.map(|rate| rate / 1e12)),
            if shape.agrees { chosen } else { "WRONG" }.to_owned(),
        ]
    }));
    table(&rows)
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
