//! Access to the service inside a middleware.

/// Gives a middleware `get_ref`, `get_mut` and `into_inner`, as tower's own have
/// them. It has to be a struct with one type parameter and a field `inner`.
macro_rules! gives_inner {
    ($middleware:ident) => {
        impl<S> $middleware<S> {
            /// Returns the inner service.
            pub fn get_ref(&self) -> &S {
                &self.inner
            }

            /// Returns the inner service, to be changed.
            pub fn get_mut(&mut self) -> &mut S {
                &mut self.inner
            }

            /// Takes the inner service out.
            #[must_use]
            pub fn into_inner(self) -> S {
                self.inner
            }
        }
    };
}

pub(crate) use gives_inner;

#[cfg(test)]
mod tests {
    use crate::discovery::Discovery;

    #[test]
    fn the_inner_service_of_a_middleware_can_be_seen_changed_and_taken() {
        let mut middleware = Discovery::new(1);
        *middleware.get_mut() += 1;
        assert_eq!(*middleware.get_ref(), 2);
        assert_eq!(middleware.into_inner(), 2);
    }
}
