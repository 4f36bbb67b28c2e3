//! Names of the images behind the points.
