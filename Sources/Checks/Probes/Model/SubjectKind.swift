/// One kind of subject that a check can look at: what identifies it, and what can be read of it.
///
/// The scenario loader, the schema and the documentation are made from this declaration.
public struct SubjectKind: Sendable {
    /// What selects the subject or says how to look at it.
    public struct Parameter: Sendable {
        /// The key in the scenario.
        public var name: String
        /// The type.
        public var type: ValueType
        /// One line for people, with the unit.
        public var summary: String
        /// Whether a scenario must give it.
        public var isRequired: Bool
        /// The allowed words, when only some are.
        public var choices: [String]
        /// What it has to look like, beyond its type.
        public var form: ParameterForm?

        /// Creates a parameter.
        public init(
            _ name: String, _ type: ValueType, _ summary: String, isRequired: Bool = false, choices: [String] = [],
            form: ParameterForm? = nil
        ) {
            self.name = name
            self.type = type
            self.summary = summary
            self.isRequired = isRequired
            self.choices = choices
            self.form = form
        }
    }

    /// Something that can be expected of the subject.
    public struct Attribute: Sendable {
        /// The key below `expect`.
        public var name: String
        /// The type.
        public var type: ValueType
        /// One line for people, with the unit.
        public var summary: String
        /// Whether the keys of a map are in lower case and mean the same in any: a scenario may write them as it likes.
        public var foldsKeys: Bool

        /// Creates an attribute.
        public init(_ name: String, _ type: ValueType, _ summary: String, foldsKeys: Bool = false) {
            self.name = name
            self.type = type
            self.summary = summary
            self.foldsKeys = foldsKeys
        }
    }

    /// The key in the scenario, such as `process`.
    public var name: String
    /// One line for people.
    public var summary: String
    /// The parameter that a bare text means (`file: /etc/certs/key.pem`).
    public var mainParameter: String
    /// The parameters.
    public var parameters: [Parameter]
    /// The attributes.
    public var attributes: [Attribute]

    /// Creates a kind.
    public init(
        _ name: String, _ summary: String, mainParameter: String, parameters: [Parameter], attributes: [Attribute]
    ) {
        self.name = name
        self.summary = summary
        self.mainParameter = mainParameter
        self.parameters = parameters
        self.attributes = attributes
    }
}

/// What a parameter has to look like beyond its type, so that a mistake is found before anything is looked at.
///
/// A probe follows the same rule when it reads the parameter, since its value may come from a variable.
public struct ParameterForm: Sendable {
    /// The parameter by which a value is handed to the rule.
    package static let name = "value"
    private let check: @Sendable (ProbeRequest) throws(ProbeError) -> Void

    /// Creates a form from a rule that reads parameter ``name`` of a request.
    package init(_ check: @escaping @Sendable (ProbeRequest) throws(ProbeError) -> Void) { self.check = check }

    /// What is wrong with a value that has the parameter's type; nil when it is well formed.
    public func fault(of value: Value) -> ProbeError? {
        do throws(ProbeError) {
            try check(ProbeRequest(parameters: [Self.name: value], attributes: [], deadline: .now))
            return nil
        } catch {
            return error
        }
    }

    /// A port, 1 to 65535.
    public static let port = ParameterForm { request throws(ProbeError) in _ = try request.port(name) }
    /// An absolute path.
    public static let path = ParameterForm { request throws(ProbeError) in _ = try request.requiredPath(name) }
}
