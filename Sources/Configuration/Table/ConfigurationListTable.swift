import MailBytes
import MailNames

/// A table that the file may have several times: `[[destination]]`.
struct ConfigurationListTable: Sendable {
    let name: String
    let sentence: String
    /// Their paths have the table's name in front. They set what `finish` takes away.
    let keys: [ConfigurationKey]
    /// Takes one of the tables in when all its keys were set.
    let finish: @Sendable (inout MartletConfiguration) -> ValueProblem?

    func key(_ name: String) -> ConfigurationKey? { keys.first { $0.name == name } }
}

extension ConfigurationTable {
    /// The tables that may stand several times.
    static let listTables: [ConfigurationListTable] = [destinationTable, egressTable]

    private static let destinationTable = ConfigurationListTable(
        name: "destination",
        sentence:
            "How mail for some domains leaves, where that is otherwise than for all. May stand several times; the exact domain goes "
            + "before a pattern, the longer pattern before the shorter.",
        keys: [
            ConfigurationKey(
                "destination.domains",
                \.destination.domains,
                .list(of: .domainPattern),
                "Which domains it is about.",
                example: "[\"example.org\", \"*.example.net\"]"
            ),
            ConfigurationKey(
                "destination.host",
                \.destination.host,
                .optional(.smartHost),
                "The host that takes their mail, instead of those that DNS names.",
                example: "\"relay.example.net:587\""
            ),
            ConfigurationKey(
                "destination.connections",
                \.destination.connections,
                .optional(.count(1...1000)),
                "Connections for one of these domains, or for the host.",
                example: "2"
            ),
            ConfigurationKey(
                "destination.interval",
                \.destination.interval,
                .optional(.duration(.zero ... .seconds(3600))),
                "The least time between two messages for one of these domains, or for the host.",
                example: "\"500ms\""
            ),
            ConfigurationKey(
                "destination.security",
                \.destination.security,
                .optional(.choice()),
                "TLS, as outbound.security has it.",
                example: "\"required\""
            ),
            ConfigurationKey(
                "destination.egress",
                \.destination.egress,
                .optional(.word),
                "The pool of addresses that connections go out from, by its name.",
                example: "\"newsletters\""
            ),
        ],
        finish: { configuration in
            let read = configuration.destination
            configuration.destination = DestinationOptions()
            guard !read.domains.isEmpty else { return ValueProblem("domains has to say which domains it is about") }
            configuration.destinations.append(read)
            return nil
        }
    )

    private static let egressTable = ConfigurationListTable(
        name: "egress",
        sentence: "A pool of this machine's addresses that connections go out from. May stand several times.",
        keys: [
            ConfigurationKey(
                "egress.name",
                \.egress.name,
                .optional(.word),
                "What destinations call it.",
                example: "\"newsletters\""
            ),
            ConfigurationKey(
                "egress.addresses",
                \.egress.addresses,
                .list(of: .ipAddress),
                "The addresses; of each connection those of its own family, IPv4 or IPv6, are taken.",
                example: "[\"192.0.2.10\", \"192.0.2.11\", \"2001:db8::10\"]"
            ),
            ConfigurationKey(
                "egress.weights",
                \.egress.weights,
                .list(of: .count(1...1000)),
                "The share of each address, in their order; equal ones when left out.",
                example: "[3, 1, 1]"
            ),
        ],
        finish: { configuration in
            let read = configuration.egress
            configuration.egress = EgressOptions()
            guard let name = read.name else { return ValueProblem("name has to say what it is called") }
            guard !read.addresses.isEmpty else { return ValueProblem("addresses has to have one at least") }
            guard read.weights.isEmpty || read.weights.count == read.addresses.count else {
                return ValueProblem("weights has to have as many numbers as there are addresses")
            }
            guard !configuration.egressPools.contains(where: { $0.name == name }) else {
                return ValueProblem("another pool is called \(name) too")
            }
            configuration.egressPools.append(read)
            return nil
        }
    )
}

extension ValueForm where Value == DomainPattern {
    static let domainPattern = ValueForm.text(
        "a domain such as \"example.org\", \"*.example.org\" for those under it, or \"*\" for all"
    )
}

extension ValueForm where Value == IPAddress {
    static let ipAddress = ValueForm.text("an address such as \"192.0.2.1\" or \"2001:db8::1\"")
}
