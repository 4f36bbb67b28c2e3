//! t-SNE (van der Maaten and Hinton 2008): places vectors on a plane so that neighbours stay neighbours. Uses the Barnes-Hut
//! approximation (van der Maaten 2014) of the crate `bhtsne`.
//!
//! It starts from given places instead of random ones, which preserves their global structure (Kobak and Berens 2019) and
//! needs no seed. Neighbours are searched exactly, and the crate runs on one thread: its sums over several threads depend on
//! how the work is split, and for so few vectors they are not faster. So the result depends on the input alone, to the bit.

use bhtsne::{Neighbor, tSNE};
use ndarray::{Array2, Axis, s};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

use crate::base::numeric::as_real;

/// Fewer vectors have no meaningful neighbourhoods.
const FEWEST: usize = 16;
/// Effective number of neighbours, if there are enough vectors.
const PERPLEXITY: f64 = 30.0;
/// Gradient steps; the first 250 exaggerate attraction.
const EPOCHS: usize = 750;
/// Barnes-Hut accuracy: the usual value.
const THETA: f64 = 0.5;
/// Standard deviation of the initial places along x.
const START: f64 = 1e-4;
/// Rows whose distances to all others are in memory at a time.
const BLOCK: usize = 128;

/// An embedding in two dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Effective number of neighbours.
    pub perplexity: f64,
    /// x and y of each vector, without a unit.
    pub places: Vec<[f64; 2]>,
}

/// Places vectors `[n, d]`, starting from `start`, whose scale does not matter. `None` for fewer than 16 vectors, for values
/// that are not finite, and for vectors that are all equal. Time grows with n^2 d, memory with n.
///
/// # Panics
/// If `start` has another length than `vectors`.
#[must_use]
pub fn place(mut vectors: Array2<f64>, start: &[[f64; 2]]) -> Option<Embedding> {
    let count = vectors.nrows();
    assert_eq!(count, start.len(), "an initial place for each vector");
    if count < FEWEST || !vectors.iter().chain(start.as_flattened()).all(|value| value.is_finite()) {
        return None;
    }
    let mean = vectors.mean_axis(Axis(0))?;
    vectors -= &mean;
    let others = as_real((count - 1) as u64);
    let perplexity = PERPLEXITY.min((others / 3.0).floor());
    let neighbours = neighbours(&vectors, (count - 1).min(90))?;
    let start = initial(start)?;
    let pool = ThreadPoolBuilder::new().num_threads(1).build().ok()?;
    let places = pool.install(|| {
        let samples = vec![(); count];
        let mut tsne = tSNE::<f64, (), 2>::new(&samples);
        tsne.perplexity(perplexity).epochs(EPOCHS).initial_embedding(start);
        tsne.barnes_hut_with_neighbors(THETA, &neighbours).embedding()
    });
    let places = places.as_chunks().0.to_vec();
    places.as_flattened().iter().all(|place| place.is_finite()).then_some(Embedding { perplexity, places })
}

/// The nearest neighbours of each vector, nearest first. Distances are divided by their mean, so that the scale of the
/// vectors does not matter. `None` if all vectors are equal.
fn neighbours(centred: &Array2<f64>, most: usize) -> Option<Vec<Vec<Neighbor<f64>>>> {
    let squares: Vec<f64> = centred.outer_iter().map(|row| row.dot(&row)).collect();
    let blocks: Vec<usize> = (0..centred.nrows()).step_by(BLOCK).collect();
    let of_block = |&first: &usize| {
        let rows = centred.slice(s![first..(first + BLOCK).min(centred.nrows()), ..]);
        let products = rows.dot(&centred.t());
        let near = |(i, products): (usize, ndarray::ArrayView1<'_, f64>)| {
            let row = first + i;
            let others = (0..squares.len()).filter(|&other| other != row);
            let distance = |other: usize| (squares[row] + squares[other] - 2.0 * products[other]).max(0.0).sqrt();
            let mut near: Vec<_> = others.map(|index| Neighbor { index, distance: distance(index) }).collect();
            let order =
                |a: &Neighbor<f64>, b: &Neighbor<f64>| a.distance.total_cmp(&b.distance).then(a.index.cmp(&b.index));
            near.select_nth_unstable_by(most - 1, order);
            near.truncate(most);
            // otherwise each row would keep the capacity for all others
            near.shrink_to_fit();
            near.sort_unstable_by(order);
            near
        };
        products.outer_iter().enumerate().map(near).collect::<Vec<_>>()
    };
    let mut all: Vec<Vec<Neighbor<f64>>> = blocks.par_iter().flat_map_iter(of_block).collect();
    let total: f64 = all.iter().flatten().map(|near| near.distance).sum();
    let mean = total / as_real((all.len() * most) as u64);
    if mean <= 0.0 {
        return None;
    }
    all.iter_mut().flatten().for_each(|near| near.distance /= mean);
    Some(all)
}

