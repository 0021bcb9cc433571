//! Cannot do without the two secrets that it declares.

#![forbid(unsafe_code)]

far_skill::skill!(run = guests::get_both, declaration = "examples/required.json");
