//! The imports of the world, answered by the fake host of the thread.

/// What is answered where a stopped task calls while it is unwound: nothing that could be used.
fn stopped<T>() -> Result<T, secrets::Error> {
    Err(secrets::Error::Revoked)
}

pub(crate) mod secrets {
    pub(crate) use crate::bindings::tinkerbell::skill::secrets::{Error, Info, Operation};
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
    use crate::http::{Error, Parts, Response};
    use crate::testing::fake::current;

    pub(crate) fn send(parts: Parts) -> Result<Response, Error> {
        current::call(Err(Error::Denied), |run| run.send(parts))
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
