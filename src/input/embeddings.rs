//! Embeddings: one or several `.npy` files that form one matrix by rows.
