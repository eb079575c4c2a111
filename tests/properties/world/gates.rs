//! A gate that rules as the test says.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::StatusCode;
use http::request::Parts;
use tower_tus::{Action, Error, Gate, NewUpload, Rejection, Upload};

use crate::actions::{Moment, Ruling};
use crate::model::Verdict;

/// Gives each upload the id that its metadata asks for, and decides as it is told.
#[derive(Clone, Debug)]
pub(super) struct Panel(Arc<Mutex<Rulings>>);

#[derive(Debug)]
struct Rulings {
    create: Ruling,
    finish: Ruling,
    terminate: Ruling,
}

impl Panel {
    /// Returns a gate that agrees to everything.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Rulings {
            create: Ruling::Agree,
            finish: Ruling::Agree,
            terminate: Ruling::Agree,
        })))
    }

    pub(super) fn rule(&self, moment: Moment, ruling: Ruling) -> Verdict {
        let mut rulings = self.0.lock().unwrap();
        match moment {
            Moment::Create => rulings.create = ruling,
            Moment::Finish => rulings.finish = ruling,
            Moment::Terminate => rulings.terminate = ruling,
        }
        match ruling {
            Ruling::Agree => Verdict::Agrees,
            Ruling::Refuse => Verdict::Refuses(422),
            Ruling::Fail => Verdict::Fails(500),
        }
    }

    fn ask(&self, moment: Moment) -> Result<(), Error> {
        let rulings = self.0.lock().unwrap();
        let ruling = match moment {
            Moment::Create => rulings.create,
            Moment::Finish => rulings.finish,
            Moment::Terminate => rulings.terminate,
        };
        match ruling {
            Ruling::Agree => Ok(()),
            Ruling::Refuse => Err(Rejection::new(StatusCode::UNPROCESSABLE_ENTITY).into()),
            Ruling::Fail => Err(Error::internal("the gate is told to fail")),
        }
    }
}

#[async_trait]
impl Gate for Panel {
    async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        if let Some(id) = upload.metadata.get("id") {
            let id = std::str::from_utf8(id).map_err(Error::internal)?;
            upload.id = id.parse().map_err(Error::internal)?;
        }
        self.ask(Moment::Create)
    }

    async fn opened(&self, _: &Parts, _: &Upload, action: Action) -> Result<(), Error> {
        match action {
            Action::Terminate => self.ask(Moment::Terminate),
            _ => Ok(()),
        }
    }

    async fn complete(&self, _: &Parts, _: &Upload) -> Result<(), Error> {
        self.ask(Moment::Finish)
    }

    fn decides_completion(&self) -> bool {
        true
    }
}
