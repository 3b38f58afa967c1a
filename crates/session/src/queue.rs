use std::collections::VecDeque;

/// Places that a queue at rest may keep: those of a usual batch.
pub(crate) const KEPT: usize = 8;

/// Places of a queue that a pipeline has filled for the first time. Growing there by doubling would copy it again and
/// again, in each pipeline anew, since a queue at rest does not keep so many.
const OF_PIPELINE: usize = 64;

/// Puts one behind the others.
#[inline]
pub(crate) fn push<T>(queue: &mut VecDeque<T>, one: T) {
    if queue.len() == queue.capacity() {
        grow(queue);
    }
    queue.push_back(one);
}

#[cold]
fn grow<T>(queue: &mut VecDeque<T>) {
    let places = match queue.capacity() {
        0 => 1,
        1..KEPT => KEPT,
        KEPT..OF_PIPELINE => OF_PIPELINE,
        many => 2 * many,
    };
    queue.reserve_exact(places - queue.len());
}

/// Takes the first one. What a queue has taken for many is given back when it is empty, so that a session at rest holds
/// little.
#[inline]
pub(crate) fn pop<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let first = queue.pop_front();
    if queue.is_empty() && queue.capacity() > KEPT {
        *queue = VecDeque::new();
    }
    first
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::{KEPT, OF_PIPELINE, pop, push};

    #[test]
    fn a_queue_at_rest_keeps_no_room_for_many() {
        let mut queue = VecDeque::new();
        for count in [1, 3 * KEPT, 100 * KEPT] {
            (0..count).for_each(|one| push(&mut queue, one));
            assert!(queue.capacity() <= 2 * count.max(OF_PIPELINE), "{count} take {}", queue.capacity());
            (0..count).for_each(|one| assert_eq!(pop(&mut queue), Some(one)));
            assert!(queue.capacity() <= count.min(KEPT), "{count} leave {}", queue.capacity());
        }
        assert_eq!(pop(&mut queue), None);
    }
}
