//! What hooks are given.

use std::marker::PhantomData;

/// What a pre hook is given.
#[derive(Debug)]
pub struct PreContext<'c, M> {
    of: PhantomData<&'c M>,
}

/// What a post hook is given.
#[derive(Debug)]
pub struct PostContext<'c, M> {
    of: PhantomData<&'c M>,
}
