//! Lines are believed as they were written, and no other way.

use std::path::Path;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("far/leases")
    }

    fn of(&self, provider: &str, address: &str, agent: &str) -> Ledger {
        let config = LedgerConfig { folder: self.path(), agent_id: AgentId::parse(agent).unwrap() };
        Ledger::open(&config, &ProviderId::parse(provider).unwrap(), &Address::parse(address).unwrap()).unwrap()
    }

    fn ledger(&self) -> Ledger {
        self.of("vault", "https://v.example", "local")
    }

    /// What a process left that was killed: an accessor and two leases, of which one was ended.
    fn left(&self) -> PathBuf {
        let ledger = self.ledger();
        ledger.made(Kind::Accessor, "acc").unwrap();
        ledger.made(Kind::Lease, "db/creds/a/1").unwrap();
        ledger.made(Kind::Lease, "db/creds/a/2").unwrap();
        ledger.ended("db/creds/a/1");
        let name = ledger.writing.lock().as_ref().unwrap().name.clone();
        self.path().join(name)
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "key").collect()
    }
}

fn entries(left: &[Left]) -> Vec<&str> {
    left.iter().flat_map(|left| left.entries.iter().map(|(_, id)| &**id)).collect()
}

#[test]
fn what_was_left_is_found_leases_first_and_forgotten() {
    let world = World::new();
    world.left();
    let next = world.ledger();
    let left = next.left();
    assert_eq!((entries(&left), left[0].sound), (vec!["db/creds/a/2", "acc"], true));
    assert!(next.left().is_empty(), "whoever looks at it has it alone");
    next.forget(&left[0]);
    drop(left);
    assert!(next.left().is_empty() && world.files().is_empty());
}

#[test]
fn a_file_is_there_while_there_is_something_to_end() {
    let world = World::new();
    let ledger = world.ledger();
    assert!(world.files().is_empty());
    for turn in 0..3 {
        ledger.made(Kind::Accessor, "acc").unwrap();
        ledger.made(Kind::Lease, "lease").unwrap();
        assert_eq!(world.files().len(), 1, "{turn}");
        ledger.ended("lease");
        ledger.ended("nothing");
        ledger.ended("acc");
        assert!(world.files().is_empty(), "{turn}");
    }
}

#[test]
fn a_file_does_not_grow_without_end() {
    let world = World::new();
    let ledger = world.ledger();
    ledger.made(Kind::Accessor, "stays").unwrap();
    for number in 0..LINES {
        ledger.made(Kind::Lease, &number.to_string()).unwrap();
        ledger.ended(&number.to_string());
    }
    assert_eq!(world.files().len(), 1);
    assert!(ledger.writing.lock().as_ref().unwrap().lines <= LINES + 1);
    drop(ledger);
    assert_eq!(entries(&world.ledger().left()), ["stays"]);
}

#[test]
fn the_file_of_a_process_that_runs_is_not_touched() {
    let world = World::new();
    let runs = world.ledger();
    runs.made(Kind::Lease, "lease").unwrap();
    assert!(world.ledger().left().is_empty());
    drop(runs);
    assert_eq!(entries(&world.ledger().left()), ["lease"]);
}

#[test]
fn what_is_anothers_is_not_found() {
    let world = World::new();
    world.left();
    for (provider, address, agent) in [
        ("other", "https://v.example", "local"),
        ("vault", "https://w.example", "local"),
        ("vault", "https://v.example", "other"),
    ] {
        assert!(world.of(provider, address, agent).left().is_empty(), "{provider} {address} {agent}");
    }
    // Nor under a name that is its own.
    let other = world.of("vault", "https://v.example", "other");
    let moved = world.path().join(format!("{}-0", other.prefix));
    fs::rename(world.path().join(&world.files()[0]), moved).unwrap();
    let left = other.left();
    assert_eq!((entries(&left).len(), left[0].sound), (0, false));
}

#[test]
fn what_was_edited_or_moved_or_copied_ends_nothing() {
    let edits: [fn(&World, &Path); 5] = [
        |_, path| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, text.replacen("acc\"", "other\"", 1)).unwrap();
        },
        |_, path| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, text.split_once('\n').unwrap().1).unwrap();
        },
        |world, path| fs::rename(path, world.path().join(format!("{}-x", world.ledger().prefix))).unwrap(),
        |_, path| {
            // The same bytes and the same name, in another file.
            let old = path.with_file_name("old");
            fs::copy(path, &old).unwrap();
            fs::rename(&old, path).unwrap();
        },
        |world, path| {
            // Lines of another file, which were sound there.
            let lines = fs::read(path).unwrap();
            fs::remove_file(path).unwrap();
            fs::write(world.left(), lines).unwrap();
        },
    ];
    for (number, edit) in edits.iter().enumerate() {
        let world = World::new();
        let path = world.left();
        edit(&world, &path);
        let left = world.ledger().left();
        assert_eq!(entries(&left).len(), 0, "{number}");
        assert!(left.iter().all(|left| !left.sound), "{number}");
    }
}

#[test]
fn lines_before_an_edit_are_sound_and_those_after_it_are_not() {
    let world = World::new();
    let path = world.left();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("a/2", "b/9")).unwrap();
    let left = world.ledger().left();
    assert_eq!((entries(&left), left[0].sound), (vec!["db/creds/a/1", "acc"], false));
}

#[test]
fn a_line_that_a_crash_cut_off_is_none() {
    let world = World::new();
    let path = world.left();
    let text = fs::read_to_string(&path).unwrap();
    for cut in 1..text.lines().last().unwrap().len() {
        fs::write(&path, &text[..text.len() - cut]).unwrap();
        let left = world.ledger().left();
        assert_eq!((entries(&left).len(), left[0].sound), (3, true), "{cut}");
    }
}

#[test]
fn a_folder_that_others_can_use_is_refused_and_links_are_not_followed() {
    let world = World::new();
    let path = world.left();
    for mode in [0o750, 0o701, 0o770] {
        fs::set_permissions(world.path(), Permissions::from_mode(mode)).unwrap();
        let config = LedgerConfig { folder: world.path(), agent_id: AgentId::parse("local").unwrap() };
        let address = Address::parse("https://v.example").unwrap();
        let opened = Ledger::open(&config, &ProviderId::parse("vault").unwrap(), &address);
        assert!(matches!(opened, Err(TrustError::Exposed { .. })));
        fs::set_permissions(world.path(), Permissions::from_mode(0o700)).unwrap();
    }
    let elsewhere = world.0.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert!(world.ledger().left().is_empty());
    fs::remove_file(&path).unwrap();
    fs::hard_link(&elsewhere, &path).unwrap();
    assert!(world.ledger().left().is_empty());
    fs::remove_file(&elsewhere).unwrap();
    assert_eq!(world.ledger().left().len(), 1);
    fs::set_permissions(world.path().join("key"), Permissions::from_mode(0o640)).unwrap();
    let config = LedgerConfig { folder: world.path(), agent_id: AgentId::parse("local").unwrap() };
    let address = Address::parse("https://v.example").unwrap();
    assert!(Ledger::open(&config, &ProviderId::parse("vault").unwrap(), &address).is_err());
}
