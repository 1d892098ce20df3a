import SMTPProtocol

extension ValueForm where Value == String {
    /// A solicitation class keyword: RFC 3865 section 2.2.
    static let solicitation = ValueForm.text(
        "a solicitation class such as \"net.example:ADV\"",
        parse: { NoSolicitingExtension.isKeyword($0) ? $0 : nil },
        write: { $0 }
    )
}
