import MailNames

/// An address of this machine that connections go out from, and its share of them.
public struct SourceAddress: Hashable, Sendable {
    public var address: IPAddress
    /// At least 1.
    public var weight: Int

    public init(_ address: IPAddress, weight: Int = 1) {
        self.address = address
        self.weight = max(1, weight)
    }
}

extension [SourceAddress] {
    /// One of those of the same family as the address connected to, by their weights; `nil` when there is none.
    func pick(for target: IPAddress, using generator: inout some RandomNumberGenerator) -> IPAddress? {
        let fitting = filter { $0.address.isIPv4 == target.isIPv4 }
        guard !fitting.isEmpty else { return nil }
        var rest = Int.random(in: 0..<fitting.reduce(0) { $0 + $1.weight }, using: &generator)
        for source in fitting {
            rest -= source.weight
            if rest < 0 { return source.address }
        }
        return fitting.last?.address
    }
}
