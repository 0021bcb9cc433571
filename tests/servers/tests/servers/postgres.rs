//! Tests of PostgreSQL: start without root, authentication and shutdown.

use std::net::TcpStream;

use far_servers::{Postgres, or_skip};

#[test]
fn query_needs_password() {
    let Some(postgres) = or_skip(Postgres::start()) else { return };
    assert_eq!(postgres.query("SELECT 6 * 7").unwrap(), "42");
    postgres.query("CREATE ROLE app LOGIN PASSWORD 'pa55'").unwrap();
    assert_eq!(postgres.query_as("app", "pa55", "SELECT current_user").unwrap(), "app");
    assert!(postgres.query_as("app", "other", "SELECT 1").unwrap_err().what().contains("authentication failed"));
    let address = postgres.address();
    drop(postgres);
    assert!(TcpStream::connect(address).is_err());
}
