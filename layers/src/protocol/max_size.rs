/// How many bytes an upload may have: a request extension of the layer that
/// limits them, for those who make uploads of what no request brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxSize(pub u64);
