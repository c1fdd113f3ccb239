//! The questions that are understood, as a table of patterns in the order in which they are tried.
//!
//! A pattern is a row of words: `a|b` is either, `?a` may be missing, `...` at the end is whatever follows. It must fit all
//! that was said, so that words no pattern knows make a question unclear instead of half understood: `free beer` is nobody's
//! calendar, and `don't disconnect` fits nothing. Words stand here in the form that `words.rs` gives them, and without
//! those in [`SMALL`]; days, hours and lengths of time have been taken out where [`Of::Rest`] says so.

use super::words::Word;

/// Words that no pattern needs.
pub const SMALL: &[&str] =
    &["the", "a", "an", "there", "some", "then", "that", "of", "so", "just", "also", "again", "please", "our"];

/// Words before a day that belong to it.
pub const BEFORE_DAYS: &[&str] = &[
    "on", "for", "at", "in", "the", "of", "during", "from", "by", "this", "and", "am", "im", "-", "since", "over",
    "until",
];

/// What a pattern must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// All words, and no day among them matters.
    Whole,
    /// What is left beside days and hours, if there are any.
    Rest,
    /// What is left beside days and hours, of which there must be some.
    RestOfDays,
    /// What is left beside days, hours and a length of time, which there must be.
    RestOfLength,
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// A greeting.
    Hello,
    /// Thanks.
    Thanks,
    /// That somebody has seen it.
    Noted,
    /// An answer to a question that has buttons.
    YesOrNo,
    /// What the bot can do.
    Help,
    /// The question which account to disconnect.
    Disconnect,
    /// Connecting an account.
    Connect,
    /// The accounts.
    Accounts,
    /// Which calendars are looked at.
    Calendars,
    /// The settings.
    Settings,
    /// The working hours, which `...` names.
    WorkingHours,
    /// A time zone, which `...` names.
    TimeZone,
    /// A time zone, if `...` is a place that is known.
    Whereabouts,
    /// Free time, today unless a day is named.
    Free,
    /// Free time, in the coming seven days unless a day is named.
    FreeSoon,
    /// The calendar, today unless a day is named.
    Agenda,
    /// The calendar, in the coming seven days unless a day is named.
    AgendaSoon,
    /// One mail by its number, which `...` names.
    NumberedMail,
    /// The newest mail, to be read.
    NewestMail,
    /// The mail.
    Inbox,
}

