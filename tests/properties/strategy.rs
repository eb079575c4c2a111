//! How proptest makes cases.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::strategy::Union;

use crate::actions::{
    Action, Among, Amount, Append, Ask, Case, Chunk, Claim, Creation, Declared, Durability, Ending,
    Evicts, Expiry, Finals, Form, Framing, Ground, Judges, Moment, Name, Pick, Place, Portion,
    Quota, Role, Ruling, Server, Size, Span, Sum, Via,
};
use crate::harness::tus::Version;

/// Returns cases of at most `most` actions.
pub(crate) fn cases(
    ground: Ground,
    servers: std::ops::RangeInclusive<usize>,
    most: usize,
) -> impl Strategy<Value = Case> {
    let form = (servers, judges(), finals(), durability(), expiry(), quota());
    let form = form.prop_map(
        move |(servers, judges, finals, durability, expiry, quota)| Form {
            ground,
            servers,
            judges,
            finals,
            durability,
            expiry,
            quota,
            evicts: Evicts::Nothing,
        },
    );
    // Below the actions, so that seeds from before there was a choice keep their meaning.
    let limits = (owners(), evicts());
    let cases = (form, vec(action(ground), 1..=most), limits);
    cases.prop_map(|(form, actions, limits)| Case {
        form: dated(limited(form, limits)),
        actions,
    })
}

/// In a bucket the last activity is the last time that the state was written, whatever
/// for. The creation is in the state, which cannot be set back while servers write it:
/// they do that by themselves where they ask hooks.
fn dated(form: Form) -> Form {
    let expiry = match (form.ground, form.judges) {
        (Ground::Memory | Ground::Files | Ground::Processes, _) => form.expiry,
        (Ground::Bucket, _) if form.expiry == Expiry::Never => Expiry::Never,
        (Ground::Bucket, Judges::Absent) => Expiry::AfterCreation,
        (Ground::Bucket, Judges::Present) => Expiry::Never,
    };
    Form { expiry, ..form }
}

fn limited(form: Form, (owners, evicts): (Quota, Evicts)) -> Form {
    // Servers do not know what others have stored since they counted it.
    if form.quota == Quota::Unlimited || form.servers > 1 {
        let quota = Quota::Unlimited;
        return Form { quota, ..form };
    }
    Form {
        // Whether there is room for a final that waits is known only at its end.
        finals: Finals::OfFinished,
        quota: owners,
        evicts,
        ..form
    }
}

fn expiry() -> impl Strategy<Value = Expiry> {
    prop_oneof![
        2 => Just(Expiry::Never),
        2 => Just(Expiry::AfterLastActivity),
        1 => Just(Expiry::AfterCreation),
    ]
}

fn quota() -> impl Strategy<Value = Quota> {
    prop_oneof![2 => Just(Quota::Unlimited), 1 => Just(Quota::Total)]
}

fn owners() -> impl Strategy<Value = Quota> {
    prop_oneof![Just(Quota::Total), Just(Quota::PerOwner)]
}

fn evicts() -> impl Strategy<Value = Evicts> {
    prop_oneof![
        2 => Just(Evicts::Nothing),
        1 => Just(Evicts::Unfinished),
        1 => Just(Evicts::Finished),
    ]
}

fn finals() -> impl Strategy<Value = Finals> {
    prop_oneof![Just(Finals::OfFinished), Just(Finals::OfAny)]
}

fn judges() -> impl Strategy<Value = Judges> {
    prop_oneof![Just(Judges::Absent), Just(Judges::Present)]
}

fn durability() -> impl Strategy<Value = Durability> {
    prop_oneof![
        Just(Durability::None),
        Just(Durability::Finish),
        Just(Durability::Offset),
    ]
}

fn action(ground: Ground) -> BoxedStrategy<Action> {
    let mut actions = vec![
        (
            60,
            (via(), ask())
                .prop_map(|(via, ask)| Action::Ask(via, ask))
                .boxed(),
        ),
        (8, cut()),
        (8, hold()),
        (4, Just(Action::Release).boxed()),
        (8, [racing(), racing()].prop_map(Action::Race).boxed()),
        (3, server().prop_map(Action::Restart).boxed()),
        (
            5,
            (moment(), ruling())
                .prop_map(|(moment, ruling)| Action::Rule(moment, ruling))
                .boxed(),
        ),
    ];
    // The time is over after three and a half days.
    match ground {
        Ground::Processes | Ground::Bucket => {
            actions.push((9, kill()));
            actions.push((5, (1..5_u8).prop_map(Action::Age).boxed()));
        }
        Ground::Memory | Ground::Files => {
            actions.push((4, (0..7_u8).prop_map(Action::Clock).boxed()));
        }
    }
    if ground != Ground::Memory {
        actions.push((3, Just(Action::Sweep).boxed()));
    }
    Union::new_weighted(actions).boxed()
}

fn cut() -> BoxedStrategy<Action> {
    (via(), sending(), portion(), ending())
        .prop_map(|(via, ask, portion, ending)| Action::Cut(via, ask, portion, ending))
        .boxed()
}

fn hold() -> BoxedStrategy<Action> {
    (via(), sending(), portion())
        .prop_map(|(via, ask, portion)| Action::Hold(via, ask, portion))
        .boxed()
}

fn kill() -> BoxedStrategy<Action> {
    (via(), changing(), 0..5_000_u16)
        .prop_map(|(via, ask, after)| Action::Kill(via, ask, after))
        .boxed()
}

fn via() -> impl Strategy<Value = Via> {
    let version = prop_oneof![3 => Just(Version::Http1), 1 => Just(Version::Http2)];
    (server(), version).prop_map(|(server, version)| Via { server, version })
}

