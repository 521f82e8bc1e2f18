// SPDX-License-Identifier: BSL-1.0

// The scenarios of the thread benchmark for channels in Rust: std::sync::mpsc, crossbeam-channel, flume, kanal.
// ../scenarios.hpp says what each scenario is and what is printed.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

// ---- messages ----------------------------------------------------------------------------------------

trait Message: Send + 'static {
    fn make(i: u64) -> Self;
    fn value(&self) -> u64;
}

impl Message for u64 {
    fn make(i: u64) -> Self {
        i
    }
    fn value(&self) -> u64 {
        *self
    }
}

struct Block<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Message for Block<WORDS> {
    fn make(i: u64) -> Self {
        Block([i; WORDS])
    }
    fn value(&self) -> u64 {
        self.0[WORDS - 1]
    }
}

impl Message for String {
    fn make(i: u64) -> Self {
        let mut text = vec![b'x'; 24];
        for (k, byte) in text.iter_mut().take(8).enumerate() {
            *byte = (i >> (7 * k) & 0x7f) as u8;
        }
        unsafe { String::from_utf8_unchecked(text) } // all below 0x80
    }
    fn value(&self) -> u64 {
        let bytes = self.as_bytes().iter().take(8).enumerate();
        bytes.fold(0, |sum, (k, byte)| sum | u64::from(*byte) << (7 * k))
    }
}

// ---- channels ----------------------------------------------------------------------------------------

trait Tx<M: Message>: Send + Clone {
    fn push(&self, m: M);
    /// A select for each message.
    fn push_any(_all: &[Self], _n: u64) {
        unreachable!()
    }
}

trait Rx<M: Message>: Send + Sized {
    const SELECTS: bool = false;
    const MANY: bool = false;
    fn pull(&self) -> M;
    /// Another handle, where there may be many.
    fn another(&self) -> Self {
        unreachable!()
    }
    /// A select for each message; the sum of their values.
    fn pull_any(_all: &[Self], _n: u64) -> u64 {
        unreachable!()
    }
}

impl<M: Message> Tx<M> for mpsc::Sender<M> {
    fn push(&self, m: M) {
        self.send(m).unwrap();
    }
}

impl<M: Message> Tx<M> for mpsc::SyncSender<M> {
    fn push(&self, m: M) {
        self.send(m).unwrap();
    }
}

impl<M: Message> Rx<M> for mpsc::Receiver<M> {
    fn pull(&self) -> M {
        self.recv().unwrap()
    }
}

#[cfg(feature = "crossbeam-channel")]
mod with_crossbeam {
    use super::*;
    use crossbeam_channel::{Receiver, Select, Sender};

    impl<M: Message> Tx<M> for Sender<M> {
        fn push(&self, m: M) {
            self.send(m).unwrap();
        }
        fn push_any(all: &[Self], n: u64) {
            let mut select = Select::new();
            all.iter().for_each(|tx| drop(select.send(tx)));
            for i in 0..n {
                let chosen = select.select();
                let tx = &all[chosen.index()];
                chosen.send(tx, M::make(i)).unwrap();
            }
        }
    }

    impl<M: Message> Rx<M> for Receiver<M> {
        const SELECTS: bool = true;
        const MANY: bool = true;
        fn pull(&self) -> M {
            self.recv().unwrap()
        }
        fn another(&self) -> Self {
            self.clone()
        }
        fn pull_any(all: &[Self], n: u64) -> u64 {
            let mut select = Select::new();
            all.iter().for_each(|rx| drop(select.recv(rx)));
            let mut sum = 0;
            for _ in 0..n {
                let chosen = select.select();
                let rx = &all[chosen.index()];
                sum += chosen.recv(rx).unwrap().value();
            }
            sum
        }
    }
}

#[cfg(feature = "flume")]
mod with_flume {
    use super::*;
    use flume::{Receiver, Selector, Sender};

    impl<M: Message> Tx<M> for Sender<M> {
        fn push(&self, m: M) {
            self.send(m).unwrap();
        }
        fn push_any(all: &[Self], n: u64) {
            for i in 0..n {
                let select = Selector::new();
                all.iter()
                    .fold(select, |select, tx| select.send(tx, M::make(i), |sent| sent.unwrap()))
                    .wait();
            }
        }
    }

    impl<M: Message> Rx<M> for Receiver<M> {
        const SELECTS: bool = true;
        const MANY: bool = true;
        fn pull(&self) -> M {
            self.recv().unwrap()
        }
        fn another(&self) -> Self {
            self.clone()
        }
        fn pull_any(all: &[Self], n: u64) -> u64 {
            (0..n)
                .map(|_| {
                    let select = Selector::new();
                    all.iter().fold(select, |select, rx| select.recv(rx, |m| m.unwrap().value())).wait()
                })
                .sum()
        }
    }
}

#[cfg(feature = "kanal")]
mod with_kanal {
    use super::*;
    use kanal::{Receiver, Sender};

    impl<M: Message> Tx<M> for Sender<M> {
        fn push(&self, m: M) {
            self.send(m).unwrap();
        }
    }