/// The table.
pub const RULES: &[(Topic, Of, &[&str])] = &[
    (
        Topic::Hello,
        Of::Whole,
        &[
            "hi|hello|hey|hallo|hola|bonjour|ciao|moin|servus|howdy|yo|salut|hej|hiya|heya|ola ?bot|bellhop|you|all",
            "good|guten|gute|buenos|gm morning|afternoon|evening|day|morgen|dias",
            "morning|evening|gm",
            "grussgott|gruezi",
            "what up",
            "how are you ?today|doing",
        ],
    ),
    (
        Topic::Thanks,
        Of::Whole,
        &[
            "?ok|okay|great|cool|perfect|many|no thanks|thx|ty|danke|merci|gracias|cheers|grazie|tack|obrigado|tnx ?bot|bellhop|you|lot|much",
            "?ok|okay|great|cool|many thank you ?so|very ?much|bot|bellhop|lot",
            "vielen dank",
            "danke schon|sehr|dir",
        ],
    ),
    (
        Topic::Noted,
        Of::Whole,
        &[
            "ok|okay|k|great|cool|perfect|nice|good|fine|alright|super|awesome|wonderful|understood ?ok|okay|good|bot|bellhop",
            "all right|good|clear",
            "got it",
            "alles klar",
        ],
    ),
    (Topic::YesOrNo, Of::Whole, &["yes|yeah|yep|yup|no|nope|nah|ja|nein|si|oui|non ?yes|no"]),
    (
        Topic::Help,
        Of::Whole,
        &[
            "help ?me|out",
            "help me out",
            "i need help",
            "commands|menu|manual|instructions",
            "what can|do you do",
            "what can i ask|do|say|type ?you|here",
            "who|what are you",
            "how do|does this|it|you work",
            "how do i use this|you|it|bot",
            "how does this bot work",
            "was kannst du",
        ],
    ),
    (
        Topic::Disconnect,
        Of::Whole,
        &[
            "disconnect|unlink ?me|my|this|all|from ?google|gmail|mail|calendar ?account|accounts",
            "remove|delete|unlink|revoke ?my|this ?google|gmail|mail account|accounts|access",
            "how do|can i disconnect|unlink ?my|this ?google|gmail|mail ?account|accounts",
            "how do|can i remove|delete ?my|this ?google|gmail|mail account|accounts",
            "log|sign ?me out",
            "logout|signout",
        ],
    ),
    (
        Topic::Connect,
        Of::Whole,
        &[
            "connect|reconnect|link ?my|another|new|to|with ?google|gmail|mail ?account|calendar|inbox",
            "connect my google|gmail ?mail|account ?and ?calendar",
            "add ?my|another|new ?google|gmail|mail account|calendar|inbox",
            "how do|can i connect|add|link ?my|another|new ?google|gmail|mail ?account|calendar|inbox",
            "log|sign ?me in",
            "login|signin|signup",
        ],
    ),
    (
        Topic::Accounts,
        Of::Whole,
        &[
            "?my|all|connected accounts",
            "?my account",
            "which|what accounts ?are|do|have ?you|i ?have ?connected",
            "what is connected",
            "what connected",
            "how many accounts ?do|are|have ?i ?have ?connected",
        ],
    ),
    (
        Topic::Calendars,
        Of::Whole,
        &[
            "?my|all calendars",
            "which|what calendars ?are|do|have|can ?you|i ?see|have|use|used|looked|checked|show ?at",
            "choose|change|pick|select|switch|edit|hide|add ?my|which calendars|calendar",
        ],
    ),
    (
        Topic::Settings,
        Of::Whole,
        &[
            "?my settings|options|configuration|config",
            "change|edit|set|configure ?my settings|options|configuration",
            "?change|edit|set ?my working hours",
            "what are my settings|options",
            "what are my working hours",
        ],
    ),
    (Topic::WorkingHours, Of::Whole, &["?change|edit|set|update|make ?my working hours ?are|is|to|from ..."]),
    (
        Topic::TimeZone,
        Of::Whole,
        &[
            "?change|set|update|switch|what|which ?is|are ?my timezone ?to|is|in|for ...",
            "?change|set|update|switch|what|which ?is|are ?my time zone ?to|is|in|for ...",
            "?what timezone|time zone am i ?in ...",
            "what timezone am i ?in",
            "what time is it ?now",
            "what time zone am i ?in",
        ],
    ),
    (
        Topic::Whereabouts,
        Of::Whole,
        &[
            "im|i ?am|live|moved|flew|travelled|traveled|arrived|landed|work ?now|currently|based|back|here|living|staying ?now in|to|at ...",
            "ich bin|wohne|lebe ?jetzt in ...",
        ],
    ),
    (
        Topic::Free,
        Of::Rest,
        &[
            "?so am|are|is i|we|it|my ?still|all free|available|busy|open ?for|to ?meetings|call|coffee|dinner|meet|talk|chat|drinks",
            "free|available|busy",
            "i|we free|available",
            "how busy|free am|are i|we",
            "?do|have ?i|we have|got ?any ?free time|zeit",
            "have i|we ?any free time",
            "bin ich ?am free",
            "habe|hab ich ?am time|zeit",
        ],
    ),
    (
        Topic::Free,
        Of::RestOfDays,
        &[
            "can|could|should i|we meet|talk|call|fit",
            "any time ?for ?meetings|call|coffee|dinner|talk",
            "is|are ?my ?day free|busy|open|available",
            "is free|available ?for ?meetings|call",
            "free|zeit am",
        ],
    ),
    (
        Topic::FreeSoon,
        Of::RestOfLength,
        &[
            "find|suggest ?me|us ?for ?meetings|call|coffee|work",
            "i|we need|want ?for ?meetings|call|coffee|work",
            "when do|have i|we ?have|got",
        ],
    ),
    (
        Topic::FreeSoon,
        Of::Rest,
        &[
            "?any|my|all|find|get|suggest|search|give|next ?me|for ?any ?free|open|available slot|slots|gap|gaps|opening|openings",
            "?any|my|find|get|suggest|search|all|next ?me|for ?any free|open|available time|times|hours|window|windows",
            "find|get|search|suggest ?me free",
            "find|suggest ?me time|times ?for|to ?meetings|call|coffee|meet|talk",
            "when am|are|is i|we free|available|open ?for|to ?meetings|call|coffee|meet|talk",
            "when can|could|should i|we meet|talk|call|fit",
            "when do|have i|we ?have|got ?any ?free time|slot|slots|gap",
            "do|have i|we have|got ?any ?free|open slot|slots|gap|gaps|opening|openings",
            "are|is any ?free|open|available slot|slots|gap|gaps|opening|openings|time|times",
            "what|which times|time|slots|hours ?am|are ?i|we free|available|open",
            "i|we need|want ?free|open slot|gap|time|slots",
            "where are|is my ?free|open gap|gaps|slot|slots",
            "wann bin ich ?am free",
            "wann habe|hab ich ?am time|zeit",
        ],
    ),
    (
        Topic::Agenda,
        Of::Rest,
        &[
            "?what|how ?is|are ?on|in|about ?my|to ?whole agenda|calendar|schedule|day|program|programme|itinerary ?look ?like",
            "what on|planned|scheduled|happening ?my|for ?agenda|calendar|schedule|plate|me|us",
            "what is on|planned|scheduled|happening ?in|on ?my|for ?agenda|calendar|schedule|plate|me|us",
            "what happens|happening",
            "who am|are i|we meetings|seeing",
            "what do i|we have ?got ?on|planned|scheduled|going|coming|to|lined|up ?on|do|up|in ?my ?calendar|agenda",
            "what have i|we ?got ?on|planned|scheduled|lined ?up|on",
            "what am|are i|we doing|up ?to",
            "?what|show ?are|is ?my|all|any meetings ?do|have ?i ?have ?got ?on ?my ?calendar|agenda",
            "what meetings do|have i|we have|got|scheduled ?planned|scheduled",
            "do|have i|we have|got ?any|anything|something meetings|on|planned|scheduled|happening ?on|in|scheduled|planned ?my ?calendar|agenda",
            "?do|have ?i|we have|got anything|something",
            "?is|are any|anything|something on|planned|scheduled|happening|meetings ?in|on|scheduled|planned ?my ?calendar|agenda",
            "how many meetings ?do|have ?i|we ?have|got",
            "when|where is|are ?my meetings",
            "how does|is|do ?my day|agenda|calendar|schedule ?look|looking ?like",
            "what does my day|agenda|calendar|schedule look like",
            "was steht|habe|hab|ist|liegt|mache ?ich ?am ?los|before",
            "wie ist|sieht mein day ?aus",
            "habe|hab ich ?am meetings",
            "?meine meetings",
        ],
    ),
    (
        Topic::Agenda,
        Of::RestOfDays,
        &[
            "?my|what|whole|all|next",
            "?what|how is|about|up|on ?my|with",
            "what was|were ?on|planned|scheduled ?in ?my ?calendar|agenda",
            "what did i|we have|do ?on",
            "what up|coming|going|doing|on ?on|up|for ?for ?me",
            "how ?does|is ?my look|looking ?like",
            "what does ?my look like",
            "what do|have i|we ?have|do",
            "anything ?on|happening|planned|scheduled",
            "is|are anything|something ?on|planned",
            "was",
            "wie sieht|ist ?meine|mein ?aus",
        ],
    ),
    (
        Topic::AgendaSoon,
        Of::Rest,
        &[
            "?when|what|where|who ?is|are ?my next|first|upcoming meetings ?with",
            "what time is|are ?my next|first meetings",
            "what ?is next|upcoming|coming ?up|next ?on|in ?my ?calendar|agenda",
            "when do i have ?my ?next meetings",
        ],
    ),
    (Topic::NumberedMail, Of::Whole, &["mail ?number|no|nr ...", "number|nr ..."]),
    (
        Topic::NewestMail,
        Of::Whole,
        &["read|open ?me ?my last|latest|newest|first mail", "read|open ?me ?my most recent mail"],
    ),
    (
        Topic::Inbox,
        Of::Whole,
        &[
            "?any|my|all unread ?ones|only|stuff",
            "how many unread ?mail ?do|have|are ?i|we ?have|got ?in ?my ?inbox",
            "how many ?new mail ?do|have|are|did ?i|we ?have|got|get ?in ?my ?inbox",
            "?is|are|do|have|did|got ?i|we ?have|got|get ?any|my|all ?new|unread|latest|recent|last|other|more ?unread mail|inbox|post|gmail ?for ?me",
            "?any|new|latest|unread|my new|unread|latest|recent|mail|inbox mail|inbox|first",
            "anything|something new|unread ?in ?my ?inbox|mail",
            "what is|are new ?in ?my ?inbox|mail",
            "what ?is in my inbox|mail",
            "what new ?in ?my ?inbox|mail",
            "what my|are ?latest|newest|new|unread mail",
            "you have|got mail",
            "any news",
            "habe|hab ich ?neue mail|post",
            "neue mail|post",
        ],
    ),
];

