//! Summaries of episodes in prose, which can be checked.
//!
//! | step | from → to |
//! |---|---|
//! | [`facts`] | an episode and its record → what is known, each with an id |
//! | [`template`] | facts → a summary that is always the same |
//! | [`Prompt::of`] | facts → what a language model is asked |
//! | [`grounded`] | facts and the model's answer → its sentences, if the facts have all that they say |
//!
//! A model never acts: its text is checked and shown. If anything about it is wrong, the template is used and says so.

mod facts;
mod ground;
mod prompt;
mod template;

pub use facts::{Fact, facts};
pub use ground::{Prose, grounded};
pub use prompt::Prompt;
pub use template::template;
