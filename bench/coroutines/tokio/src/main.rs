// SPDX-License-Identifier: BSL-1.0

// The shapes of the coroutine benchmark on tokio: ../../shapes.cpp says what each is. What tokio has no like of is
// not here: a rendezvous (so no capacity 0, no pingpong, no ring). tokio has no channel with many receivers either:
// mpmc is async-channel's, on tokio's workers. The tasks of `memory` wait on channels of capacity 1, which are made
// before. WORKERS are the threads of the multi-thread runtime.
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, Notify};

type Message = u64;

async fn produce(to: mpsc::Sender<Message>, n: usize) {
    for i in 0..n {
        to.send(i as Message).await.unwrap();
    }
}

async fn produce_unbounded(to: mpsc::UnboundedSender<Message>, n: usize) {
    for i in 0..n {
        to.send(i as Message).unwrap();
    }
}

async fn consume(mut from: mpsc::Receiver<Message>, n: usize) {
    for _ in 0..n {
        from.recv().await.unwrap();
    }
}

async fn consume_unbounded(mut from: mpsc::UnboundedReceiver<Message>, n: usize) {
    for _ in 0..n {
        from.recv().await.unwrap();
    }
}

fn ns_since(begin: Instant) -> f64 {
    begin.elapsed().as_nanos() as f64
}

/// Spawns them all, waits for them all; nanoseconds for each of n.
fn timed<P, C>(rt: &Runtime, n: usize, producers: Vec<P>, consumers: Vec<C>) -> f64
where
    P: Future<Output = ()> + Send + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    let begin = Instant::now();
    let mut tasks = Vec::with_capacity(producers.len() + consumers.len());
    tasks.extend(producers.into_iter().map(|p| rt.spawn(p)));
    tasks.extend(consumers.into_iter().map(|c| rt.spawn(c)));
    rt.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    ns_since(begin) / n as f64
}

/// producers:1
fn stream(rt: &Runtime, producers: usize, n: usize, capacity: Option<usize>) -> f64 {
    let share = n / producers;
    match capacity {
        Some(room) => {
            let (tx, rx) = mpsc::channel(room);
            let from = (0..producers).map(|_| produce(tx.clone(), share)).collect();
            timed(rt, n, from, vec![consume(rx, n)])
        }
        None => {
            let (tx, rx) = mpsc::unbounded_channel();
            let from = (0..producers).map(|_| produce_unbounded(tx.clone(), share)).collect();
            timed(rt, n, from, vec![consume_unbounded(rx, n)])
        }
    }
}

#[cfg(feature = "async-channel")]
mod many {
    use super::*;

    async fn produce(to: async_channel::Sender<Message>, n: usize) {
        for i in 0..n {
            to.send(i as Message).await.unwrap();
        }
    }

    async fn consume(from: async_channel::Receiver<Message>, n: usize) {
        for _ in 0..n {
            from.recv().await.unwrap();
        }
    }

    pub fn stream(rt: &Runtime, producers: usize, consumers: usize, n: usize, capacity: Option<usize>) -> f64 {
        let (tx, rx) = match capacity {
            Some(room) => async_channel::bounded(room),
            None => async_channel::unbounded(),
        };
        let from = (0..producers).map(|_| produce(tx.clone(), n / producers)).collect();
        let to = (0..consumers).map(|_| consume(rx.clone(), n / consumers)).collect();
        timed(rt, n, from, to)
    }
}

#[cfg(not(feature = "async-channel"))]
mod many {
    pub fn stream(_: &super::Runtime, _: usize, _: usize, _: usize, _: Option<usize>) -> f64 {
        -1.0
    }
}

macro_rules! consume_any {
    ($receivers:ident, $n:ident) => {
        async move {
            let mut each = $receivers.iter_mut();
            let mut next = || each.next().unwrap();
            let (a, b, c, d) = (next(), next(), next(), next());
            for _ in 0..$n {
                tokio::select! {
                    Some(_) = a.recv() => {}
                    Some(_) = b.recv() => {}
                    Some(_) = c.recv() => {}
                    Some(_) = d.recv() => {}
                    else => panic!("closed"),
                }
            }
        }
    };
}

fn select(rt: &Runtime, n: usize, capacity: Option<usize>) -> f64 {
    match capacity {
        Some(room) => {
            let (producers, mut from): (Vec<_>, Vec<_>) = (0..4)
                .map(|_| mpsc::channel(room))
                .map(|(tx, rx)| (produce(tx, n / 4), rx))
                .unzip();
            timed(rt, n, producers, vec![consume_any!(from, n)])
        }
        None => {
            let (producers, mut from): (Vec<_>, Vec<_>) = (0..4)
                .map(|_| mpsc::unbounded_channel())
                .map(|(tx, rx)| (produce_unbounded(tx, n / 4), rx))
                .unzip();
            timed(rt, n, producers, vec![consume_any!(from, n)])
        }
    }
}

/// A count of tasks, and who waits for the last of them.
#[derive(Default)]
struct Group {
    running: AtomicUsize,
    over: Notify,
}

impl Group {
    fn done(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.over.notify_one();
        }
    }
}

// Spawned from outside the workers, as ours are.
fn spawn(rt: &Runtime, n: usize) -> f64 {
    let begin = Instant::now();
    let group = Arc::new(Group::default());
    group.running.store(n, Ordering::Relaxed);
    for _ in 0..n {
        let group = group.clone();
        rt.spawn(async move { group.done() });
    }
    rt.block_on(group.over.notified());
    ns_since(begin) / n as f64
}

fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096.0
}

fn memory(rt: &Runtime, n: usize) -> f64 {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..n).map(|_| mpsc::channel::<Message>(1)).unzip();
    let before = resident();
    let group = Arc::new(Group::default());
    group.running.store(n, Ordering::Relaxed);
    for mut from in receivers {
        let group = group.clone();
        rt.spawn(async move {
            from.recv().await;
            group.done();
        });
    }
    std::thread::sleep(Duration::from_millis(500));
    let bytes = (resident() - before) / n as f64;
    drop(senders);
    rt.block_on(group.over.notified());
    bytes
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() != 4 {
        eprintln!("usage: tokio_coroutines SHAPE WORKERS N");
        std::process::exit(2);
    }
    let shape = arguments[1].trim_start_matches("general_");
    let workers: usize = arguments[2].parse().unwrap();
    let n = arguments[3].parse::<usize>().unwrap() / 4 * 4;
    let rt = Builder::new_multi_thread().worker_threads(workers).build().unwrap();
    let (kind, room) = shape.split_once('_').unwrap_or((shape, ""));
    let capacity = match room {
        "u" => None,
        _ => Some(room.parse().unwrap_or(0)),
    };
    let result = match (kind, capacity) {
        ("spawn", _) => spawn(&rt, n),
        ("memory", _) => memory(&rt, n),
        (_, Some(0)) => -1.0,
        ("spsc", _) => stream(&rt, 1, n, capacity),
        ("mpsc", _) => stream(&rt, 4, n, capacity),
        ("mpmc", _) => many::stream(&rt, 4, 4, n, capacity),
        ("select", _) => select(&rt, n, capacity),
        _ => -1.0,
    };
    if result < 0.0 {
        eprintln!("tokio_coroutines: tokio has no shape {}", arguments[1]);
        std::process::exit(3);
    }
    println!("{:.2}", result);
}
