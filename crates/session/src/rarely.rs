/// A part of a session that most sessions never have. Where it is not there, it takes a pointer's room: what an idle
/// session takes is counted in bytes.
#[derive(Debug)]
pub(crate) struct Rarely<T>(Option<Box<T>>);

impl<T> Default for Rarely<T> {
    fn default() -> Self {
        Rarely(None)
    }
}

impl<T: Default> Rarely<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// The part, made empty where it was not there.
    pub(crate) fn make(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }

    /// Takes the part away; an empty one where it was not there.
    pub(crate) fn take(&mut self) -> T {
        self.0.take().map(|part| *part).unwrap_or_default()
    }

    /// Gives its memory back.
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }
}

impl<E> Rarely<Vec<E>> {
    /// What is in the list, if it is there.
    pub(crate) fn as_slice(&self) -> &[E] {
        self.0.as_ref().map(|list| list.as_slice()).unwrap_or_default()
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [E] {
        self.0.as_mut().map(|list| list.as_mut_slice()).unwrap_or_default()
    }
}
