import MailBytes

extension PasswordHash: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The PHC string, to be stored. A secret: it never reaches a log.
    public var phc: String {
        let parameters = self.parameters
        return "$argon2id$v=19$m=\(parameters.memoryInKibibytes),t=\(parameters.passes),p=\(parameters.lanes)"
            + "$\(Self.unpadded(self.salt))$\(Self.unpadded(self.tag))"
    }

    /// Parses a PHC string and holds it against `Bounds`. Cheap: nothing is hashed.
    ///
    /// - Throws: `.format`, `.algorithm`, `.parameters` or `.salt`.
    public init(phc text: String) throws(PasswordHashError) {
        guard text.utf8.count <= 256 else { throw .format }
        let fields = text.split(separator: "$", omittingEmptySubsequences: false)
        guard let first = fields.first, first.isEmpty, fields.count >= 2 else { throw .format }
        guard fields[1] == "argon2id" else { throw .algorithm }
        guard fields.count == 6 else { throw .format }
        guard fields[2] == "v=19" else { throw .algorithm }
        self.parameters = try Self.parameters(fields[3])
        guard let salt = Self.decoded(fields[4]), let tag = Self.decoded(fields[5]) else { throw .format }
        guard Bounds.salt.contains(salt.count) else { throw .salt }
        guard Bounds.tag.contains(tag.count) else { throw .format }
        self.salt = salt
        self.tag = tag
    }

    /// The kind and the cost, without salt and tag.
    public var description: String {
        let parameters = self.parameters
        return "<argon2id m=\(parameters.memoryInKibibytes) t=\(parameters.passes) p=\(parameters.lanes)>"
    }

    /// As `description`.
    public var debugDescription: String { self.description }

    /// No children: `dump` shows nothing either.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }

    private static func parameters(_ text: Substring) throws(PasswordHashError) -> Parameters {
        let fields = text.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == 3,
            let memory = self.number(fields[0], named: "m="),
            let passes = self.number(fields[1], named: "t="),
            let lanes = self.number(fields[2], named: "p=")
        else { throw .format }
        guard let parameters = Parameters(memoryInKibibytes: memory, passes: passes, lanes: lanes) else {
            throw .parameters
        }
        return parameters
    }

    /// Decimal digits without sign or leading zero, as the PHC format wants them.
    private static func number(_ field: Substring, named name: String) -> UInt32? {
        guard field.hasPrefix(name) else { return nil }
        let digits = field.dropFirst(name.count)
        guard let first = digits.utf8.first, first != UInt8(ascii: "0"), digits.utf8.count <= 10 else { return nil }
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return UInt32(digits)
    }

    private static func unpadded(_ octets: [UInt8]) -> String {
        String(Base64.encode(octets).prefix { $0 != "=" })
    }

    private static func decoded(_ field: Substring) -> [UInt8]? {
        guard !field.utf8.contains(UInt8(ascii: "=")) else { return nil }
        let missing = (4 - field.utf8.count % 4) % 4
        guard missing < 3 else { return nil }
        let padded = Array(field.utf8) + Array(repeating: UInt8(ascii: "="), count: missing)
        return Base64.decode(padded.span)
    }
}
