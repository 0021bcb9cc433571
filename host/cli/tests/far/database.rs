//! Dynamic database users from a real Vault server: revoked at every end of their task.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use far_servers::{OpenBao, Postgres, or_skip};
use far_tests::guests;
use rustix::process::Signal;
use serde_json::json;

use crate::fixture::Far;
use crate::running::RunningFar;

const CREATE: &str = r#"CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"#;
/// The policy that the documentation requires for the provider's token.
const POLICY: &str = r#"
path "db/creds/app" { capabilities = ["read"] }
path "db/roles/app" { capabilities = ["read"] }
path "auth/token/create" { capabilities = ["update"] }
path "auth/token/revoke-accessor" { capabilities = ["update"] }
path "sys/leases/revoke" { capabilities = ["update"] }
"#;
/// The policy for a static database user.
const STATIC: &str = r#"
path "db/static-creds/legacy" { capabilities = ["read"] }
path "db/static-roles/legacy" { capabilities = ["read"] }
path "db/rotate-role/legacy" { capabilities = ["update"] }
"#;
/// Gets both fields of one user.
const GET: &str = r#"{"do":"get","name":"alpha"},{"do":"get","name":"beta"}"#;

/// A server, its database, and a token with that policy.
struct World {
    bao: OpenBao,
    postgres: Postgres,
    token: String,
    state: tempfile::TempDir,
}

impl World {
    fn start() -> Option<Self> {
        let (bao, postgres) = (or_skip(OpenBao::dev())?, or_skip(Postgres::start())?);
        let write = |path: &str, body| bao.api("POST", path, &body).unwrap();
        write("sys/mounts/db", json!({ "type": "database" }));
        let url =
            format!("postgresql://{{{{username}}}}:{{{{password}}}}@{}/postgres?sslmode=disable", postgres.address());
        write(
            "db/config/main",
            json!({
                "plugin_name": "postgresql-database-plugin", "allowed_roles": "app", "connection_url": url,
                "username": Postgres::USER, "password": postgres.password(),
            }),
        );
        write("db/roles/app", json!({ "db_name": "main", "creation_statements": [CREATE], "default_ttl": "1h" }));
        write("sys/policies/acl/far", json!({ "policy": POLICY }));
        let token = write("auth/token/create", json!({ "policies": ["far"] }));
        let token = token.pointer("/auth/client_token").unwrap().as_str().unwrap().to_owned();
        Some(Self { bao, postgres, token, state: tempfile::tempdir().unwrap() })
    }

    fn far_toml(&self, agent: &str) -> String {
        let secret = |name: &str, field: &str| {
            format!(
                "[secrets.{name}]\nprovider = 'vault'\npath = 'db/creds/app'\nfield = '{field}'\noperations = ['reveal', 'sign']\n"
            )
        };
        format!(
            "[agent]\nid = '{agent}'\nstate = '{}'\n[providers.vault]\ntype = 'vault'\naddress = '{}'\nmounts = {{ db = 'database' }}\n\
             auth = {{ method = 'token', token-file = 'token' }}\n{}{}",
            self.state.path().join("far").display(),
            self.bao.address(),
            secret("alpha", "username"),
            secret("beta", "password"),
        )
    }

    /// Returns a `far run` of a probe with these steps.
    fn far(&self, steps: &str, timeout: &str) -> Far {
        self.far_for_agent("one", steps, timeout)
    }

    fn far_for_agent(&self, agent: &str, steps: &str, timeout: &str) -> Far {
        let grant = |name: &str| json!({ "secret": name, "operations": ["reveal"] });
        let steps: serde_json::Value = serde_json::from_str(&format!("[{steps}]")).unwrap();
        let task = json!({
            "skill": guests::PROBE_REVEALING, "input": { "steps": steps },
            "grants": [grant("alpha"), grant("beta")], "limits": { "timeout": timeout },
        });
        self.with(Far::new().words("run --task task.json").file("task.json", task.to_string()), agent)
    }

    fn with(&self, far: Far, agent: &str) -> Far {
        let far = far.words("--config far.toml").file("far.toml", self.far_toml(agent));
        far.file("token", &self.token).mode("token", 0o600)
    }

