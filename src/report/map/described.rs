//! What the report says of the points on a map: their distances and their labels.

use crate::formats::distances::DistanceFile;
use crate::formats::labels::Labels;
use crate::plan::record::{PlaneMap, SampledPoints};

/// Adds the distances and labels of all points. `distances` has a file for every level, or none.
pub fn describe(map: &mut PlaneMap, distances: &[DistanceFile], labels: Option<&Labels>) {
    let near = map.tsne.as_mut().map(|near| &mut near.points);
    for points in near.into_iter().chain([&mut map.points]) {
        points.distances = distances.iter().map(|file| distances_of(points, file)).collect();
        points.given_labels =
            labels.map_or(Vec::new(), |labels| points.rows.iter().map(|&row| labels.text_of(row)).collect());
    }
}

fn distances_of(points: &SampledPoints, file: &DistanceFile) -> Vec<Option<f32>> {
    points.rows.iter().map(|&row| file.get(row).filter(|distance| distance.is_finite())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::matrix::UNLABELLED;
    use crate::formats::distances::DistanceBuffer;
    use crate::formats::labels::LabelNames;

    #[test]
    fn points_get_the_distance_and_label_of_their_row() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("d.npy");
        let mut buffer = DistanceBuffer::create(&path, 4, None).expect("a file");
        buffer.values_mut().copy_from_slice(&[0.25, f32::NAN, f32::INFINITY, 4.0]);
        buffer.finish().expect("written");
        let files = [DistanceFile::open(&path).expect("opens")];
        let texts: Vec<String> = vec!["cat".into(), "dog".into()];
        let labels = Labels {
            of_rows: vec![1, 0, UNLABELLED, 1],
            distinct: 2,
            names: LabelNames::Text(texts.as_slice().into()),
        };
        let points = SampledPoints {
            rows: vec![0, 2, 3],
            x: vec![0.0; 3],
            y: vec![0.0; 3],
            labels: vec![vec![0; 3]],
            ..SampledPoints::default()
        };
        let mut map = PlaneMap { explained: [1.0, 0.0], levels: Vec::new(), points, tsne: None };
        describe(&mut map, &files, Some(&labels));
        assert_eq!(map.points.distances, [vec![Some(0.25_f32), None, Some(4.0)]]);
        assert_eq!(map.points.given_labels, [Some("dog".to_owned()), None, Some("dog".to_owned())]);
        let numbers = Labels { names: LabelNames::Whole([7_u64, 12].as_slice().into()), ..labels };
        describe(&mut map, &[], Some(&numbers));
        assert!(map.points.distances.is_empty());
        assert_eq!(map.points.given_labels[0].as_deref(), Some("12"));
        describe(&mut map, &[], None);
        assert!(map.points.given_labels.is_empty());
    }
}
