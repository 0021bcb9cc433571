//! What a capability would be made of without a guard: for `cargo xtask attacks --mutate` alone.
//!
//! The join takes what is declared, granted and permitted, and there is no way to leave one of them out. So a guard that is
//! off here adds what was not there: as if the author had declared all that is granted, or the scheduler granted all
//! that is declared.

use crate::declaration::DeclaredSecret;
use crate::grant::Grant;
use crate::guard::Guard;

/// What is declared, with all that is granted if [`Guard::Declared`] is off.
pub(super) fn declared(declared: &[DeclaredSecret], grants: &[Grant]) -> Vec<DeclaredSecret> {
    let mut all = declared.to_vec();
    for grant in grants.iter().filter(|_| !Guard::Declared.stands()) {
        if !declared.iter().any(|declared| declared.name == *grant.secret()) {
            let (name, terms) = (grant.secret().clone(), grant.terms().clone());
            all.push(DeclaredSecret { name, terms, reason: String::new(), optional: true });
        }
    }
    all
}

/// What is granted, with all that is declared if [`Guard::Granted`] is off.
pub(super) fn granted(declared: &[DeclaredSecret], grants: &[Grant]) -> Vec<Grant> {
    let mut all = grants.to_vec();
    for declared in declared.iter().filter(|_| !Guard::Granted.stands()) {
        if !grants.iter().any(|grant| declared.name == *grant.secret()) {
            all.push(Grant::new(declared.name.clone(), declared.terms.clone()));
        }
    }
    all
}
