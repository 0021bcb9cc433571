//! Verification of journals.

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

    fn of(&self, provider: &str, address: &str, agent: &str) -> LeaseJournal {
        let config = LeaseJournalConfig { folder: self.path(), agent_id: AgentId::parse(agent).unwrap() };
        LeaseJournal::open(&config, &ProviderId::parse(provider).unwrap(), &Address::parse(address).unwrap()).unwrap()
    }

    fn journal(&self) -> LeaseJournal {
        self.of("vault", "https://v.example", "local")
    }

    /// Writes the journal of a killed process: an accessor and two leases, one of them revoked.
    fn orphaned(&self) -> PathBuf {
        let journal = self.journal();
        journal.record_issued(EntryKind::Accessor, "acc").unwrap();
        journal.record_issued(EntryKind::Lease, "db/creds/a/1").unwrap();
        journal.record_issued(EntryKind::Lease, "db/creds/a/2").unwrap();
        journal.record_revoked("db/creds/a/1");
        let name = journal.current.lock().as_ref().unwrap().name.clone();
        self.path().join(name)
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "key").collect()
    }
}

fn entries(left: &[OrphanedJournal]) -> Vec<&str> {
    left.iter().flat_map(|left| left.entries.iter().map(|(_, id)| &**id)).collect()
}

#[test]
fn orphaned_journal_lists_leases_first() {
    let world = World::new();
    world.orphaned();
    let next = world.journal();
    let left = next.orphaned();
    assert_eq!((entries(&left), left[0].verified), (vec!["db/creds/a/2", "acc"], true));
    assert!(next.orphaned().is_empty(), "the reader holds the lock");
    next.remove(&left[0]);
    drop(left);
    assert!(next.orphaned().is_empty() && world.files().is_empty());
}

#[test]
fn journal_file_exists_while_leases_open() {
    let world = World::new();
    let journal = world.journal();
    assert!(world.files().is_empty());
    for turn in 0..3 {
        journal.record_issued(EntryKind::Accessor, "acc").unwrap();
        journal.record_issued(EntryKind::Lease, "lease").unwrap();
        assert_eq!(world.files().len(), 1, "{turn}");
        journal.record_revoked("lease");
        journal.record_revoked("nothing");
        journal.record_revoked("acc");
        assert!(world.files().is_empty(), "{turn}");
    }
}

#[test]
fn journal_file_size_is_bounded() {
    let world = World::new();
    let journal = world.journal();
    journal.record_issued(EntryKind::Accessor, "stays").unwrap();
    for number in 0..MAX_LINES {
        journal.record_issued(EntryKind::Lease, &number.to_string()).unwrap();
        journal.record_revoked(&number.to_string());
    }
    assert_eq!(world.files().len(), 1);
    assert!(journal.current.lock().as_ref().unwrap().lines <= MAX_LINES + 1);
    drop(journal);
    assert_eq!(entries(&world.journal().orphaned()), ["stays"]);
}

#[test]
fn journal_of_running_process_is_skipped() {
    let world = World::new();
    let runs = world.journal();
    runs.record_issued(EntryKind::Lease, "lease").unwrap();
    assert!(world.journal().orphaned().is_empty());
    drop(runs);
    assert_eq!(entries(&world.journal().orphaned()), ["lease"]);
}

#[test]
fn foreign_journal_is_ignored() {
    let world = World::new();
    world.orphaned();
    for (provider, address, agent) in [
        ("other", "https://v.example", "local"),
        ("vault", "https://w.example", "local"),
        ("vault", "https://v.example", "other"),
    ] {
        assert!(world.of(provider, address, agent).orphaned().is_empty(), "{provider} {address} {agent}");
    }
    // A name with the other agent's prefix does not help.
    let other = world.of("vault", "https://v.example", "other");
    let moved = world.path().join(format!("{}-0", other.prefix));
    fs::rename(world.path().join(&world.files()[0]), moved).unwrap();
    let left = other.orphaned();
    assert_eq!((entries(&left).len(), left[0].verified), (0, false));
}

#[test]
fn tampered_journal_yields_no_entries() {
    let edits: [fn(&World, &Path); 5] = [
        |_, path| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, text.replacen("acc\"", "other\"", 1)).unwrap();
        },
        |_, path| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, text.split_once('\n').unwrap().1).unwrap();
        },
        |world, path| fs::rename(path, world.path().join(format!("{}-x", world.journal().prefix))).unwrap(),
        |_, path| {
            // The same bytes under the same name, in a different file.
            let old = path.with_file_name("old");
            fs::copy(path, &old).unwrap();
            fs::rename(&old, path).unwrap();
        },
        |world, path| {
            // Lines that are valid in a different file.
            let lines = fs::read(path).unwrap();
            fs::remove_file(path).unwrap();
            fs::write(world.orphaned(), lines).unwrap();
        },
    ];
    for (number, edit) in edits.iter().enumerate() {
        let world = World::new();
        let path = world.orphaned();
        edit(&world, &path);
        let left = world.journal().orphaned();
        assert_eq!(entries(&left).len(), 0, "{number}");
        assert!(left.iter().all(|left| !left.verified), "{number}");
    }
}

#[test]
fn lines_before_edit_stay_valid() {
    let world = World::new();
    let path = world.orphaned();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("a/2", "b/9")).unwrap();
    let left = world.journal().orphaned();
    assert_eq!((entries(&left), left[0].verified), (vec!["db/creds/a/1", "acc"], false));
}

#[test]
fn partial_last_line_is_ignored() {
    let world = World::new();
    let path = world.orphaned();
    let text = fs::read_to_string(&path).unwrap();
    for cut in 1..text.lines().last().unwrap().len() {
        fs::write(&path, &text[..text.len() - cut]).unwrap();
        let left = world.journal().orphaned();
        assert_eq!((entries(&left).len(), left[0].verified), (3, true), "{cut}");
    }
}

#[test]
fn exposed_journal_directory_is_rejected() {
    let world = World::new();
    let path = world.orphaned();
    for mode in [0o750, 0o701, 0o770] {
        fs::set_permissions(world.path(), Permissions::from_mode(mode)).unwrap();
        let config = LeaseJournalConfig { folder: world.path(), agent_id: AgentId::parse("local").unwrap() };
        let address = Address::parse("https://v.example").unwrap();
        let opened = LeaseJournal::open(&config, &ProviderId::parse("vault").unwrap(), &address);
        assert!(matches!(opened, Err(TrustError::Exposed { .. })));
        fs::set_permissions(world.path(), Permissions::from_mode(0o700)).unwrap();
    }
    let elsewhere = world.0.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert!(world.journal().orphaned().is_empty());
    fs::remove_file(&path).unwrap();
    fs::hard_link(&elsewhere, &path).unwrap();
    assert!(world.journal().orphaned().is_empty());
    fs::remove_file(&elsewhere).unwrap();
    assert_eq!(world.journal().orphaned().len(), 1);
    fs::set_permissions(world.path().join("key"), Permissions::from_mode(0o640)).unwrap();
    let config = LeaseJournalConfig { folder: world.path(), agent_id: AgentId::parse("local").unwrap() };
    let address = Address::parse("https://v.example").unwrap();
    assert!(LeaseJournal::open(&config, &ProviderId::parse("vault").unwrap(), &address).is_err());
}
