//! Processes that meet over TCP on this machine, as threads.

use std::collections::BTreeSet;

use super::*;
use crate::base::double_double;
use crate::base::error::{Kind, Result};
use crate::base::numeric::as_real;

/// One process for each fingerprint. They meet at `interface`, and each acts.
fn connect_at<T: Send>(
    interface: Option<&str>,
    fingerprints: &[u8],
    act: impl Fn(&TcpCommunicator<'_>) -> T + Sync,
) -> Vec<Result<T>> {
    let folder = tempfile::tempdir().expect("a folder");
    let never = || false;
    std::thread::scope(|scope| {
        let (folder, never, act) = (folder.path(), &never, &act);
        let size = fingerprints.len();
        let processes = fingerprints.iter().enumerate().map(|(rank, &fingerprint)| {
            scope.spawn(move || {
                let rendezvous = Rendezvous { folder, rank, size, fingerprint: [fingerprint; 32], interface };
                TcpCommunicator::join(&rendezvous, never).map(|communicator| act(&communicator))
            })
        });
        let processes: Vec<_> = processes.collect();
        processes.into_iter().map(|process| process.join().expect("no panic")).collect()
    })
}

fn connect<T: Send>(fingerprints: &[u8], act: impl Fn(&TcpCommunicator<'_>) -> T + Sync) -> Vec<Result<T>> {
    connect_at(None, fingerprints, act)
}

/// A value that depends on the order of the sum.
fn value(rank: usize, at: usize) -> f64 {
    0.1 * as_real(rank as u64 + 1) + as_real(at as u64).sqrt()
}

fn values(rank: usize, count: usize) -> Vec<f64> {
    (0..count).map(|at| value(rank, at)).collect()
}

/// The sums as one process computes them.
fn serial(ranks: impl Iterator<Item = usize> + Clone, count: usize) -> Vec<f64> {
    (0..count)
        .map(|at| ranks.clone().map(|rank| value(rank, at)).reduce(|sum, value| sum + value).expect("a rank"))
        .collect()
}

#[test]
fn sums_agree_with_serial_sums_to_the_bit() {
    for (size, count) in [(2, 1), (3, (1 << 20) + 7), (3, (2 << 20) + 1), (5, 3), (16, 1000)] {
        let expected = serial(0..size, count);
        let sums = connect(&vec![7; size], |communicator| {
            let mut sums = values(communicator.rank(), count);
            communicator.all_reduce(&mut sums).expect("sums");
            communicator.all_reduce(&mut []).expect("sums nothing");
            sums
        });
        assert!(sums.into_iter().all(|sums| sums.expect("connects") == expected), "{size} processes");
    }
    // negative control: another order gives other bits
    assert!(serial((0..3).rev(), 1000) != serial(0..3, 1000));
}

#[test]
fn double_double_sums_agree_with_serial_sums_to_the_bit() {
    let (size, count) = (5, 1003);
    let rests = |rank: usize| values(rank, count).into_iter().map(|value| value * 1e-17).collect::<Vec<_>>();
    let mut expected = (values(0, count), rests(0));
    for rank in 1..size {
        double_double::add((&mut expected.0, &mut expected.1), (&values(rank, count), &rests(rank)));
    }
    let sums = connect(&vec![7; size], |communicator| {
        let (mut sums, mut rests) = (values(communicator.rank(), count), rests(communicator.rank()));
        communicator.all_reduce_double_double(&mut sums, &mut rests).expect("sums");
        (sums, rests)
    });
    assert!(sums.into_iter().all(|sums| sums.expect("connects") == expected));
    assert!(expected.1.iter().any(|&rest| rest != 0.0));
}

#[test]
fn bytes_are_gathered_on_rank_0_and_broadcast_from_it() {
    const LONG: usize = 20_000_003;
    let found = connect(&[7; 3], |communicator| {
        let collected =
            communicator.gather(vec![u8::try_from(communicator.rank()).expect("small"); communicator.rank() * LONG]);
        let mut shared: Vec<u8> =
            if communicator.rank() == 0 { (0..=250).cycle().take(LONG).collect() } else { vec![1] };
        communicator.broadcast(&mut shared).expect("shares");
        let mut nothing = if communicator.rank() == 0 { Vec::new() } else { vec![1] };
        communicator.broadcast(&mut nothing).expect("shares nothing");
        (collected.expect("collects"), shared, nothing)
    });
    let found: Vec<_> = found.into_iter().map(|found| found.expect("connects")).collect();
    assert!(found.iter().all(|(_, shared, nothing)| *shared == found[0].1 && nothing.is_empty()));
    assert_eq!((found[0].1.len(), found[0].1[251 * 9 + 7]), (LONG, 7));
    assert!(found[0].0 == [vec![], vec![1; LONG], vec![2; 2 * LONG]]);
    assert!(found[1].0.is_empty() && found[2].0.is_empty());
}

#[test]
fn no_process_sends_or_receives_more_than_twice_the_values() {
    const COUNT: usize = 64 * 512;
    for size in 2..=16 {
        let exchanged = connect(&vec![7; size], |communicator| {
            let (mut sums, mut rests) = (values(communicator.rank(), COUNT), vec![0.0; COUNT]);
            let start = communicator.exchanged();
            communicator.all_reduce(&mut sums).expect("sums");
            let one = communicator.exchanged();
            communicator.all_reduce_double_double(&mut sums, &mut rests).expect("sums");
            let two = communicator.exchanged();
            let mut shared = vec![0; if communicator.rank() == 0 { 8 * COUNT } else { 0 }];
            communicator.broadcast(&mut shared).expect("shares");
            [one.since(start), two.since(one), communicator.exchanged().since(two)]
        });
        let exchanged: Vec<_> = exchanged.into_iter().map(|exchanged| exchanged.expect("connects")).collect();
        let total = |of: fn(&Exchanged) -> u64, which: usize| exchanged.iter().map(|all| of(&all[which])).sum::<u64>();
        for (which, floats) in [(0, 1.0), (1, 2.0), (2, 1.0)] {
            let most = 2.1 * 8.0 * floats * as_real(COUNT as u64);
            let each = exchanged.iter().map(|all| all[which]);
            let busiest = each.map(|all| all.bytes_sent.max(all.bytes_received)).max().expect("a process");
            assert!(as_real(busiest) <= most, "{size} processes, {which}: {busiest} bytes");
            // negative control: the counters count. All values but the own ones travel
            let least = 8 * COUNT as u64 * (size as u64 - 1);
            let (sent, received) = (total(|all| all.bytes_sent, which), total(|all| all.bytes_received, which));
            assert!(sent == received && sent >= least, "{size} processes, {which}: {sent} and {received} bytes");
        }
    }
}

#[test]
fn processes_meet_at_an_address_of_either_kind_or_at_an_interface() {
    let names: BTreeSet<String> = if_addrs::get_if_addrs().expect("lists").into_iter().map(|one| one.name).collect();
    // a machine without IPv6 has no ::1
    let six = std::net::TcpListener::bind("[::1]:0").is_ok();
    let loopback = names.into_iter().find(|name| name == "lo" || name == "lo0");
    let interfaces = [Some("127.0.0.1".to_owned()), six.then(|| "::1".to_owned()), loopback, None];
    let mut met = 0;
    for interface in
        interfaces.into_iter().enumerate().filter_map(|(at, one)| (one.is_some() || at == 3).then_some(one))
    {
        let sums = connect_at(interface.as_deref(), &[7; 3], |communicator| {
            let mut sums = [as_real(communicator.rank() as u64)];
            communicator.all_reduce(&mut sums).map(|()| sums)
        });
        for sums in sums {
            assert_eq!(sums.expect("connects").expect("sums"), [3.0], "{interface:?}");
        }
        met += 1;
    }
    assert!(met >= 2);
    let unknown = connect_at(Some("no-such-interface"), &[7; 1], |_| ()).remove(0).expect_err("unknown");
    assert!(unknown.kind() == Kind::Usage && unknown.to_string().contains("--interface"), "{unknown}");
    let elsewhere = connect_at(Some("192.0.2.1"), &[7; 1], |_| ()).remove(0).expect_err("no address of this machine");
    assert!(elsewhere.to_string().contains("can't listen"), "{elsewhere}");
}

#[test]
fn processes_with_other_settings_are_refused() {
    for found in connect(&[7, 8], |_| ()) {
        assert!(found.is_err_and(|error| error.kind() == Kind::Usage && error.to_string().contains("do not agree")));
    }
}

#[test]
fn a_length_that_nobody_expects_is_an_error() {
    for length in [1_u64 << 45, u64::MAX >> 1, 9] {
        let found = connect(&[7; 2], |communicator| {
            if communicator.rank() == 0 {
                return communicator.gather(Vec::new()).map(drop);
            }
            let mut incoming: [&mut [u8]; 2] = Default::default();
            communicator.exchange(&[&length.to_ne_bytes(), &[]], &mut incoming)?;
            // 8 bytes in place of 9
            communicator.exchange(&[&[0; 8], &[]], &mut incoming)
        });
        let error = found.into_iter().next().expect("rank 0").expect("connects").expect_err("too long");
        assert!(error.to_string().contains("wrong length"), "{error}");
    }
}

#[test]
fn a_lost_process_ends_all_so_that_they_can_be_resumed() {
    let found = connect(&[7; 5], |communicator| match communicator.rank() {
        2 => Ok(()),
        _ => communicator.all_reduce(&mut [1.0; 4]),
    });
    let errors: Vec<_> = found.into_iter().filter_map(|found| found.expect("connects").err()).collect();
    assert!(errors.len() == 4 && errors.iter().all(|error| error.kind() == Kind::Paused), "{errors:?}");
    assert!(errors.iter().all(|error| error.kind().exit_code() == 75 && error.to_string().contains("is lost")));
}

#[test]
fn a_process_that_leaves_with_an_error_is_not_taken_for_a_lost_one() {
    let found = connect(&[7; 5], |communicator| match communicator.rank() {
        2 => {
            communicator.leave();
            Ok(())
        }
        _ => communicator.broadcast(&mut vec![1; 4]).and_then(|()| communicator.all_reduce(&mut [1.0; 400])),
    });
    let errors: Vec<_> = found.into_iter().filter_map(|found| found.expect("connects").err()).collect();
    assert!(errors.len() == 4 && errors.iter().any(|error| error.kind() == Kind::Failed), "{errors:?}");
}
