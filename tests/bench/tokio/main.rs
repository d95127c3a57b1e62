// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

//! tokio::process at the work of run.py, on its runtime with one thread.
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

fn command(words: &[&str]) -> Command {
    let mut c = Command::new(std::env::var("BENCH_CHILD").unwrap());
    c.args(words);
    c
}

async fn spawn_one() {
    let done = command(&["say"]).stdin(Stdio::inherit()).output().await.unwrap();
    assert!(done.status.success() && done.stdout == b"out\n" && done.stderr == b"err\n");
}

async fn spawn(count: usize, at_once: usize) -> f64 {
    let begin = Instant::now();
    if at_once == 1 {
        for _ in 0..count {
            spawn_one().await;
        }
    } else {
        let left = Arc::new(AtomicUsize::new(count));
        let workers: Vec<_> = (0..at_once)
            .map(|_| {
                let left = left.clone();
                tokio::spawn(async move {
                    while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
                        spawn_one().await;
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
    }
    begin.elapsed().as_secs_f64()
}

async fn capture(count: usize) -> f64 {
    let begin = Instant::now();
    let done = command(&["bytes", &count.to_string()]).output().await.unwrap();
    let end = begin.elapsed();
    assert!(done.stdout.len() == count);
    end.as_secs_f64()
}

async fn cat(count: usize) -> f64 {
    let input = vec![b'y'; count];
    let mut child = command(&["cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let begin = Instant::now();
    let mut text = Vec::new();
    let feed = async {
        stdin.write_all(&input).await.unwrap();
        drop(stdin);
    };
    let (_, read) = tokio::join!(feed, stdout.read_to_end(&mut text));
    read.unwrap();
    child.wait().await.unwrap();
    let end = begin.elapsed();
    assert!(text == input);
    end.as_secs_f64()
}

async fn lines(count: usize) -> f64 {
    let begin = Instant::now();
    let mut child = command(&["lines", &count.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut seen, mut size) = (0, 0);
    while let Some(line) = lines.next_line().await.unwrap() {
        seen += 1;
        size += line.len();
    }
    child.wait().await.unwrap();
    let end = begin.elapsed();
    assert!(seen == count && size == count * 63);
    end.as_secs_f64()
}

async fn pingpong(count: usize) -> f64 {
    let mut child = command(&["echo"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let begin = Instant::now();
    for _ in 0..count {
        stdin.write_all(b"ping\n").await.unwrap();
        line.clear();
        out.read_line(&mut line).await.unwrap();
        assert!(line == "ping\n");
    }
    let end = begin.elapsed();
    drop(stdin);
    child.wait().await.unwrap();
    end.as_secs_f64()
}

async fn live(count: usize) -> f64 {
    let begin = Instant::now();
    let mut all: Vec<Child> = (0..count)
        .map(|_| {
            command(&["wait"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let end = begin.elapsed();
    for child in &mut all {
        drop(child.stdin.take());
    }
    for child in &mut all {
        assert!(child.wait().await.unwrap().success());
    }
    end.as_secs_f64()
}

/// One thread, which is the faster for one child after the other; two for many at once.
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let many = words[0] == "spawn" && words[2] != "1";
    let mut builder = if many {
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        threads.worker_threads(2);
        threads
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    builder.enable_all().build().unwrap().block_on(work(words));
}

async fn work(words: Vec<String>) {
    let number: usize = words[1].parse().unwrap();
    let other: usize = words.get(2).and_then(|w| w.parse().ok()).unwrap_or(0);
    let time = match words[0].as_str() {
        "spawn" => spawn(number, other).await,
        "rss" => {
            let ballast = vec![1u8; other << 20];
            let time = spawn(number, 1).await;
            assert!(ballast[0] == 1);
            time
        }
        "capture" => capture(number).await,
        "cat" => cat(number).await,
        "lines" => lines(number).await,
        "pingpong" => pingpong(number).await,
        "live" => live(number).await,
        _ => std::process::exit(2),
    };
    println!("{time:.9}");
}