    impl<M: Message> Rx<M> for Receiver<M> {
        const MANY: bool = true;
        fn pull(&self) -> M {
            self.recv().unwrap()
        }
        fn another(&self) -> Self {
            self.clone()
        }
    }
}

// ---- what is measured --------------------------------------------------------------------------------

fn cpu() -> f64 {
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut used) };
    let ns = |t: libc::timeval| t.tv_sec as f64 * 1e9 + t.tv_usec as f64 * 1e3;
    ns(used.ru_utime) + ns(used.ru_stime)
}

fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096.0
}

fn ns_since(begin: Instant) -> f64 {
    begin.elapsed().as_nanos() as f64
}

fn check(sum: u64, wanted: u64) {
    if sum != wanted {
        eprintln!("wrong sum");
        std::process::exit(4);
    }
}

fn sum_below(n: u64) -> u64 {
    n * (n - 1) / 2
}

// ---- scenarios ---------------------------------------------------------------------------------------

fn timed(n: u64, work: impl FnOnce()) {
    let (used, begin) = (cpu(), Instant::now());
    work();
    let wall = ns_since(begin);
    println!("wall={:.3} cpu={:.3}", wall / n as f64, (cpu() - used) / n as f64);
}

fn send_all<M: Message>(tx: &impl Tx<M>, n: u64) {
    for i in 0..n {
        tx.push(M::make(i));
    }
}

fn recv_all<M: Message>(rx: &impl Rx<M>, n: u64) -> u64 {
    (0..n).map(|_| rx.pull().value()).sum()
}

fn seq<M: Message, T: Tx<M>, R: Rx<M>>(n: u64, make: impl Fn() -> (T, R)) {
    timed(n, || {
        let (tx, rx) = make();
        send_all(&tx, n);
        check(recv_all(&rx, n), sum_below(n));
    });
}

fn stream<M: Message, T: Tx<M>, R: Rx<M>>(producers: u64, consumers: u64, n: u64, make: impl Fn() -> (T, R)) {
    timed(n, || {
        let (tx, rx) = make();
        let share = n / producers;
        let sum = AtomicU64::new(0);
        thread::scope(|s| {
            for _ in 0..producers {
                let tx = tx.clone();
                s.spawn(move || send_all(&tx, share));
            }
            if consumers == 1 {
                sum.store(recv_all(&rx, n), Ordering::Relaxed);
                return;
            }
            for _ in 0..consumers {
                let (rx, sum) = (rx.another(), &sum);
                s.spawn(move || sum.fetch_add(recv_all(&rx, n / consumers), Ordering::Relaxed));
            }
        });
        check(sum.into_inner(), producers * sum_below(share));
    });
}

fn select_rx<M: Message, T: Tx<M>, R: Rx<M>>(n: u64, make: impl Fn() -> (T, R)) {
    timed(n, || {
        let (senders, receivers): (Vec<T>, Vec<R>) = (0..4).map(|_| make()).unzip();
        let sum = thread::scope(|s| {
            for tx in &senders {
                let tx = tx.clone(); // the channels stay open
                s.spawn(move || send_all(&tx, n / 4));
            }
            R::pull_any(&receivers, n)
        });
        check(sum, 4 * sum_below(n / 4));
    });
}

fn select_both<M: Message, T: Tx<M>, R: Rx<M>>(n: u64, make: impl Fn() -> (T, R)) {
    timed(n, || {
        let (senders, receivers): (Vec<T>, Vec<R>) = (0..4).map(|_| make()).unzip();
        let sum = AtomicU64::new(0);
        thread::scope(|s| {
            for _ in 0..4 {
                let senders = senders.clone();
                s.spawn(move || T::push_any(&senders, n / 4));
            }
            for _ in 0..4 {
                let receivers: Vec<R> = receivers.iter().map(|rx| rx.another()).collect();
                let sum = &sum;
                s.spawn(move || sum.fetch_add(R::pull_any(&receivers, n / 4), Ordering::Relaxed));
            }
        });
        check(sum.into_inner(), 4 * sum_below(n / 4));
    });
}

fn pingpong<M: Message, T: Tx<M>, R: Rx<M>>(n: u64, make: impl Fn() -> (T, R)) {
    let (there, from) = make();
    let (to, back) = make();
    let mut trips = vec![1.0; n as usize];
    thread::scope(|s| {
        s.spawn(|| {
            let (from, to) = (from, to);
            for _ in 0..n {
                to.push(from.pull());
            }
        });
        let (used, begin) = (cpu(), Instant::now());
        let mut before = begin;
        for (i, trip) in trips.iter_mut().enumerate() {
            there.push(M::make(i as u64));
            check(back.pull().value(), i as u64);
            let after = Instant::now();
            *trip = (after - before).as_nanos() as f64;
            before = after;
        }
        let (wall, spent) = ((before - begin).as_nanos() as f64, cpu() - used);
        trips.sort_by(f64::total_cmp);
        let at = |share: f64| trips[(share * (n - 1) as f64) as usize];
        println!(
            "p50={:.0} p99={:.0} p999={:.0} wall={:.3} cpu={:.3}",
            at(0.5),
            at(0.99),
            at(0.999),
            wall / n as f64,
            spent / n as f64
        );
    });
}

