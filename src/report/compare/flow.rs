//! Where the points of each cluster of A are in B.

/// Points that a cluster of A and a cluster of B share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// The cluster in A.
    pub a: u32,
    /// The cluster in B.
    pub b: u32,
    /// Number of points in both.
    pub points: u64,
}

/// The points of a level, by their clusters in A and in B. Points without a cluster in one of the runs are not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The largest flows, largest first; ties by number.
    pub largest: Vec<Shared>,
    /// Number of all flows.
    pub flows: u64,
    /// Points of each cluster of A.
    pub of_a: Vec<u64>,
    /// Points of each cluster of B.
    pub of_b: Vec<u64>,
    /// For each cluster of A, its partner: the cluster of B that it shares most points with, if that one shares no more
    /// with any other.
    pub partners: Vec<Option<u32>>,
    /// Points that partners share.
    pub stayed: u64,
}

/// Collects flows; memory is linear in the number of clusters, and in the number of flows that are kept.
#[derive(Debug)]
pub struct Flows {
    most: usize,
    kept: Vec<Shared>,
    seen: u64,
    of_a: Side,
    of_b: Side,
}

/// The clusters of one run.
#[derive(Debug)]
struct Side {
    points: Vec<u64>,
    /// The largest flow of each cluster, and the other end of it.
    largest: Vec<(u64, u32)>,
}

impl Side {
    fn new(clusters: usize) -> Side {
        Side { points: vec![0; clusters], largest: vec![(0, 0); clusters] }
    }

    /// On a tie, the other end with the lower number.
    fn add(&mut self, cluster: u32, other: u32, points: u64) {
        self.points[cluster as usize] += points;
        let largest = &mut self.largest[cluster as usize];
        if points > largest.0 || (points == largest.0 && other < largest.1) {
            *largest = (points, other);
        }
    }
}

impl Flow {
    /// Every cluster is its own partner: both runs judged the same clustering.
    pub fn same(sizes: &[u64], most: usize) -> Flow {
        let mut flows = Flows::new(sizes.len(), sizes.len(), most);
        for (cluster, &points) in (0..).zip(sizes).filter(|(_, points)| **points > 0) {
            flows.add(cluster, cluster, points);
        }
        flows.finish()
    }
}

impl Flows {
    /// For levels of these numbers of clusters; keeps the `most` largest flows.
    pub fn new(of_a: usize, of_b: usize, most: usize) -> Flows {
        Flows { most, kept: Vec::new(), seen: 0, of_a: Side::new(of_a), of_b: Side::new(of_b) }
    }

    /// Adds a flow. Each pair of clusters is added once at most.
    ///
    /// # Panics
    /// If a cluster has a number that the level does not have.
    pub fn add(&mut self, a: u32, b: u32, points: u64) {
        self.seen += 1;
        self.of_a.add(a, b, points);
        self.of_b.add(b, a, points);
        self.kept.push(Shared { a, b, points });
        if self.kept.len() > 2 * self.most {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.kept.sort_unstable_by(|x, y| y.points.cmp(&x.points).then(x.a.cmp(&y.a)).then(x.b.cmp(&y.b)));
        self.kept.truncate(self.most);
    }

    /// All flows.
    pub fn finish(mut self) -> Flow {
        self.cut();
        let back = &self.of_b.largest;
        let partner = |(a, &(points, b)): (u32, &(u64, u32))| (points > 0 && back[b as usize].1 == a).then_some(b);
        let partners: Vec<Option<u32>> = (0..).zip(&self.of_a.largest).map(partner).collect();
        let stayed = partners.iter().zip(&self.of_a.largest).filter(|(partner, _)| partner.is_some());
        Flow {
            stayed: stayed.map(|(_, (points, _))| points).sum(),
            partners,
            largest: self.kept,
            flows: self.seen,
            of_a: self.of_a.points,
            of_b: self.of_b.points,
        }
    }
}
