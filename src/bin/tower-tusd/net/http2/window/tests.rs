use super::*;
use tokio::time::advance;

fn windows() -> (Windows, Bodies) {
    (Windows::new(WindowBudget::default()), Bodies::default())
}

/// The windows of a stream and of the connection that fit now.
fn adapted(windows: &mut Windows, bodies: &Bodies) -> (u32, u32) {
    let wanted = windows.wanted(bodies);
    windows.told.connection = wanted.connection;
    windows.tell(wanted.stream);
    (windows.told.stream, windows.told.connection)
}

/// One body of which much has been read.
fn read_much(bodies: &Bodies) {
    bodies.change(|count| {
        count.reading = 1;
        count.read = 1 << 20;
    });
}

const SMALL: (u32, u32) = (STREAM, CONNECTION);

#[tokio::test(start_paused = true)]
async fn a_connection_has_a_large_window_while_its_bodies_are_read() {
    let (mut windows, bodies) = windows();
    assert_eq!(adapted(&mut windows, &bodies), SMALL);
    bodies.change(|count| count.reading = 1);
    assert_eq!(
        adapted(&mut windows, &bodies),
        SMALL,
        "it may be a small one"
    );
    read_much(&bodies);
    assert_eq!(adapted(&mut windows, &bodies), (4 << 20, 4 << 20));
    bodies.change(|count| count.reading = 0);
    assert_eq!(adapted(&mut windows, &bodies), (4 << 20, 4 << 20));
    windows.due(&bodies).await;
    windows.due(&bodies).await;
    assert_eq!(adapted(&mut windows, &bodies), SMALL, "no request follows");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_body_shrinks_windows_and_delays_no_other() {
    let (mut windows, bodies) = windows();
    read_much(&bodies);
    adapted(&mut windows, &bodies);
    bodies.change(|count| count.unread = 2);
    let held = 2 * (4 << 20);
    assert_eq!(adapted(&mut windows, &bodies), (4 << 20, (4 << 20) + held));
    advance(WAIT).await;
    assert_eq!(adapted(&mut windows, &bodies), (STREAM, CONNECTION + held));
    bodies.change(|count| count.unread = 3);
    let held = held + (4 << 20);
    let small = adapted(&mut windows, &bodies);
    assert_eq!(
        small,
        (STREAM, CONNECTION + held),
        "the client may not know yet"
    );
    advance(LATE).await;
    bodies.change(|count| count.unread = 4);
    let held = held + STREAM;
    assert_eq!(adapted(&mut windows, &bodies), (STREAM, CONNECTION + held));
    bodies.change(|count| count.unread = 0);
    assert_eq!(adapted(&mut windows, &bodies), (4 << 20, 4 << 20));
}

#[tokio::test(start_paused = true)]
async fn all_connections_together_keep_to_the_budget() {
    let budget = WindowBudget::default();
    let bodies = Bodies::default();
    read_much(&bodies);
    let mut all: Vec<_> = (0..100).map(|_| Windows::new(budget.clone())).collect();
    let mut sum = 0;
    for windows in &mut all {
        sum += adapted(windows, &bodies).1 as usize;
    }
    assert!(sum <= BUDGET + 100 * CONNECTION as usize, "{sum}");
    bodies.change(|count| count.unread = 250);
    assert_eq!(adapted(&mut all[99], &bodies), SMALL, "nothing is left");
    all.truncate(1);
    let (_, connection) = adapted(&mut all[0], &bodies);
    assert!(
        connection as usize <= BUDGET + CONNECTION as usize,
        "{connection}"
    );
}
