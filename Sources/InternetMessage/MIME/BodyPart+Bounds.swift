/// What of a structure is kept, however much a message says of itself: its record lies beside each copy of the message.
extension BodyPart {
    /// Octets of a value that are kept: RFC 5322 section 2.1.1 has no longer line.
    static let fieldLimit = 998
    /// Octets of a type that are kept where there is room for no more: RFC 6838 section 4.2 wants names of that length.
    private static let bareTypeLimit = 64

    /// Octets of all texts of this entity, without those of its parts.
    var textOctets: Int {
        let fields = [type, disposition].compactMap(\.self)
        let texts = [encoding, id, description, digest, location].compactMap(\.self) + languages
        return fields.reduce(0) { $0 + $1.textOctets } + texts.reduce(0) { $0 + $1.utf8.count }
    }

    /// The entity without what it says of itself but its type and its encoding.
    var bare: BodyPart {
        var part = self
        part.type = ContentField(
            type.value.utf8.count <= Self.bareTypeLimit ? type.value : "application/octet-stream",
            parameters: []
        )
        part.encoding = encoding.utf8.count <= Self.bareTypeLimit ? encoding : "binary"
        part.disposition = nil
        part.id = nil
        part.description = nil
        part.digest = nil
        part.location = nil
        part.languages = []
        return part
    }
}

extension ContentField {
    fileprivate var textOctets: Int {
        parameters.reduce(value.utf8.count) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    }
}

extension String {
    /// As much of the text as `limit` octets hold, no character cut in two.
    func beginning(octets limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var scalars = String.UnicodeScalarView()
        var octets = 0
        for scalar in unicodeScalars {
            octets += UTF8.width(scalar)
            guard octets <= limit else { break }
            scalars.append(scalar)
        }
        return String(scalars)
    }
}
