//! Users of a real database, made for a task by a real server with Vault's API: gone after every end that a task can come to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use far_servers::{OpenBao, Postgres, or_skip};
use far_tests::guests;
use rustix::process::Signal;
use serde_json::json;

use crate::fixture::Far;
use crate::running::Running;

const CREATE: &str = r#"CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"#;
/// All that the documentation says that the provider's token needs.
const POLICY: &str = r#"
path "db/creds/app" { capabilities = ["read"] }
path "db/roles/app" { capabilities = ["read"] }
path "auth/token/create" { capabilities = ["update"] }
path "auth/token/revoke-accessor" { capabilities = ["update"] }
path "sys/leases/revoke" { capabilities = ["update"] }
"#;
/// And of a user that is there already.
const STATIC: &str = r#"
path "db/static-creds/legacy" { capabilities = ["read"] }
path "db/static-roles/legacy" { capabilities = ["read"] }
path "db/rotate-role/legacy" { capabilities = ["update"] }
"#;
/// Both fields are read, which are of one user.
const GET: &str = r#"{"do":"get","name":"alpha"},{"do":"get","name":"beta"}"#;

/// A server, its database, and a token with those rights.
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

    /// `far run` of a probe with these steps.
    fn far(&self, steps: &str, timeout: &str) -> Far {
        self.far_of("one", steps, timeout)
    }

    fn far_of(&self, agent: &str, steps: &str, timeout: &str) -> Far {
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

    /// Users that were made and not ended.
    fn users(&self) -> usize {
        self.postgres.query("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'v-%'").unwrap().parse().unwrap()
    }
}

/// A run that has fetched both fields.
fn fetched(far: &Far) -> Running {
    let mut running = Running::start(far);
    running.until(2, "secret.injected");
    running
}

