//! Traits of the storage engines and the kit that every engine must pass.