fn idle_channel<M: Message, T: Tx<M>, R: Rx<M>>(n: u64, make: impl Fn() -> (T, R)) {
    let mut channels: Vec<Option<(T, R)>> = (0..n).map(|_| None).collect();
    let before = resident();
    channels.iter_mut().for_each(|one| *one = Some(make()));
    println!("bytes={:.0}", (resident() - before) / n as f64);
}

fn burst<M: Message, T: Tx<M>, R: Rx<M>>(n: u64, make: impl Fn() -> (T, R)) {
    let (tx, rx) = make();
    let before = resident();
    send_all(&tx, n);
    let full = resident();
    check(recv_all(&rx, n), sum_below(n));
    let after = resident();
    unsafe { libc::malloc_trim(0) };
    println!("full={:.0} after={:.0} trimmed={:.0}", full - before, after - before, resident() - before);
}

fn idle_cpu<M: Message, T: Tx<M>, R: Rx<M>>(milliseconds: u64, make: impl Fn() -> (T, R)) {
    let (tx, rx) = make();
    thread::scope(|s| {
        s.spawn(|| {
            let rx = rx;
            check(rx.pull().value(), 7)
        });
        thread::sleep(Duration::from_millis(50));
        let (used, begin) = (cpu(), Instant::now());
        thread::sleep(Duration::from_millis(milliseconds));
        println!("percent={:.2}", (cpu() - used) / ns_since(begin) * 100.0);
        tx.push(M::make(7));
    });
}

// ---- choosing ----------------------------------------------------------------------------------------

/// Whether there is such a cell.
fn run<M: Message, T: Tx<M>, R: Rx<M>>(shape: &str, n: u64, fits: bool, make: impl Fn() -> (T, R)) -> bool {
    let digit = shape.find(|c: char| c.is_ascii_digit()).unwrap_or(shape.len());
    let (kind, threads) = shape.split_at(digit);
    let threads: u64 = threads.parse().unwrap_or(4);
    match kind {
        "seq" if fits => seq(n, make),
        "spsc" => stream(1, 1, n, make),
        "mpsc" => stream(threads, 1, n, make),
        "mpmc" if R::MANY => stream(threads, threads, n, make),
        "select_rx" if R::SELECTS => select_rx(n, make),
        "select_both" if R::SELECTS => select_both(n, make),
        "pingpong" => pingpong(n, make),
        "idlechannel" => idle_channel(n, make),
        "burst" if fits => burst(n, make),
        "idlecpu" => idle_cpu(n, make),
        _ => return false,
    }
    true
}

fn of<M: Message>(system: &str, shape: &str, room: Option<usize>, n: u64) -> bool {
    let fits = room.map_or(true, |room| room as u64 >= n);
    match (system, room) {
        ("std", None) => run(shape, n, fits, mpsc::channel::<M>),
        ("std", Some(room)) => run(shape, n, fits, || mpsc::sync_channel::<M>(room)),
        #[cfg(feature = "crossbeam-channel")]
        ("crossbeam", None) => run(shape, n, fits, crossbeam_channel::unbounded::<M>),
        #[cfg(feature = "crossbeam-channel")]
        ("crossbeam", Some(room)) => run(shape, n, fits, || crossbeam_channel::bounded::<M>(room)),
        #[cfg(feature = "flume")]
        ("flume", None) => run(shape, n, fits, flume::unbounded::<M>),
        #[cfg(feature = "flume")]
        ("flume", Some(room)) => run(shape, n, fits, || flume::bounded::<M>(room)),
        #[cfg(feature = "kanal")]
        ("kanal", None) => run(shape, n, fits, kanal::unbounded::<M>),
        #[cfg(feature = "kanal")]
        ("kanal", Some(room)) => run(shape, n, fits, || kanal::bounded::<M>(room)),
        _ => false,
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let parts = arguments.get(2).and_then(|cell| cell.rsplit_once('_'));
    if parts.is_none() || !(4..=5).contains(&arguments.len()) {
        eprintln!("usage: PROGRAM SYSTEM CELL N [MESSAGE]");
        std::process::exit(2);
    }
    let (shape, capacity) = parts.unwrap();
    let system = arguments[1].as_str();
    let n: u64 = arguments[3].parse().unwrap();
    let room = match capacity {
        "u" => None,
        "n" => Some(n as usize),
        _ => Some(capacity.parse().unwrap()),
    };
    let there = match arguments.get(4).map_or("u64", |m| m.as_str()) {
        "u64" => of::<u64>(system, shape, room, n),
        "b32" => of::<Block<4>>(system, shape, room, n),
        "b256" => of::<Block<32>>(system, shape, room, n),
        "string" => of::<String>(system, shape, room, n),
        _ => false,
    };
    if !there {
        eprintln!("{} has no {}", system, arguments[2]);
        std::process::exit(3);
    }
}