/// Whether a pattern fits all of these words; what `...` stood for, if it has one.
pub fn fits<'a>(pattern: &str, words: &'a [Word]) -> Option<&'a [Word]> {
    let Some((element, rest)) = pattern.split_once(' ').or((!pattern.is_empty()).then_some((pattern, ""))) else {
        return words.is_empty().then_some(words);
    };
    if element == "..." {
        return Some(words);
    }
    let (element, optional) = element.strip_prefix('?').map_or((element, false), |element| (element, true));
    if let Some((word, others)) = words.split_first()
        && element.split('|').any(|choice| choice == word.plain)
        && let Some(found) = fits(rest, others)
    {
        return Some(found);
    }
    if optional { fits(rest, words) } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::vocabulary::ALSO;
    use super::super::words::words;
    use super::*;

    #[test]
    fn a_pattern_fits_all_or_nothing() {
        let fits = |pattern, text| {
            let words = words(text).unwrap();
            fits(pattern, &words).map(|rest| rest.iter().map(|word| word.plain.clone()).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(fits("am i free", "am i free").as_deref(), Some(""));
        assert_eq!(fits("am i free", "am i free beer"), None);
        assert_eq!(fits("am i ?still free|busy", "am i busy").as_deref(), Some(""));
        assert_eq!(fits("am i ?still free|busy", "am i still free").as_deref(), Some(""));
        assert_eq!(fits("zone ...", "zone asia/tokyo now").as_deref(), Some("asia/tokyo now"));
        assert_eq!(fits("a|b", ""), None);
    }

    #[test]
    fn no_pattern_waits_for_a_word_that_never_comes() {
        for pattern in RULES.iter().flat_map(|(_, _, patterns)| *patterns) {
            for word in pattern.split([' ', '|']).map(|word| word.trim_start_matches('?')).filter(|word| *word != "...")
            {
                assert!(!SMALL.contains(&word) || word == "so", "{word} in {pattern}");
                let other = ALSO.iter().find(|(other, _)| *other == word);
                assert!(other.is_none(), "{word} in {pattern} is always {other:?}");
            }
        }
    }
}
