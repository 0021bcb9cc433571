//! The script of a probe: a list of steps with one JSON result each.

use far_skill::secrets::{self, Error, Info, Secret};
use far_skill::{Schema, signing, task};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::emit::{self, Channel, Form};
use crate::sandbox;
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
    /// Gets a secret a number of times and drops each handle.
    GetMany {
        name: String,
        times: u64,
    },
    /// Gets a secret a number of times and keeps each handle.
    HoldMany {
        name: String,
        times: u64,
    },
    Refresh {
        name: String,
    },
    List,
    /// Signs with the last handle, like the steps up to `Say`.
    Sign {
        message: String,
    },
    /// Returns the length and a hash of the bytes.
    Reveal,
    /// Returns the bytes.
    Leak,
    /// Emits the bytes, or the text if there is one.
    Say {
        text: Option<String>,
        #[serde(rename = "place")]
        channel: Channel,
        #[serde(default)]
        form: Form,
        #[serde(default)]
        offset: usize,
        pieces: Option<usize>,
    },
    /// Drops the last handle.
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
    /// Looks for access to the machine. A server listens at this address.
    Env {
        address: String,
    },
    Spin,
    /// Calls the host forever.
    SpinAroundCalls,
    /// Counts the occurrences of a string in this guest's memory. The string is passed with all
    /// bits inverted, so that the search does not find itself.
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
    /// Returns a string of this length.
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

/// Runs each step and returns its result.
pub fn run<T: Tier>(script: Script) -> Result<Vec<Value>, far_skill::Error> {
    let mut handles = Vec::new();
    script.steps.into_iter().map(|step| run_step::<T>(step, &mut handles)).collect()
}

fn run_step<T: Tier>(step: Step, handles: &mut Vec<Secret>) -> Result<Value, far_skill::Error> {
    Ok(match step {
        Step::Get { name } => push_handle(secrets::get(&name), handles),
        Step::GetVersion { name, version } => push_handle(secrets::get_version(&name, &version), handles),
        Step::GetMany { name, times } => {
            let got = (0..times).filter(|_| secrets::get(&name).is_ok()).count();
            json!({ "ok": { "got": got } })
        }
        Step::HoldMany { name, times } => {
            let handles: Vec<_> = (0..times).map_while(|_| secrets::get(&name).ok()).collect();
            json!({ "ok": { "held": handles.len() } })
        }
        Step::Refresh { name } => push_handle(secrets::refresh(&name), handles),
        Step::List => json!({ "ok": secrets::list().into_iter().map(describe).collect::<Vec<_>>() }),
        Step::Sign { message } => {
            let signature = signing::hmac_sha256(last(handles)?, message.as_bytes());
            to_json(signature, |signature| json!({ "signature": hex::encode(signature) }))
        }
        Step::Reveal => reveal::<T>(
            handles,
            |bytes| json!({ "length": bytes.len(), "sha256": hex::encode(Sha256::digest(bytes)) }),
        )?,
        Step::Leak => reveal::<T>(handles, |bytes| json!({ "value": String::from_utf8_lossy(bytes) }))?,
        Step::Say { text: Some(text), channel, form, offset, pieces } => {
            json!({ "ok": emit::emit(text.as_bytes(), &channel, &form, offset, pieces.unwrap_or(1))? })
        }
        Step::Say { text: None, channel, form, offset, pieces } => {
            let revealed = T::reveal(last(handles)?).ok_or("this probe cannot reveal")?;
            json!({ "ok": emit::emit(revealed?.expose(), &channel, &form, offset, pieces.unwrap_or(1))? })
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
        Step::Env { address } => json!({ "ok": sandbox::probe(&address) }),
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

fn push_handle(result: Result<Secret, Error>, handles: &mut Vec<Secret>) -> Value {
    to_json(result, |secret| {
        let description = json!({ "name": secret.name(), "version": secret.version() });
        handles.push(secret);
        description
    })
}

fn reveal<T: Tier>(handles: &[Secret], describe: fn(&[u8]) -> Value) -> Result<Value, far_skill::Error> {
    let revealed = T::reveal(last(handles)?).ok_or("this probe cannot reveal")?;
    Ok(to_json(revealed, |revealed| describe(revealed.expose())))
}

fn last(handles: &[Secret]) -> Result<&Secret, far_skill::Error> {
    handles.last().ok_or_else(|| "the script has no handle at this step".into())
}

fn to_json<T>(result: Result<T, Error>, describe: impl FnOnce(T) -> Value) -> Value {
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

fn describe(info: Info) -> Value {
    let operations: Vec<_> = info.operations.iter().map(|operation| format!("{operation:?}").to_lowercase()).collect();
    let expires_in_ms = info.expires_in.map(|time| time.as_millis() as u64);
    json!({ "name": info.name, "operations": operations, "expires-in-ms": expires_in_ms })
}

/// Returns the error's name in the WIT package.
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
