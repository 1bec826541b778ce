import Platform

/// The keys of a scenario.
enum ScenarioKey: String, CaseIterable {
    case name, title, tags, profiles, variables, checks

    /// Whether a scenario has to have it.
    var isRequired: Bool { self == .name || self == .checks }

    /// What it means.
    var summary: String {
        switch self {
        case .name: "The step, unique in a run, such as `10-dns`."
        case .title: "What the step is about; the name when it is missing."
        case .tags: "Tags that all checks of the file get."
        case .profiles:
            "The profiles that it belongs to, such as `[classic]`; all when it is missing. The profile of a run is "
                + "chosen with `--profile`, else by what is installed."
        case .variables: "Values by names, which `--var`, `--vars` and the environment can change."
        case .checks: "The checks, in the order of the report."
        }
    }

    /// The type for people.
    var type: String {
        switch self {
        case .name, .title: "text"
        case .tags, .profiles: "list of texts"
        case .variables: "mapping of names to values"
        case .checks: "list of checks"
        }
    }
}

/// The keys of a check, beside the kind of its subject.
enum CheckKey: String, CaseIterable {
    case id, title, expect, needs, after, when, eventually, timeout, tags, severity
    case runAs = "run-as"
    case capture
    case forEach = "for-each"

    /// Whether a check has to have it.
    var isRequired: Bool { self == .id || self == .title || self == .expect }

    /// What it means.
    var summary: String {
        switch self {
        case .id: "A name that never changes, unique in a run, such as `dns.pilot.short`."
        case .title: "Why the check exists, in one line. Variables can be used."
        case .expect: "What is expected: attributes of the subject, each with a value or with matchers. Not empty."
        case .needs: "Ids of checks: when one of them fails, this one is skipped, and the report says why."
        case .after: "Ids of checks that this one waits for, whatever their outcome."
        case .when: "Facts of the host without which the check makes no sense; it is skipped then."
        case .eventually:
            "`{within: 10s, every: 1s}`: look again until it passes or the time is over. The pauses begin with `every` "
                + "and grow by half each, up to ten times as much."
        case .timeout: "The time limit of one look; \(GoDuration(Check.defaultTimeout)) when it is missing."
        case .tags: "Tags to select checks by."
        case .severity: "`error`, `warning` (does not fail the run) or `info`."
        case .runAs: "The user to look as, such as `nobody`; needs root. Variables can be used."
        case .capture:
            "Values for other checks: `{pilot.pod: \"json.hosts[0].ip_address\"}`, or `{from: body, matches: 'id=(\\d+)'}` "
                + "for the first group of a regular expression. A check that uses one has to need this one."
        case .forEach:
            "A list: one check for each item, with the item as `${item}` and in brackets behind the id. Without items "
                + "the check is skipped."
        }
    }

    /// The type for people.
    var type: String {
        switch self {
        case .id, .title, .runAs: "text"
        case .expect: "mapping of attributes to values or matchers"
        case .needs, .after, .tags: "list of texts"
        case .when: "mapping of conditions"
        case .eventually: "mapping"
        case .timeout: "duration"
        case .severity: "`error`, `warning`, `info`"
        case .capture: "mapping of names to paths"
        case .forEach: "list"
        }
    }

    /// What holds when it is missing.
    var fallback: String {
        switch self {
        case .timeout: "`\(GoDuration(Check.defaultTimeout))`"
        case .severity: "`error`"
        default: ""
        }
    }
}

/// The keys of `eventually`.
enum EventuallyKey: String, CaseIterable {
    case within, every
}

/// The keys of a capture that is a mapping.
enum CaptureKey: String, CaseIterable {
    case from, matches
}