fn server() -> impl Strategy<Value = Server> {
    (0..2_u8).prop_map(Server)
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![4 => 0..2_u8, 2 => 0..8_u8].prop_map(Pick)
}

fn portion() -> impl Strategy<Value = Portion> {
    any::<u8>().prop_map(Portion)
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![Just(Ending::Fin), Just(Ending::Reset)]
}

fn moment() -> impl Strategy<Value = Moment> {
    prop_oneof![
        1 => Just(Moment::Create),
        3 => Just(Moment::Finish),
        1 => Just(Moment::Terminate),
    ]
}

fn ruling() -> impl Strategy<Value = Ruling> {
    prop_oneof![
        3 => Just(Ruling::Agree),
        1 => Just(Ruling::Refuse),
        1 => Just(Ruling::Fail),
    ]
}

fn ask() -> BoxedStrategy<Ask> {
    prop_oneof![
        6 => creation().prop_map(Ask::Create),
        9 => append().prop_map(Ask::Append),
        4 => pick().prop_map(Ask::Head),
        4 => (pick(), option::of(span())).prop_map(|(pick, span)| Ask::Get(pick, span)),
        2 => pick().prop_map(Ask::Delete),
        2 => joining(),
    ]
    .boxed()
}

/// Requests with a body.
fn sending() -> impl Strategy<Value = Ask> {
    prop_oneof![
        1 => creation().prop_map(Ask::Create),
        4 => append().prop_map(Ask::Append),
    ]
}

/// Requests that change something.
fn changing() -> impl Strategy<Value = Ask> {
    prop_oneof![
        3 => creation().prop_map(Ask::Create),
        6 => append().prop_map(Ask::Append),
        1 => pick().prop_map(Ask::Delete),
        1 => joining(),
    ]
}

/// Requests that are one step, so that two of them happen one after the other.
fn racing() -> BoxedStrategy<(Via, Ask)> {
    let creation = creation().prop_map(|creation| Creation {
        first: None,
        ..creation
    });
    let ask = prop_oneof![
        2 => creation.prop_map(Ask::Create),
        6 => append().prop_map(Ask::Append),
        2 => pick().prop_map(Ask::Head),
        1 => pick().prop_map(Ask::Delete),
    ];
    (via(), ask).boxed()
}

fn joining() -> BoxedStrategy<Ask> {
    let among = prop_oneof![
        1 => Just(Among::All),
        2 => Just(Among::Parts),
        2 => Just(Among::FinishedParts),
    ];
    (vec(pick(), 1..4), among, name())
        .prop_map(|(parts, among, name)| Ask::Join(parts, among, name))
        .boxed()
}

fn creation() -> BoxedStrategy<Creation> {
    (size(), role(), name(), option::of(chunk()))
        .prop_map(|(length, role, name, first)| Creation {
            length,
            role,
            name,
            first,
        })
        .boxed()
}

fn size() -> impl Strategy<Value = Size> {
    prop_oneof![
        20 => bytes().prop_map(Size::Known),
        8 => Just(Size::Deferred),
        1 => Just(Size::Both),
        1 => Just(Size::Neither),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Single), Just(Role::Partial)]
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        3 => Just(Name::Server),
        3 => Just(Name::New),
        1 => pick().prop_map(Name::Again),
    ]
}

fn append() -> BoxedStrategy<Append> {
    let at = prop_oneof![
        12 => Just(Place::Right),
        1 => (1..20_u8).prop_map(Place::Before),
        1 => (1..20_u8).prop_map(Place::After),
    ];
    let declared = prop_oneof![
        4 => Just(Declared::End),
        2 => any::<u8>().prop_map(Declared::Beyond),
        1 => Just(Declared::TooSmall),
    ];
    let length = option::weighted(0.2, declared);
    (pick(), at, chunk(), length)
        .prop_map(|(upload, at, chunk, length)| Append {
            upload,
            at,
            chunk,
            length,
        })
        .boxed()
}

fn chunk() -> BoxedStrategy<Chunk> {
    let amount = prop_oneof![
        6 => bytes().prop_map(Amount::Bytes),
        4 => Just(Amount::Rest),
        1 => (1..50_u8).prop_map(Amount::TooMany),
    ];
    (amount, framing(), sum(), 1..4_u8)
        .prop_map(|(bytes, framing, sum, pieces)| Chunk {
            bytes,
            framing,
            sum,
            pieces,
        })
        .boxed()
}

fn framing() -> impl Strategy<Value = Framing> {
    prop_oneof![2 => Just(Framing::Announced), 1 => Just(Framing::Chunked)]
}

fn sum() -> impl Strategy<Value = Sum> {
    let claim = || {
        prop_oneof![
            8 => Just(Claim::Right),
            2 => Just(Claim::Wrong),
            1 => Just(Claim::Unknown),
        ]
    };
    prop_oneof![
        6 => Just(Sum::Absent),
        3 => claim().prop_map(Sum::Header),
        1 => claim().prop_map(Sum::Trailer),
    ]
}

/// Sizes around those at which the code takes another way: nothing, what arrives
/// with the head, several frames, and several batches of the file store.
fn bytes() -> impl Strategy<Value = u32> {
    prop_oneof![
        2 => 0..2_u32,
        12 => 1..100_u32,
        4 => 100..20_000_u32,
        1 => 200_000..700_000_u32,
    ]
}

fn span() -> impl Strategy<Value = Span> {
    let near = || prop_oneof![4 => 0..100_u32, 1 => 0..700_000_u32];
    prop_oneof![
        near().prop_map(Span::From),
        (near(), near()).prop_map(|(one, other)| Span::Within(one.min(other), one.max(other))),
        near().prop_map(Span::Last),
    ]
}
