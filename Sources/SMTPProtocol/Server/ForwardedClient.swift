/// From whom the host before us had a message, as it says itself with XFORWARD: for the trace, and for nothing that is
/// decided.
///
/// An object, so that the many transactions without one carry an empty reference.
public final class ForwardedClient: Sendable, Equatable {
    public let name: String?
    public let address: String?
    public let helo: String?
    public let transmissionType: String?
    /// The queue id that the host before us gave it.
    public let queueID: String?

    init(_ attributes: ClientAttributes) {
        name = attributes[.name]
        address = attributes.address?.description
        helo = attributes[.helo]
        transmissionType = attributes[.transmission]
        queueID = attributes[.queueID]
    }

    public static func == (left: ForwardedClient, right: ForwardedClient) -> Bool {
        left.sentence == right.sentence
    }

    /// `it came from mail.example.org [192.0.2.1], which said EHLO there as x, and was ABC there`.
    public var sentence: String {
        var parts = ["the client before was \(name ?? "a host without a name") [\(address ?? "address unknown")]"]
        if let helo { parts.append("it said it was \(helo)") }
        if let transmissionType { parts.append("by \(transmissionType)") }
        if let queueID { parts.append("queued there as \(queueID)") }
        return parts.joined(separator: ", ")
    }
}
