//! The example programs, run like a reader would run them.

mod program;

mod app;
mod auth;
mod axum;
mod callbacks;
mod custom_stack;
mod custom_store;
mod hyper;
mod manage;
mod own_router;
mod tonic;
