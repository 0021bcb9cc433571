//! Random task ids.

use far_capability::TaskId;

/// Returns a new random id: `task-` and 128 bits in hexadecimal.
///
/// # Errors
///
/// The operating system's random source failed.
pub fn random_task_id() -> Result<TaskId, getrandom::Error> {
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits)?;
    Ok(TaskId::of_bits(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_ids_differ() {
        assert_ne!(random_task_id().unwrap(), random_task_id().unwrap());
    }
}