#[test]
fn after_every_end_of_a_task_its_user_is_gone() {
    let Some(world) = World::start() else { return };
    for (steps, timeout, outcome) in [
        ("", "20s", "outcome=completed"),
        (r#",{"do":"fail","message":"no such order"}"#, "20s", "outcome=skill-error"),
        (r#",{"do":"get","name":"gamma"}"#, "20s", "outcome=scope-violation"),
        (r#",{"do":"panic","message":"its words"}"#, "20s", "outcome=trapped"),
        (r#",{"do":"spin"}"#, "2s", "outcome=timed-out"),
    ] {
        let far = world.far(&format!("{GET}{steps}"), timeout);
        let (_, stdout, stderr) = Running::start(&far).end();
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
    assert_eq!(leases.read_dir().unwrap().count(), 1, "the key alone");
}

#[test]
fn it_works_while_the_task_runs() {
    let Some(world) = World::start() else { return };
    let leak =
        r#"{"do":"get","name":"alpha"},{"do":"reveal"},{"do":"get","name":"beta"},{"do":"reveal"},{"do":"spin"}"#;
    let far = world.far(leak, "20s");
    let running = fetched(&far);
    assert_eq!(world.users(), 1, "of both fields");
    running.send(Signal::TERM);
    assert_eq!(running.end().0, Some(143));
    assert_eq!(world.users(), 0, "it was cancelled");
}

#[test]
fn two_tasks_have_two_and_the_end_of_one_is_not_the_others() {
    let Some(world) = World::start() else { return };
    let steps = format!(r#"{GET},{{"do":"spin"}}"#);
    let (one, other) = (world.far(&steps, "30s"), world.far(&steps, "30s"));
    let (one, other) = (fetched(&one), fetched(&other));
    assert_eq!(world.users(), 2);
    one.send(Signal::TERM);
    assert_eq!(one.end().0, Some(143));
    assert_eq!(world.users(), 1);
    other.send(Signal::TERM);
    assert_eq!(other.end().0, Some(143));
    assert_eq!(world.users(), 0);
}

#[test]
fn what_a_killed_run_left_is_ended_by_the_next_of_the_same_agent() {
    let Some(world) = World::start() else { return };
    let spin = format!(r#"{GET},{{"do":"spin"}}"#);
    let (far, runs) = (world.far(&spin, "60s"), world.far(&spin, "60s"));
    let runs = fetched(&runs);
    let killed = fetched(&far);
    assert_eq!(world.users(), 2);
    killed.send(Signal::KILL);
    assert_eq!(killed.end().0, None);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(world.users(), 2, "nobody was there to end it");

    let identity = r#"{"do":"identity"}"#;
    let (others, next) = (world.far_of("other", identity, "20s"), world.far(identity, "20s"));
    let (code, _, stderr) = Running::start(&others).end();
    assert_eq!((code, world.users()), (Some(0), 2), "another agent's: {stderr}");
    let started = Instant::now();
    let (code, _, stderr) = Running::start(&next).end();
    assert_eq!((code, world.users()), (Some(0), 1), "and nothing of the one that runs: {stderr}");
    assert!(!stderr.contains("warning") && started.elapsed() < Duration::from_secs(20), "{stderr}");
    let ended: Vec<_> = stderr.lines().filter(|line| line.contains("cause=recovery")).collect();
    let [ended] = ended[..] else { panic!("not recorded once: {stderr}") };
    // The lease, and the token that it was made with. What is nobody's task has no task.
    let told = "secret.revoked   provider=vault outcome=completed cause=recovery count=2";
    assert!(ended.ends_with(told), "{ended}");
    runs.send(Signal::TERM);
    assert_eq!(runs.end().0, Some(143));
    assert_eq!(world.users(), 0);
}

#[test]
fn what_is_not_as_a_killed_run_wrote_it_ends_nothing_and_is_recorded() {
    let Some(world) = World::start() else { return };
    let killed = fetched(&world.far(&format!(r#"{GET},{{"do":"spin"}}"#), "60s"));
    killed.send(Signal::KILL);
    assert_eq!(killed.end().0, None);
    let written = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let files = world.state.path().join("far/leases").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let ledger = files.into_iter().find(|path| written(path).contains("creds/app")).unwrap();
    std::fs::write(&ledger, written(&ledger).replace("creds/app", "creds/apq")).unwrap();
    let (code, _, stderr) = Running::start(&world.far(r#"{"do":"identity"}"#, "20s")).end();
    assert_eq!(code, Some(0), "{stderr}");
    let told = "secret.revoked   provider=vault outcome=failed reason=unsound-ledger cause=recovery count=1\n";
    assert!(
        stderr.contains(told) && stderr.contains("warning: 1 of the files that earlier runs left are not"),
        "{stderr}"
    );
}

#[test]
fn what_was_made_for_a_task_is_replaced_and_ended_when_the_operator_says_so() {
    let Some(world) = World::start() else { return };
    let far = world.far(&format!(r#"{GET},{{"do":"spin"}}"#), "60s");
    let mut running = fetched(&far);
    let also = |words: &str| {
        let output = far.also(&format!("secrets {words} --config far.toml")).output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(output.status.code(), Some(0), "{words}: {stdout}{stderr}");
        stdout.replace(&running.id().to_string(), "PID")
    };
    let listed = also("list");
    assert!(listed.contains("  made for who asks\n") && listed.contains("  made for it  "), "{listed}");

    let for_each = "'vault' makes another one for whoever asks\n";
    let refreshed = also("refresh alpha");
    assert!(refreshed.contains(for_each) && refreshed.contains("PID  kept none\n"), "{refreshed}");
    let rotated = also("rotate alpha");
    assert!(rotated.contains(for_each) && rotated.contains("PID  kept 1 value, of which 1 changed\n"), "{rotated}");
    assert_eq!(world.users(), 2, "for as long as both are used");
    for name in ["alpha", "beta"] {
        let revoked = also(&format!("revoke {name}"));
        assert!(revoked.starts_with(&format!("{name}: revoked\n")) && revoked.contains(for_each), "{revoked}");
    }
    assert_eq!(world.users(), 0, "and the task runs");
    running.until(1, "cause=operator");
    running.send(Signal::TERM);
    assert_eq!(running.end().0, Some(143));
}

/// Passes connections on to a server. The answer to a request that begins so is lost on its way. Answers with its address.
fn losing(to: String, start: &'static str) -> String {
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
fn processes_read_again_what_may_have_been_rotated_by_a_server_whose_answer_was_lost() {
    let Some(world) = World::start() else { return };
    world.postgres.query("CREATE ROLE legacy LOGIN PASSWORD 'first'").unwrap();
    let write = |path: &str, body| world.bao.api("POST", path, &body).unwrap();
    write("db/config/main", json!({ "allowed_roles": "*", "verify_connection": false }));
    write("db/static-roles/legacy", json!({ "db_name": "main", "username": "legacy", "rotation_period": "1h" }));
    write("sys/policies/acl/far", json!({ "policy": STATIC }));
    let config = world.far_toml("one").replace("db/creds/app", "db/static-creds/legacy");
    let lossy = config.replace(&world.bao.address(), &losing(world.bao.address(), "POST /v1/db/rotate-role/"));
    // Another's may rotate it, and not read it.
    write("sys/policies/acl/blind", json!({ "policy": STATIC.replace("\"read\"", "\"deny\"") }));
    let blind = write("auth/token/create", json!({ "policies": ["blind"] }));
    let far = world.far(&format!(r#"{GET},{{"do":"spin"}}"#), "60s").file("lossy.toml", lossy);
    let far = far.file("blind.toml", config.replace("'token' }", "'blind' }")).file("far.toml", config);
    let far = far.file("blind", blind.pointer("/auth/client_token").unwrap().as_str().unwrap()).mode("blind", 0o600);
    let mut running = fetched(&far);
    let output = far.also("secrets rotate beta --config lossy.toml").output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let process = running.id();
    let said = format!(
        "beta: rotated in part\n  backend{}  'vault' may have made a version: the backend is unavailable\n  process {process}  \
         kept 1 value, of which 1 changed\n",
        " ".repeat(process.to_string().len() + 1)
    );
    assert_eq!((output.status.code(), stdout.as_str()), (Some(5), said.as_str()), "{stderr}");
    assert!(stderr.contains("error: the provider 'vault' cannot be reached\n"), "{stderr}");

    let output = far.also("secrets rotate beta --config blind.toml").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{stderr}");
    assert!(stderr.contains("error: the provider 'vault' denies it\n"), "{stderr}");
    running.until(2, "secret.refreshed beta");
    running.send(Signal::TERM);
    assert_eq!(running.end().0, Some(143));
}

#[test]
fn what_tasks_would_share_is_gone_with_the_run() {
    let Some(world) = World::start() else { return };
    let shared = world.far_toml("one").replace("operations =", "scope = 'agent'\noperations =");
    let far = world.far(GET, "20s").file("far.toml", shared);
    let (code, _, stderr) = Running::start(&far).end();
    assert_eq!((code, world.users()), (Some(0), 0), "{stderr}");
    let mut revoked = stderr.lines().filter(|line| line.contains("secret.revoked")).peekable();
    let by_nobodys_task = revoked.peek().is_some() && revoked.all(|line| !line.contains(" task="));
    assert!(stderr.contains("secret.injected  beta") && by_nobodys_task, "not by the task: {stderr}");
}

#[test]
fn without_a_place_to_write_it_down_nothing_is_made_and_that_is_said() {
    let Some(world) = World::start() else { return };
    std::fs::create_dir_all(world.state.path().join("far/leases")).unwrap();
    let far = world.far(GET, "20s");
    // It is open to others.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(world.state.path().join("far/leases"), mode).unwrap();
    let (code, stdout, stderr) = Running::start(&far).end();
    let said = "warning: secrets that a server makes are refused: ";
    assert!(stderr.starts_with(said) && stderr.contains("far/leases: its mode is 0755\n"), "{stderr}");
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
    let (_, _, stderr) = Running::start(&far).end();
    assert!(stderr.contains("neither [agent] state nor XDG_STATE_HOME nor HOME says"), "{stderr}");
}

#[test]
fn a_check_says_that_it_is_there_and_makes_nothing() {
    let Some(world) = World::start() else { return };
    let far = world.with(Far::new().words("check"), "one");
    let (code, stdout, stderr) = Running::start(&far).end();
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.contains("reached, has 2 secrets"), "{stdout}");
    assert_eq!(world.users(), 0);
    assert!(!world.state.path().join("far").exists());
}
