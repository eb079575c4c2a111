//! Checksums of some texts, for every algorithm that the suite knows.

/// The text of a checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    Nothing,
    Hello,
    World,
}

impl Of {
    pub(crate) fn text(self) -> &'static str {
        ["", "hello", " world"][self as usize]
    }
}

/// By algorithm, for "", "hello" and " world". The CRCs are in big-endian
/// order.
const DIGESTS: [(&str, [&str; 3]); 7] = [
    (
        "sha1",
        [
            "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
            "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
            "P4InJqDJ+1VmGOnLl/tkL372LW8=",
        ],
    ),
    (
        "sha256",
        [
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
            "BF8T3YZLr6rQ3Zd6yXHeVJsJDLKDbwYdB3mybdm7j0s=",
        ],
    ),
    (
        "sha512",
        [
            "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
            "m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==",
            "FTZ2mgcN9f6aq16hBsE/BEjuzb7md1P1Lthvr4NgmNqBMTvTv9xNVownWCr6ePm77b8ZoXFO4ytRbFwspGhWHg==",
        ],
    ),
    (
        "md5",
        [
            "1B2M2Y8AsgTpgAmY7PhCfg==",
            "XUFAKrxLKna5cZ2REBfFkg==",
            "t5E6oVxDvn1TS07sbpnooA==",
        ],
    ),
    ("crc32", ["AAAAAA==", "NhCmhg==", "SjtCyw=="]),
    ("crc32c", ["AAAAAA==", "mnG7TA==", "pgadfA=="]),
    (
        "blake3",
        [
            "rxNJufX5oaagQE3qNtzJSZvLJcmtwRK3zJqTyuQfMmI=",
            "6o8WPbOGgpJeRJHF5Y1Ls1Bu+MFOt4qG6QjFYkpnIA8=",
            "y3ogLHjR/Au2mKErSwyVE9JyCDZ26VU7OEDok2Zx6Fo=",
        ],
    ),
];

pub(crate) fn algorithms() -> impl Iterator<Item = &'static str> {
    DIGESTS.iter().map(|(algorithm, _)| *algorithm)
}

/// Returns a value for `Upload-Checksum`.
pub(crate) fn checksum(algorithm: &str, of: Of) -> String {
    let known = DIGESTS.iter().find(|(known, _)| *known == algorithm);
    let (_, digests) = known.expect("the algorithm is known");
    format!("{algorithm} {}", digests[of as usize])
}
