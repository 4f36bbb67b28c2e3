//! Ids of rows, read by a thread of their own, group by group. Names are passed on by their reader in the same way, and only
//! one of two such readers can call the other's consumer.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use crate::base::error::{Error, Finding, Result};
use crate::formats::ids::Ids;

/// The ids of a group of rows.
type Group = Vec<Option<String>>;

/// Groups that are read ahead.
const AHEAD: usize = 1;

/// Receives the groups in order.
pub(super) struct IdGroups(Receiver<std::result::Result<Group, Finding>>);

impl IdGroups {
    /// Starts to read groups of `rows` ids.
    pub(super) fn read<'scope>(scope: &'scope Scope<'scope, '_>, ids: Ids, rows: usize) -> IdGroups {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || {
            let mut group = Group::new();
            // nobody waits for more if the receiver is gone: the export has failed
            let unwanted = |_| Finding::new("the ids are not wanted any more");
            let read = ids.read_all(&mut |id| {
                group.push(id.map(str::to_owned));
                match group.len() == rows {
                    true => sender.send(Ok(std::mem::take(&mut group))).map_err(unwanted),
                    false => Ok(()),
                }
            });
            let _ = sender.send(read.map(|()| group));
        });
        IdGroups(receiver)
    }

    /// The ids of the next `rows` rows.
    pub(super) fn next(&self, rows: usize) -> Result<Group> {
        let changed = || Finding::new("the ids of the embeddings changed while they were read").hint("run again");
        let group = self.0.recv().unwrap_or_else(|_| Err(changed())).map_err(Error::input)?;
        if group.len() == rows { Ok(group) } else { Err(Error::input(changed())) }
    }
}
