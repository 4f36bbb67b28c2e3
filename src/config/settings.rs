//! What is made of resolved settings.

use super::{Settings, Silhouette};
use crate::error::{Error, Finding, Result};

impl Settings {
    /// For one part of a run: all parts must do the same, whatever the devices they find. So nothing is left out by what
    /// it costs on one of them; without `--metrics`, all figures are taken but the silhouette, which compares all pairs
    /// of points and wants to be asked for.
    #[must_use]
    pub fn for_parts(mut self) -> Settings {
        if self.leave_out && !self.silhouette_asked && !self.rank_by.starts_with("silhouette") {
            self.metrics.retain(|name| !name.starts_with("silhouette"));
            self.silhouette = Silhouette::Off;
        }
        Settings { leave_out: false, yes: true, ..self }
    }

    /// The same with absolute paths, for who reads them elsewhere.
    #[must_use]
    pub fn absolute(mut self) -> Settings {
        let optional = [&mut self.images, &mut self.image_root, &mut self.subset_indices, &mut self.scratch];
        let paths = optional.into_iter().flatten().chain([&mut self.clustering, &mut self.out]);
        for path in paths.chain(&mut self.embeddings) {
            if let Ok(absolute) = std::path::absolute(&path) {
                *path = absolute;
            }
        }
        self
    }

    /// As YAML that `--config` reads again.
    pub fn to_yaml(&self) -> Result<String> {
        // given back with --config, it must not replace results without being told to again
        let settings = Settings { force: false, ..self.clone() };
        let text = serde_saphyr::to_string(&settings);
        text.map_err(|e| Error::failed(Finding::new("can't write the settings as YAML").found(e.to_string())))
    }
}
