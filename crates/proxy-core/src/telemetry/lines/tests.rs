use std::{
    io::{BufRead, BufReader, Read, pipe},
    sync::mpsc,
    time::Instant,
};

use super::*;

const SOON: Duration = Duration::from_secs(10);

/// Takes as many bytes as it is told to, then fails until it is told more.
struct Disk {
    free: mpsc::Receiver<usize>,
    room: usize,
    holds: Arc<Mutex<Vec<u8>>>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room += self.free.try_iter().sum::<usize>();
        let taken = bytes.len().min(self.room);
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.room -= taken;
        locked(&self.holds).extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_arrive_whole_and_in_order() {
    let (reader, writer) = pipe().unwrap();
    let lines = Lines::to(writer);
    for number in 0..1_000 {
        lines.send(format!("line {number}\n").as_bytes(), 1);
    }
    drop(lines);
    let read: Vec<String> = BufReader::new(reader).lines().map(Result::unwrap).collect();
    assert_eq!(
        read,
        (0..1_000).map(|number| format!("line {number}")).collect::<Vec<_>>()
    );
}

#[test]
fn a_pipe_that_nobody_reads_costs_lines_and_no_time() {
    let (mut reader, writer) = pipe().unwrap();
    let lines = Lines::to(writer);
    let line = format!("{}\n", "x".repeat(1023));
    let started = Instant::now();
    for _ in 0..4_096 {
        lines.send(line.as_bytes(), 1);
    }
    assert!(started.elapsed() < SOON);
    // The pipe's own buffer, the batch being written and the queue; the rest of the 4 MiB is lost and counted.
    let lost = lines.take_lost();
    assert!(lost >= 4_096 - 64 - 2 * 512 - 1, "{lost}");
    assert_eq!(lines.take_lost(), 0);
    drop(lines);
    let mut text = Vec::new();
    reader.read_to_end(&mut text).unwrap();
    assert_eq!(text.len() as u64, (4_096 - lost) * 1024);
}

#[test]
fn after_a_full_disk_the_next_line_stands_alone() {
    let (free, room) = mpsc::channel();
    let holds = Arc::new(Mutex::new(Vec::new()));
    let lines = Lines::to(Disk {
        free: room,
        room: 6,
        holds: holds.clone(),
    });
    lines.send(b"one\ntwo\nthree\n", 3);
    lines.flush(SOON);
    assert_eq!(lines.take_lost(), 2);
    lines.send(b"three\n", 1);
    lines.flush(SOON);
    assert_eq!(lines.take_lost(), 1);
    free.send(1_000).unwrap();
    lines.send(b"four\n", 1);
    lines.flush(SOON);
    assert_eq!(String::from_utf8_lossy(&locked(&holds)), "one\ntw\nfour\n");
    assert_eq!(lines.take_lost(), 0);
}

#[test]
fn a_reader_that_left_costs_lines_only() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let lines = Lines::to(writer);
    lines.send(b"one\ntwo\n", 2);
    lines.flush(SOON);
    assert_eq!(lines.take_lost(), 2);
}

#[test]
fn a_flush_gives_up_in_time() {
    let (_reader, writer) = pipe().unwrap();
    let lines = Lines::to(writer);
    lines.send(&[b'\n'; 256 * 1024], 1);
    let started = Instant::now();
    lines.flush(Duration::from_millis(20));
    assert!(started.elapsed() < SOON);
}

#[test]
fn a_flush_waits_for_what_a_worker_still_has() {
    let holds = Arc::new(Mutex::new(Vec::new()));
    let lines = Lines::to(Disk {
        free: mpsc::channel().1,
        room: 1_000,
        holds: holds.clone(),
    });
    lines.owe();
    let worker = thread::spawn({
        let lines = lines.clone();
        move || {
            thread::sleep(Duration::from_millis(20));
            lines.settle(b"last\n", 1);
        }
    });
    lines.flush(SOON);
    assert_eq!(*locked(&holds), b"last\n");
    worker.join().unwrap();
}

#[test]
fn a_log_line_is_sent_once_and_as_one_line() {
    let (lines, captured) = Lines::memory();
    let mut writer = lines.make_writer();
    writer.write_all(b"WARN forged\nINFO line\n").unwrap();
    drop(writer);
    drop(lines.make_writer());
    assert_eq!(captured.lines(), [r"WARN forged\u000aINFO line"]);
}
