//! Where somebody is in a mail, as the number that a button carries.

use crate::letter::pages::Quotes;

const PAGE_BITS: u32 = 9;
const QUOTES_BIT: u32 = 1;

/// Where somebody is in a mail, and where they came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which page of the mail, from 0; at most 255.
    pub page: usize,
    /// Whether they have asked for what has been said before.
    pub quotes: Quotes,
    /// The page of the inbox to go back to; none where the list stays above.
    pub inbox_page: Option<u32>,
}

impl Place {
    /// The beginning of a mail.
    #[must_use]
    pub fn beginning(inbox_page: Option<u32>) -> Self {
        Self { page: 0, quotes: Quotes::Folded, inbox_page }
    }

    /// As a button carries it.
    #[must_use]
    pub fn number(self) -> u32 {
        let page = u32::try_from(self.page.min(255)).unwrap_or(0);
        let quotes = if self.quotes == Quotes::Shown { QUOTES_BIT } else { 0 };
        let back = self.inbox_page.map_or(0, |page| page.saturating_add(1).min(u32::MAX >> PAGE_BITS));
        back << PAGE_BITS | page << 1 | quotes
    }

    /// From what a button carried.
    #[must_use]
    pub fn of(number: u32) -> Self {
        Self {
            page: usize::try_from(number >> 1 & 255).unwrap_or(0),
            quotes: if number & QUOTES_BIT == 0 { Quotes::Folded } else { Quotes::Shown },
            inbox_page: (number >> PAGE_BITS).checked_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_comes_back_as_it_was(page in 0_usize..256, shown: bool, inbox_page in prop::option::of(0_u32..4_000_000)) {
            let place = Place { page, quotes: if shown { Quotes::Shown } else { Quotes::Folded }, inbox_page };
            prop_assert_eq!(Place::of(place.number()), place);
        }

        #[test]
        fn any_number_is_some_place(number: u32) {
            prop_assert_eq!(Place::of(number).number(), number);
        }
    }
}
