//! The imports of the world, implemented by the thread's fake host.

/// The result of a call that the skill makes while it is unwound after a violation.
fn unwound<T>() -> Result<T, secrets::Error> {
    Err(secrets::Error::Revoked)
}

pub(crate) mod secrets {
    pub(crate) use crate::bindings::tinkerbell::skill::secrets::{Error, Info};
    use crate::testing::fake::{HandleId, current};

    /// A reference to an entry of the host's handle table; contains no bytes of the secret.
    #[derive(Debug)]
    pub(crate) struct Secret(pub(super) HandleId);

    impl Secret {
        pub(crate) fn name(&self) -> String {
            current::call(String::new(), |run| Ok(run.name(self.0)))
        }

        pub(crate) fn version(&self) -> String {
            current::call(String::new(), |run| Ok(run.version(self.0)))
        }

        pub(crate) fn expires_in(&self) -> Option<u64> {
            current::call(None, |run| Ok(Some(run.expires_in(self.0))))
        }
    }

    pub(crate) fn get(name: &str) -> Result<Secret, Error> {
        current::call(super::unwound(), |run| run.get(name, None)).map(Secret)
    }

    pub(crate) fn get_version(name: &str, version: &str) -> Result<Secret, Error> {
        current::call(super::unwound(), |run| run.get(name, Some(version))).map(Secret)
    }

    pub(crate) fn list() -> Vec<Info> {
        current::call(Vec::new(), |run| Ok(run.list()))
    }

    pub(crate) fn refresh(name: &str) -> Result<Secret, Error> {
        current::call(super::unwound(), |run| run.refresh(name)).map(Secret)
    }
}

pub(crate) mod signing {
    use super::secrets::{Error, Secret};
    use crate::testing::fake::current;

    pub(crate) fn hmac_sha256(key: &Secret, message: &[u8]) -> Result<Vec<u8>, Error> {
        current::call(super::unwound(), |run| run.sign(key.0, message))
    }

    pub(crate) fn sign_jwt(key: &Secret, claims: &str) -> Result<Secret, Error> {
        current::call(super::unwound(), |run| run.sign_jwt(key.0, claims)).map(Secret)
    }
}

pub(crate) mod sealed {
    use super::secrets::{Error, Secret};
    use crate::testing::fake::current;

    pub(crate) fn token(secret: &Secret) -> Result<String, Error> {
        current::call(super::unwound(), |run| run.seal(secret.0))
    }
}

pub(crate) mod http {
    use crate::http::{Error, Fields, Parts};
    use crate::testing::fake::current;

    /// Short, so that a test exposes a skill that expects the whole body, or a line, in one chunk.
    const CHUNK: usize = 1000;

    pub(crate) struct PendingRequest(Parts);

    impl PendingRequest {
        #[expect(clippy::unnecessary_wraps, reason = "the real host may reject a request here")]
        pub(crate) fn start(parts: Parts) -> Result<Self, Error> {
            Ok(Self(parts))
        }

        pub(crate) fn write(&mut self, bytes: &[u8]) {
            self.0.body.extend_from_slice(bytes);
        }

        /// Returns the response's status, headers and body.
        pub(crate) fn finish(self) -> Result<(u16, Fields, Body), Error> {
            let response = current::call(Err(Error::Denied), |run| run.send(self.0))?;
            let body = Body { rest: response.body, pending_trailers: response.trailers, trailers: Fields::new() };
            Ok((response.status, response.headers, body))
        }
    }

    pub(crate) struct Body {
        rest: Vec<u8>,
        /// Moved to `trailers` at the end of the body.
        pending_trailers: Fields,
        trailers: Fields,
    }

    impl Body {
        #[expect(clippy::unnecessary_wraps, reason = "the real host's connection may break")]
        pub(crate) fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
            if self.rest.is_empty() {
                self.trailers.append(&mut self.pending_trailers);
                return Ok(None);
            }
            Ok(Some(self.rest.drain(..CHUNK.min(self.rest.len())).collect()))
        }

        pub(crate) fn trailers(&self) -> &Fields {
            &self.trailers
        }
    }
}

pub(crate) mod reveal {
    use super::secrets::{Error, Secret};
    use crate::testing::fake::current;

    pub(crate) fn reveal(secret: &Secret) -> Result<Vec<u8>, Error> {
        current::call(super::unwound(), |run| run.reveal(secret.0))
    }
}

pub(crate) mod task {
    pub(crate) use crate::bindings::tinkerbell::skill::task::Level;
    use crate::testing::fake::current;

    pub(crate) fn id() -> String {
        current::call(String::new(), |run| Ok(run.task_id()))
    }

    pub(crate) fn agent_id() -> String {
        current::call(String::new(), |run| Ok(run.agent_id()))
    }

    pub(crate) fn time_left() -> u64 {
        current::call(0, |run| Ok(run.time_left()))
    }

    pub(crate) fn log(level: Level, message: &str) {
        current::call((), |run| {
            run.log(level, message);
            Ok(())
        });
    }
}
