//! The critical path of a trace: the operations that its duration consists of.

use super::Span;

/// The time of each span on the critical path, in nanoseconds; their sum is the duration of the root.
///
/// Backwards from its end, a span waits for the child that ended last, then for the one that ended last before that one began,
/// and so on; what is left is its own time. A child that ended a little later, of which more than half lies before, is waited for until
/// then: clocks of hosts differ. Children that run beside those on the path cost nothing.
///
/// `children` are those of each span. What lies outside of the parent is left out, since nobody waits for it.
pub(super) fn critical_path(spans: &[&Span], children: &[Vec<usize>], root: usize) -> Vec<(usize, u64)> {
    let mut found = Vec::new();
    let Some(span) = spans.get(root) else { return found };
    // A span, and the time in which it is waited for.
    let mut open = vec![(root, span.start, span.end.max(span.start))];
    let mut ordered = Vec::new();
    while let Some((at, start, end)) = open.pop() {
        ordered.clear();
        for &child in children.get(at).map_or(&[][..], Vec::as_slice) {
            let Some(span) = spans.get(child) else { continue };
            let (from, to) = (span.start.max(start), span.end.min(end));
            if from < to {
                ordered.push((to, from, child));
            }
        }
        ordered.sort_unstable();
        let (mut cursor, mut own) = (end, 0);
        for &(to, from, child) in ordered.iter().rev() {
            let is_before = to <= cursor || (from < cursor && cursor - from > to - cursor);
            if is_before {
                let to = to.min(cursor);
                own += cursor - to;
                open.push((child, from, to));
                cursor = from;
            }
        }
        found.push((at, own + (cursor - start)));
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::traces::{Operation, Span, Traces};
    use proptest::prelude::*;

    fn span(id: u64, parent: Option<u64>, start: u64, end: u64) -> Span {
        let operation = Operation { service: format!("s{id}"), name: String::new() };
        Span {
            trace: 1,
            id,
            parent,
            operation,
            start,
            end,
            failed: false,
            attributes: std::collections::BTreeMap::new(),
        }
    }

    #[track_caller]
    fn check(spans: &[Span], expected: &[(u64, u64)]) {
        let traces = Traces::of(spans);
        let times: Vec<(String, u64)> =
            traces.times(0).map(|(operation, nanos)| (operation.service.clone(), nanos)).collect();
        let expected: Vec<(String, u64)> =
            expected.iter().map(|(id, nanos)| (format!("s{id}"), *nanos)).collect();
        assert_eq!(times, expected);
    }

    #[test]
    fn children_one_after_the_other() {
        check(
            &[span(1, None, 0, 100), span(2, Some(1), 10, 40), span(3, Some(1), 50, 90)],
            &[(1, 30), (2, 30), (3, 40)],
        );
    }

    #[test]
    fn children_at_the_same_time() {
        // The shorter one is never waited for; and of two, the later one began before the earlier one was half done.
        check(
            &[span(1, None, 0, 100), span(2, Some(1), 10, 90), span(3, Some(1), 10, 60)],
            &[(1, 20), (2, 80)],
        );
        check(
            &[span(1, None, 0, 100), span(2, Some(1), 10, 70), span(3, Some(1), 40, 90)],
            &[(1, 50), (3, 50)],
        );
        // Most of it lies before the other began.
        check(
            &[span(1, None, 0, 100), span(2, Some(1), 10, 50), span(3, Some(1), 49, 90)],
            &[(1, 20), (2, 39), (3, 41)],
        );
    }

    #[test]
    fn what_goes_on_after_the_parent_is_not_waited_for() {
        check(
            &[span(1, None, 0, 100), span(2, Some(1), 80, 300), span(3, Some(2), 90, 95)],
            &[(1, 80), (2, 15), (3, 5)],
        );
        // A clock that is ahead: a child that begins before its parent.
        check(&[span(1, None, 50, 100), span(2, Some(1), 0, 70)], &[(1, 30), (2, 20)]);
    }

    #[test]
    fn traces_that_are_broken() {
        // Its own parent, parents in a circle, ends before it begins.
        let traces =
            [span(1, Some(1), 0, 10), span(2, Some(3), 0, 5), span(3, Some(2), 0, 5), span(4, Some(1), 9, 3)];
        let found = Traces::of(&traces);
        assert_eq!((found.len(), found.orphans()), (1, 2));
        check(&traces, &[(1, 10)]);
        assert!(Traces::of(&[]).is_empty());
        // Only a circle: no request.
        assert_eq!(Traces::of(traces.get(1..3).unwrap()).orphans(), 2);
    }

    proptest! {
        #[test]
        fn the_path_is_as_long_as_the_request(
            spans in prop::collection::vec((0_u64..12, 0_u64..1_000, 0_u64..1_000), 1..40),
        ) {
            let spans: Vec<Span> = (1..)
                .zip(&spans)
                .map(|(id, (parent, start, length))| span(id, (*parent > 0 && *parent != id).then_some(*parent), *start, start + length))
                .collect();
            let traces = Traces::of(&spans);
            for (request, duration) in traces.durations().enumerate() {
                prop_assert_eq!(traces.times(request).map(|(_, nanos)| nanos).sum::<u64>(), duration);
            }
        }
    }
}