    /// Returns the number of users that are not revoked.
    fn users(&self) -> usize {
        self.postgres.query("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'v-%'").unwrap().parse().unwrap()
    }
}

/// Starts a run and waits until it has both fields.
fn start_fetched(far: &Far) -> RunningFar {
    let mut running = RunningFar::start(far);
    running.until(2, "secret.injected");
    running
}

#[test]
fn every_outcome_revokes_database_user() {
    let Some(world) = World::start() else { return };
    for (steps, timeout, outcome) in [
        ("", "20s", "outcome=completed"),
        (r#",{"do":"fail","message":"no such order"}"#, "20s", "outcome=skill-error"),
        (r#",{"do":"get","name":"gamma"}"#, "20s", "outcome=scope-violation"),
        (r#",{"do":"panic","message":"its words"}"#, "20s", "outcome=trapped"),
        (r#",{"do":"spin"}"#, "2s", "outcome=timed-out"),
    ] {
        let far = world.far(&format!("{GET}{steps}"), timeout);
        let (_, stdout, stderr) = RunningFar::start(&far).end();
        assert!(
            stderr.lines().any(|line| line.contains("task.finished") && line.contains(outcome)),
            "{stdout}{stderr}"
        );
        let revoked =
            stderr.lines().filter(|line| line.contains("secret.revoked") && line.contains("outcome=completed"));
        assert_eq!(revoked.count(), 2, "{stderr}");
        assert_eq!(world.users(), 0, "{outcome}");
    }
    let leases = world.state.path().join("far/leases");
    assert_eq!(leases.read_dir().unwrap().count(), 1, "only the key is left");
}

#[test]
fn database_user_lives_while_task_runs() {
    let Some(world) = World::start() else { return };
    let leak =
        r#"{"do":"get","name":"alpha"},{"do":"reveal"},{"do":"get","name":"beta"},{"do":"reveal"},{"do":"spin"}"#;
    let far = world.far(leak, "20s");
    let running = start_fetched(&far);
    assert_eq!(world.users(), 1, "one user for both fields");
    running.send(Signal::TERM);
    assert_eq!(running.end().0, Some(143));
    assert_eq!(world.users(), 0, "the canceled run revokes its user");
}

#[test]
fn tasks_have_separate_database_users() {
    let Some(world) = World::start() else { return };
    let steps = format!(r#"{GET},{{"do":"spin"}}"#);
    let (one, other) = (world.far(&steps, "30s"), world.far(&steps, "30s"));
    let (one, other) = (start_fetched(&one), start_fetched(&other));
    assert_eq!(world.users(), 2);
    one.send(Signal::TERM);
    assert_eq!(one.end().0, Some(143));
    assert_eq!(world.users(), 1);
    other.send(Signal::TERM);
    assert_eq!(other.end().0, Some(143));
    assert_eq!(world.users(), 0);
}

#[test]
fn next_run_revokes_leases_of_killed_run() {
    let Some(world) = World::start() else { return };
    let spin = format!(r#"{GET},{{"do":"spin"}}"#);
    let (far, runs) = (world.far(&spin, "60s"), world.far(&spin, "60s"));
    let runs = start_fetched(&runs);
    let killed = start_fetched(&far);
    assert_eq!(world.users(), 2);
    killed.send(Signal::KILL);
    assert_eq!(killed.end().0, None);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(world.users(), 2, "the killed run revokes nothing");

    let identity = r#"{"do":"identity"}"#;
    let (others, next) = (world.far_for_agent("other", identity, "20s"), world.far(identity, "20s"));
    let (code, _, stderr) = RunningFar::start(&others).end();
    assert_eq!((code, world.users()), (Some(0), 2), "leases of another agent stay: {stderr}");
    let started = Instant::now();
    let (code, _, stderr) = RunningFar::start(&next).end();
    assert_eq!((code, world.users()), (Some(0), 1), "leases of the running process stay: {stderr}");
    assert!(!stderr.contains("warning") && started.elapsed() < Duration::from_secs(20), "{stderr}");
    let ended: Vec<_> = stderr.lines().filter(|line| line.contains("cause=recovery")).collect();
    let [ended] = ended[..] else { panic!("not recorded exactly once: {stderr}") };
    // The lease and its token. Recovery belongs to no task.
    let message = "secret.revoked   provider=vault outcome=completed cause=recovery count=2";
    assert!(ended.ends_with(message), "{ended}");
    runs.send(Signal::TERM);
    assert_eq!(runs.end().0, Some(143));
    assert_eq!(world.users(), 0);
}

#[test]
fn tampered_journal_revokes_nothing() {
    let Some(world) = World::start() else { return };
    let killed = start_fetched(&world.far(&format!(r#"{GET},{{"do":"spin"}}"#), "60s"));
    killed.send(Signal::KILL);
    assert_eq!(killed.end().0, None);
    let written = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let files = world.state.path().join("far/leases").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let journal = files.into_iter().find(|path| written(path).contains("creds/app")).unwrap();
    std::fs::write(&journal, written(&journal).replace("creds/app", "creds/apq")).unwrap();
    let (code, _, stderr) = RunningFar::start(&world.far(r#"{"do":"identity"}"#, "20s")).end();
    assert_eq!(code, Some(0), "{stderr}");
    let message = "secret.revoked   provider=vault outcome=failed reason=unsound-ledger cause=recovery count=1\n";
    assert!(
        stderr.contains(message) && stderr.contains("warning: 1 lease journal of earlier runs failed verification"),
        "{stderr}"
    );
}

#[test]
fn operator_rotates_and_revokes_dynamic_secret() {
    let Some(world) = World::start() else { return };
    let far = world.far(&format!(r#"{GET},{{"do":"spin"}}"#), "60s");
    let mut running = start_fetched(&far);
    let also = |words: &str| {
        let output = far.also(&format!("secrets {words} --config far.toml")).output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(output.status.code(), Some(0), "{words}: {stdout}{stderr}");
        stdout.replace(&running.id().to_string(), "PID")
    };
    let listed = also("list");
    assert!(listed.contains("  dynamic secret\n") && listed.contains("  dynamic  "), "{listed}");

    let for_each = "'vault' issues dynamic secrets\n";
    let refreshed = also("refresh alpha");
    assert!(refreshed.contains(for_each) && refreshed.contains("PID  no cached values\n"), "{refreshed}");
    let rotated = also("rotate alpha");
    assert!(rotated.contains(for_each) && rotated.contains("PID  1 cached value, 1 changed\n"), "{rotated}");
    assert_eq!(world.users(), 2, "both users during the overlap");
    for name in ["alpha", "beta"] {
        let revoked = also(&format!("revoke {name}"));
        assert!(revoked.starts_with(&format!("{name}: revoked\n")) && revoked.contains(for_each), "{revoked}");
    }
    assert_eq!(world.users(), 0, "revoked while the task runs");
    running.until(1, "cause=operator");
    running.send(Signal::TERM);
    assert_eq!(running.end().0, Some(143));
}

/// Starts a proxy that drops the answers to requests with this start. Returns its address.
fn lossy_proxy(to: String, start: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut request = vec![0; 4096];
            let length = client.read(&mut request).unwrap();
            request.truncate(length);
            let mut server = TcpStream::connect(to.trim_start_matches("http://")).unwrap();
            server.write_all(&request).unwrap();
            let mut answer = vec![0; 64 * 1024];
            let length = server.read(&mut answer).unwrap();
            answer.truncate(length);
            if !request.starts_with(start.as_bytes()) {
                client.write_all(&answer).unwrap();
            }
        }
    });
    address
}

#[test]
fn lost_rotation_answer_makes_processes_reread() {
    let Some(world) = World::start() else { return };
    world.postgres.query("CREATE ROLE legacy LOGIN PASSWORD 'first'").unwrap();
    let write = |path: &str, body| world.bao.api("POST", path, &body).unwrap();
    write("db/config/main", json!({ "allowed_roles": "*", "verify_connection": false }));
    write("db/static-roles/legacy", json!({ "db_name": "main", "username": "legacy", "rotation_period": "1h" }));
    write("sys/policies/acl/far", json!({ "policy": STATIC }));
    let config = world.far_toml("one").replace("db/creds/app", "db/static-creds/legacy");
    let lossy = config.replace(&world.bao.address(), &lossy_proxy(world.bao.address(), "POST /v1/db/rotate-role/"));
    // This token may rotate the user, but not read it.
    write("sys/policies/acl/blind", json!({ "policy": STATIC.replace("\"read\"", "\"deny\"") }));
    let blind = write("auth/token/create", json!({ "policies": ["blind"] }));
    let far = world.far(&format!(r#"{GET},{{"do":"spin"}}"#), "60s").file("lossy.toml", lossy);
    let far = far.file("blind.toml", config.replace("'token' }", "'blind' }")).file("far.toml", config);
    let far = far.file("blind", blind.pointer("/auth/client_token").unwrap().as_str().unwrap()).mode("blind", 0o600);
    let mut running = start_fetched(&far);
    let output = far.also("secrets rotate beta --config lossy.toml").output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let process = running.id();
    let expected = format!(
        "beta: rotated partially\n  backend{}  'vault' may have created a version: the backend is unavailable\n  process {process}  \
         1 cached value, 1 changed\n",
        " ".repeat(process.to_string().len() + 1)
    );
    assert_eq!((output.status.code(), stdout.as_str()), (Some(5), expected.as_str()), "{stderr}");
    assert!(stderr.contains("error: cannot reach provider 'vault'\n"), "{stderr}");

    let output = far.also("secrets rotate beta --config blind.toml").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{stderr}");
    assert!(stderr.contains("error: provider 'vault' denied the request\n"), "{stderr}");
    running.until(2, "secret.refreshed beta");
    running.send(Signal::TERM);
    assert_eq!(running.end().0, Some(143));
}

#[test]
fn shared_database_user_ends_with_run() {
    let Some(world) = World::start() else { return };
    let shared = world.far_toml("one").replace("operations =", "scope = 'agent'\noperations =");
    let far = world.far(GET, "20s").file("far.toml", shared);
    let (code, _, stderr) = RunningFar::start(&far).end();
    assert_eq!((code, world.users()), (Some(0), 0), "{stderr}");
    let mut revoked = stderr.lines().filter(|line| line.contains("secret.revoked")).peekable();
    let outside_tasks = revoked.peek().is_some() && revoked.all(|line| !line.contains(" task="));
    assert!(stderr.contains("secret.injected  beta") && outside_tasks, "revoked by a task: {stderr}");
}

#[test]
fn unusable_journal_refuses_dynamic_secrets() {
    let Some(world) = World::start() else { return };
    std::fs::create_dir_all(world.state.path().join("far/leases")).unwrap();
    let far = world.far(GET, "20s");
    // The folder is open to other users.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(world.state.path().join("far/leases"), mode).unwrap();
    let (code, stdout, stderr) = RunningFar::start(&far).end();
    let expected = "warning: dynamic secrets are disabled: ";
    assert!(
        stderr.starts_with(expected) && stderr.contains("far/leases' is accessible to other users: its mode is 0755\n"),
        "{stderr}"
    );
    assert!(stderr.contains("outcome=failed reason=unsupported"), "{stderr}");
    assert_eq!((code, stdout.as_str()), (Some(0), r#"[{"error":"unavailable"},{"error":"unavailable"}]"#));
    assert_eq!(world.users(), 0);

    let far = world
        .far_toml("one")
        .replace("far/leases", "")
        .lines()
        .filter(|line| !line.starts_with("state"))
        .collect::<Vec<_>>()
        .join("\n");
    let far = world.far(GET, "20s").file("far.toml", far).variable("XDG_STATE_HOME", "");
    let (_, _, stderr) = RunningFar::start(&far).end();
    assert!(stderr.contains("no state directory: set [agent] state, XDG_STATE_HOME or HOME"), "{stderr}");
}

#[test]
fn check_issues_no_database_user() {
    let Some(world) = World::start() else { return };
    let far = world.with(Far::new().words("check"), "one");
    let (code, stdout, stderr) = RunningFar::start(&far).end();
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.contains("reachable, has 2 secrets"), "{stdout}");
    assert_eq!(world.users(), 0);
    assert!(!world.state.path().join("far").exists());
}
