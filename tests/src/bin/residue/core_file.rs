//! Core files: disabled in a process that holds values, and otherwise without the content of locked
//! pages.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use far_core::memory::{Backing, SecretBytes, backing};
use far_needle::{Hit, Needle, WINDOW};
use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

use crate::host::{LENGTH, secret};
use crate::row::Row;

/// Checks that this process writes no core file.
pub(crate) fn off() -> Row {
    let limit = getrlimit(Resource::Core).maximum.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
    let dumpable = match dumpable_behavior() {
        Ok(DumpableBehavior::NotDumpable) => "not dumpable",
        _ => "dumpable",
    };
    Row::equal("core.off", "limit 0, not dumpable", format!("limit {limit}, {dumpable}"))
}

/// Checks the core files of an unhardened process with one value in locked pages and one on the
/// heap.
pub(crate) fn written(folder: &Path) -> Vec<Row> {
    if !Command::new("gdb").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return vec![Row::not_examined("core.usual", "gdb is not installed")];
    }
    let (locked, heap) = (secret(), secret());
    let mut held = hold(&[&locked, &heap]);
    let mut rows = Vec::new();
    for (kind, settings) in [("usual", &[][..]), ("everything", &EVERYTHING)] {
        let core = core_of(&held, settings, &folder.join(kind));
        let found = search(&core, &heap).unwrap().iter().any(|hit| hit.whole);
        rows.push(Row::equal(
            &format!("control.core.{kind}"),
            "found: heap",
            if found { "found: heap" } else { "nothing" },
        ));
        let seen = match search(&core, &locked).unwrap().len() {
            // Pages from `mmap` and `mlock` are excluded only on request.
            hits if kind == "everything" && backing() == Backing::Locked => format!("not examined: {hits} hits"),
            hits => format!("{hits} hits"),
        };
        let expected = if seen.starts_with("not") { seen.clone() } else { "0 hits".to_owned() };
        rows.push(Row::equal(&format!("core.{kind}"), expected, seen));
        std::fs::remove_file(core).unwrap();
    }
    drop(held.stdin.take());
    held.wait().unwrap();
    rows
}

/// Makes the debugger also write pages that it excludes by default: marked pages, and those of the
/// kernel's filter.
const EVERYTHING: [&str; 4] = ["-ex", "set dump-excluded-mappings on", "-ex", "set use-coredump-filter off"];

/// Starts this program, unhardened, with these values.
fn hold(values: &[&Needle]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut held = command.arg("--hold").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    for value in values {
        let plain = SecretBytes::new(value.value().len(), |place| value.value().write_to(place)).unwrap();
        held.stdin.as_mut().unwrap().write_all(plain.expose()).unwrap();
    }
    let mut ready = [0];
    held.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    held
}

/// The child process of [`hold`]: reads two values, signals readiness, and waits for the end of its
/// input.
pub(crate) fn held() -> io::Result<()> {
    // The standard library's handle would buffer the values on the heap.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut read = Ok(());
    let locked = SecretBytes::new(LENGTH, |place| read = input.read_exact(place)).map_err(io::Error::other)?;
    read?;
    let mut heap = vec![0; LENGTH];
    input.read_exact(&mut heap)?;
    io::stdout().write_all(b".")?;
    io::stdout().flush()?;
    input.read_exact(&mut [0]).ok();
    black_box((locked.expose(), &heap));
    Ok(())
}

fn core_of(held: &Child, settings: &[&str], path: &Path) -> PathBuf {
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch"]).args(settings).arg("-ex").arg(format!("gcore {}", path.display()));
    let output = gdb.arg("-p").arg(held.id().to_string()).stdin(Stdio::null()).output().unwrap();
    assert!(path.exists(), "gdb wrote no core file: {}", String::from_utf8_lossy(&output.stderr));
    path.to_owned()
}

fn search(core: &Path, needle: &Needle) -> io::Result<Vec<Hit>> {
    let mut file = File::open(core)?;
    let mut search = needle.search();
    let mut chunk = vec![0; 1 << 20];
    let (mut start, mut kept) = (0_u64, 0);
    loop {
        let read = file.read(&mut chunk[kept..])?;
        if read == 0 {
            return Ok(search.hits());
        }
        let end = kept + read;
        search.feed(start, &chunk[..end]);
        // A match may begin at the end of a chunk, so the tail is searched again with the next
        // chunk.
        let keep = end.min(WINDOW - 1);
        chunk.copy_within(end - keep..end, 0);
        (start, kept) = (start + (end - keep) as u64, keep);
    }
}
