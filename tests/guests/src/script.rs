//! The script of a probe: a list of steps, each answered by one JSON value.

use far_skill::secrets::{self, Error, Info, Secret};
use far_skill::{Schema, signing, task};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::sandbox;
use crate::saying::{self, Form, Place};
use crate::tier::Tier;

#[derive(Deserialize, Schema)]
#[serde(deny_unknown_fields)]
pub struct Script {
    steps: Vec<Step>,
}

#[derive(Deserialize, Schema)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Step {
    Get {
        name: String,
    },
    GetVersion {
        name: String,
        version: String,
    },
    /// Gets a secret so often, and drops each handle.
    GetMany {
        name: String,
        times: u64,
    },
    /// Gets a secret so often, and keeps each handle.
    HoldMany {
        name: String,
        times: u64,
    },
    Refresh {
        name: String,
    },
    List,
    /// Signs with the handle got last, as do the two that follow.
    Sign {
        message: String,
    },
    /// Answers with the length and a hash of the bytes.
    Reveal,
    /// Answers with the bytes themselves.
    Leak,
    /// Says the bytes, or a text instead.
    Say {
        text: Option<String>,
        place: Place,
        #[serde(default)]
        form: Form,
        #[serde(default)]
        offset: usize,
        pieces: Option<usize>,
    },
    /// Drops the handle got last.
    Drop,
    Log {
        level: Level,
        message: String,
    },
    Print {
        text: String,
    },
    Eprint {
        text: String,
    },
    Identity,
    /// Looks for the machine; a server listens at this address.
    Env {
        address: String,
    },
    Spin,
    /// Calls the host for ever.
    SpinAroundCalls,
    /// Counts how often a text stands in this guest's memory; it is given with each byte's bits turned over, so that it
    /// does not find itself.
    Scan {
        masked: Vec<u8>,
    },
    Allocate {
        mib: usize,
    },
    Panic {
        message: String,
    },
    Exit {
        code: i32,
    },
    Fail {
        message: String,
    },
    /// Answers with a text of that many bytes.
    Output {
        bytes: usize,
    },
    Recurse,
    Sleep {
        ms: u64,
    },
}

#[derive(Deserialize, Schema)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Runs every step, and answers with one result for each.
pub fn run<T: Tier>(script: Script) -> Result<Vec<Value>, far_skill::Error> {
    let mut handles = Vec::new();
    script.steps.into_iter().map(|step| take::<T>(step, &mut handles)).collect()
}

fn take<T: Tier>(step: Step, handles: &mut Vec<Secret>) -> Result<Value, far_skill::Error> {
    Ok(match step {
        Step::Get { name } => keep(secrets::get(&name), handles),
        Step::GetVersion { name, version } => keep(secrets::get_version(&name, &version), handles),
        Step::GetMany { name, times } => {
            let got = (0..times).filter(|_| secrets::get(&name).is_ok()).count();
            json!({ "ok": { "got": got } })
        }
        Step::HoldMany { name, times } => {
            let held: Vec<_> = (0..times).map_while(|_| secrets::get(&name).ok()).collect();
            json!({ "ok": { "held": held.len() } })
        }
        Step::Refresh { name } => keep(secrets::refresh(&name), handles),
        Step::List => json!({ "ok": secrets::list().into_iter().map(described).collect::<Vec<_>>() }),
        Step::Sign { message } => {
            let signature = signing::hmac_sha256(last(handles)?, message.as_bytes());
            answer(signature, |signature| json!({ "signature": hex::encode(signature) }))
        }
        Step::Reveal => revealed::<T>(
            handles,
            |bytes| json!({ "length": bytes.len(), "sha256": hex::encode(Sha256::digest(bytes)) }),
        )?,
        Step::Leak => revealed::<T>(handles, |bytes| json!({ "value": String::from_utf8_lossy(bytes) }))?,
        Step::Say { text: Some(text), place, form, offset, pieces } => {
            json!({ "ok": saying::say(text.as_bytes(), &place, &form, offset, pieces.unwrap_or(1))? })
        }
        Step::Say { text: None, place, form, offset, pieces } => {
            let revealed = T::reveal(last(handles)?).ok_or("this probe cannot reveal")?;
            json!({ "ok": saying::say(revealed?.expose(), &place, &form, offset, pieces.unwrap_or(1))? })
        }
        Step::Drop => {
            let dropped = handles.pop().is_some();
            json!({ "ok": { "dropped": dropped } })
        }
        Step::Log { level, message } => {
            task::log(level.into(), &message);
            done()
        }
        Step::Print { text } => {
            print!("{text}");
            done()
        }
        Step::Eprint { text } => {
            eprint!("{text}");
            done()
        }
        Step::Identity => json!({ "ok": { "task-id": task::id(), "agent-id": task::agent_id() } }),
        Step::Env { address } => json!({ "ok": sandbox::found(&address) }),
        Step::Spin => sandbox::spin(),
        Step::SpinAroundCalls => loop {
            task::time_left();
        },
        Step::Scan { masked } => json!({ "ok": { "found": sandbox::scan(&masked) } }),
        Step::Allocate { mib } => json!({ "ok": { "bytes": sandbox::allocate(mib) } }),
        Step::Panic { message } => panic!("{message}"),
        Step::Exit { code } => std::process::exit(code),
        Step::Fail { message } => return Err(far_skill::Error::new(message)),
        Step::Output { bytes } => json!({ "ok": "x".repeat(bytes) }),
        Step::Recurse => json!({ "ok": { "depth": sandbox::recurse(0) } }),
        Step::Sleep { ms } => {
            std::thread::sleep(std::time::Duration::from_millis(ms));
            done()
        }
    })
}

fn keep(got: Result<Secret, Error>, handles: &mut Vec<Secret>) -> Value {
    answer(got, |secret| {
        let described = json!({ "name": secret.name(), "version": secret.version() });
        handles.push(secret);
        described
    })
}

fn revealed<T: Tier>(handles: &[Secret], describe: fn(&[u8]) -> Value) -> Result<Value, far_skill::Error> {
    let revealed = T::reveal(last(handles)?).ok_or("this probe cannot reveal")?;
    Ok(answer(revealed, |revealed| describe(revealed.expose())))
}

fn last(handles: &[Secret]) -> Result<&Secret, far_skill::Error> {
    handles.last().ok_or_else(|| "the script holds no handle at this step".into())
}

fn answer<T>(result: Result<T, Error>, describe: impl FnOnce(T) -> Value) -> Value {
    match result {
        Ok(value) => json!({ "ok": describe(value) }),
        Err(Error::Unavailable { retry_after: Some(wait) }) => {
            json!({ "error": "unavailable", "retry-after-ms": wait.as_millis() as u64 })
        }
        Err(error) => json!({ "error": kind(error) }),
    }
}

fn done() -> Value {
    json!({ "ok": {} })
}

fn described(info: Info) -> Value {
    let operations: Vec<_> = info.operations.iter().map(|operation| format!("{operation:?}").to_lowercase()).collect();
    let expires_in_ms = info.expires_in.map(|time| time.as_millis() as u64);
    json!({ "name": info.name, "operations": operations, "expires-in-ms": expires_in_ms })
}

/// The name of the error in the WIT package.
fn kind(error: Error) -> &'static str {
    match error {
        Error::NotFound => "not-found",
        Error::VersionGone => "version-gone",
        Error::Expired => "expired",
        Error::Revoked => "revoked",
        Error::Exhausted => "exhausted",
        Error::Unavailable { .. } => "unavailable",
        Error::TooLarge => "too-large",
        _ => "unknown",
    }
}

impl From<Level> for task::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}
