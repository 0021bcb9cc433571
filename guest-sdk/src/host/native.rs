//! The imports of the world, answered by the fake host of the thread.

/// What is answered where a stopped task calls while it is unwound: nothing that could be used.
fn stopped<T>() -> Result<T, secrets::Error> {
    Err(secrets::Error::Revoked)
}

pub(crate) mod secrets {
    pub(crate) use crate::bindings::tinkerbell::skill::secrets::{Error, Info};
    use crate::testing::fake::{Held, current};

    /// Stands for the handle in the host's table; like that one, it has no bytes.
    #[derive(Debug)]
    pub(crate) struct Secret(pub(super) Held);

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
        current::call(super::stopped(), |run| run.get(name, None)).map(Secret)
    }

    pub(crate) fn get_version(name: &str, version: &str) -> Result<Secret, Error> {
        current::call(super::stopped(), |run| run.get(name, Some(version))).map(Secret)
    }

    pub(crate) fn list() -> Vec<Info> {
        current::call(Vec::new(), |run| Ok(run.list()))
    }

    pub(crate) fn refresh(name: &str) -> Result<Secret, Error> {
        current::call(super::stopped(), |run| run.refresh(name)).map(Secret)
    }
}

pub(crate) mod signing {
    use super::secrets::{Error, Secret};
    use crate::testing::fake::current;

    pub(crate) fn hmac_sha256(key: &Secret, message: &[u8]) -> Result<Vec<u8>, Error> {
        current::call(super::stopped(), |run| run.sign(key.0, message))
    }

    pub(crate) fn sign_jwt(key: &Secret, claims: &str) -> Result<Secret, Error> {
        current::call(super::stopped(), |run| run.sign_jwt(key.0, claims)).map(Secret)
    }
}

pub(crate) mod sealed {
    use super::secrets::{Error, Secret};
    use crate::testing::fake::current;

    pub(crate) fn token(secret: &Secret) -> Result<String, Error> {
        current::call(super::stopped(), |run| run.seal(secret.0))
    }
}

pub(crate) mod http {
    use crate::http::{Error, Fields, Parts};
    use crate::testing::fake::current;

    /// Short, so that a skill which takes a piece for the whole, or for a line, is found out.
    const PIECE: usize = 1000;

    pub(crate) struct Outgoing(Parts);

    impl Outgoing {
        #[expect(clippy::unnecessary_wraps, reason = "the host may find a request wrong as it begins")]
        pub(crate) fn start(parts: Parts) -> Result<Self, Error> {
            Ok(Self(parts))
        }

        pub(crate) fn write(&mut self, bytes: &[u8]) {
            self.0.body.extend_from_slice(bytes);
        }

        /// Returns the answer's status, headers and body.
        pub(crate) fn finish(self) -> Result<(u16, Fields, Body), Error> {
            let answer = current::call(Err(Error::Denied), |run| run.send(self.0))?;
            let body = Body { rest: answer.body, sent: answer.trailers, trailers: Fields::new() };
            Ok((answer.status, answer.headers, body))
        }
    }

    pub(crate) struct Body {
        rest: Vec<u8>,
        /// What is sent when the body has been.
        sent: Fields,
        trailers: Fields,
    }

    impl Body {
        #[expect(clippy::unnecessary_wraps, reason = "the host's connection may break")]
        pub(crate) fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
            if self.rest.is_empty() {
                self.trailers.append(&mut self.sent);
                return Ok(None);
            }
            Ok(Some(self.rest.drain(..PIECE.min(self.rest.len())).collect()))
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
        current::call(super::stopped(), |run| run.reveal(secret.0))
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
