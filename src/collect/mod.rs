//! Many runs in one table, and plots of it.
