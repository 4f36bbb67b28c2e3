//! Where a run or a sweep stands as a whole, as an exit code for scripts.

use super::piece::State;
use crate::base::error::Kind;

/// Where a run or a sweep stands as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Everything is done.
    Done,
    /// Everything is done, but a gate failed.
    GateFailed,
    /// Something failed, is missing or was not submitted, and nothing runs or waits.
    Failed,
    /// Something runs or waits.
    Active,
}

impl Standing {
    /// From the states of all its members, `None` for one that can't be read, and whether a gate failed.
    pub(super) fn of(states: &[Option<State>], gate_failed: bool) -> Standing {
        let is_active = |state: &Option<State>| matches!(state, Some(State::Running | State::Queued));
        if states.iter().any(is_active) {
            Standing::Active
        } else if states.iter().any(|state| *state != Some(State::Done)) {
            Standing::Failed
        } else if gate_failed {
            Standing::GateFailed
        } else {
            Standing::Done
        }
    }

    /// The exit code of `status`: 0, that of a failed gate, that of a failed run, and 75 (try again later).
    pub fn exit_code(self) -> u8 {
        match self {
            Standing::Done => 0,
            Standing::GateFailed => Kind::Gate.exit_code(),
            Standing::Failed => Kind::Failed.exit_code(),
            Standing::Active => Kind::Paused.exit_code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_still_runs_comes_before_what_failed() {
        use State::{Done, Failed, NotSubmitted, Queued, Running};
        let code = |states: &[State], gate| {
            Standing::of(&states.iter().copied().map(Some).collect::<Vec<_>>(), gate).exit_code()
        };
        assert_eq!([code(&[Done, Done], false), code(&[Done, Done], true)], [0, 5]);
        assert_eq!([code(&[Done, Failed], true), code(&[Done, NotSubmitted], false)], [1, 1]);
        assert_eq!([code(&[Running, Failed], false), code(&[Queued, Done], true)], [75, 75]);
        assert_eq!(Standing::of(&[Some(Done), None], false).exit_code(), 1, "one can't be read");
    }
}
