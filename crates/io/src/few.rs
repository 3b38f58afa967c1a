/// A list that mostly has one entry, or none. Only one with more takes memory beside itself.
#[derive(Debug, Default)]
pub(crate) enum Few<T> {
    #[default]
    None,
    One(T),
    Several(Vec<T>),
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, new: T) {
        *self = match core::mem::take(self) {
            Few::None => Few::One(new),
            Few::One(first) => Few::Several(vec![first, new]),
            Few::Several(mut all) => {
                all.push(new);
                Few::Several(all)
            }
        };
    }

    /// Removes the first that `is_it` finds.
    pub(crate) fn remove(&mut self, is_it: impl Fn(&T) -> bool) {
        match self {
            Few::None => {}
            Few::One(one) if is_it(one) => *self = Few::None,
            Few::One(_) => {}
            Few::Several(all) => {
                if let Some(at) = all.iter().position(is_it) {
                    all.swap_remove(at);
                }
                if all.len() < 2 {
                    *self = all.pop().map_or(Few::None, Few::One);
                }
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    pub(crate) fn iter(&self) -> core::slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    fn as_slice(&self) -> &[T] {
        match self {
            Few::None => &[],
            Few::One(one) => core::slice::from_ref(one),
            Few::Several(all) => all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Few;

    #[test]
    fn it_is_a_list_and_takes_no_memory_for_one() {
        let mut few = Few::default();
        assert!(few.is_empty());
        for i in 0..4 {
            few.push(i);
        }
        few.remove(|i| *i == 1);
        few.remove(|i| *i == 7);
        let mut left: Vec<i32> = few.iter().copied().collect();
        left.sort_unstable();
        assert_eq!(left, [0, 2, 3]);
        few.remove(|i| *i == 0);
        few.remove(|i| *i == 2);
        assert!(matches!(few, Few::One(3)), "{few:?}");
        few.remove(|i| *i == 3);
        assert!(matches!(few, Few::None), "{few:?}");
    }
}