/// Initial places, centred and scaled to be close together. `None` if they coincide.
fn initial(places: &[[f64; 2]]) -> Option<Vec<f64>> {
    let count = as_real(places.len() as u64);
    let mean = [0, 1].map(|axis| places.iter().map(|place| place[axis]).sum::<f64>() / count);
    let variance = places.iter().map(|place| (place[0] - mean[0]).powi(2)).sum::<f64>() / count;
    let scale = START / variance.sqrt();
    let scaled = |place: &[f64; 2]| [scale * (place[0] - mean[0]), scale * (place[1] - mean[1])];
    scale.is_finite().then(|| places.iter().flat_map(scaled).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_pcg::Pcg64;

    /// Well separated groups of vectors, whose first two columns are noise, and the group of each vector.
    fn groups(count: usize, of: usize) -> (Array2<f64>, Vec<usize>) {
        let mut random = Pcg64::seed_from_u64(3);
        let mut middles = Array2::from_shape_simple_fn((of, 20), || random.random_range(-10.0..10.0));
        middles.slice_mut(s![.., ..2]).fill(0.0);
        let noise = Array2::from_shape_simple_fn((count, 20), || random.random_range(-1.0..1.0));
        let group: Vec<usize> = (0..count).map(|i| i % of).collect();
        (middles.select(Axis(0), &group) + noise, group)
    }

    fn first_columns(vectors: &Array2<f64>) -> Vec<[f64; 2]> {
        vectors.outer_iter().map(|row| [row[0], row[1]]).collect()
    }

    /// Share of the vectors whose nearest neighbour on the plane belongs to their group.
    fn kept(places: &[[f64; 2]], group: &[usize]) -> f64 {
        let near = |i: usize| {
            let distance = |j: usize| (places[i][0] - places[j][0]).hypot(places[i][1] - places[j][1]);
            (0..places.len()).filter(|&j| j != i).min_by(|&a, &b| distance(a).total_cmp(&distance(b)))
        };
        let same = (0..places.len()).filter(|&i| near(i).is_some_and(|j| group[j] == group[i])).count();
        as_real(same as u64) / as_real(places.len() as u64)
    }

    #[test]
    fn neighbours_stay_neighbours_and_results_repeat_to_the_bit() {
        let (vectors, group) = groups(120, 12);
        let start = first_columns(&vectors);
        let placed = place(vectors.clone(), &start).expect("places");
        assert!(kept(&placed.places, &group) > 0.99, "{}", kept(&placed.places, &group));
        // the control: the initial places do not keep them
        assert!(kept(&start, &group) < 0.3, "{}", kept(&start, &group));
        assert_eq!(place(vectors.clone(), &start).as_ref(), Some(&placed));
        // neither an offset nor the scale matters beyond rounding
        let moved = place(vectors * 1e-6 + 5.0, &start).expect("places");
        assert!(kept(&moved.places, &group) > 0.99);
    }

    #[test]
    fn vectors_without_neighbourhoods_have_no_map() {
        let (vectors, _) = groups(FEWEST, 4);
        let start = first_columns(&vectors);
        assert!(place(vectors.clone(), &start).is_some(), "the control");
        assert_eq!(place(vectors.slice(s![1.., ..]).to_owned(), &start[1..]), None);
        assert_eq!(place(Array2::ones((40, 3)), &vec![[1.0, 2.0]; 40]), None);
        let mut broken = vectors;
        broken[(3, 3)] = f64::NAN;
        assert_eq!(place(broken, &start), None);
    }

    #[test]
    fn equal_vectors_among_others_are_placed() {
        let (mut vectors, _) = groups(60, 6);
        let first = vectors.row(0).to_owned();
        vectors.axis_iter_mut(Axis(0)).take(40).for_each(|mut row| row.assign(&first));
        let start = first_columns(&vectors);
        assert_eq!(place(vectors, &start).map(|placed| placed.places.len()), Some(60));
    }
}
