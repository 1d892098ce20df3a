/// REQUIRETLS: encrypted and verified at each hop, or not sent: RFC 8689. The parameter of MAIL has no value.
enum RequireTLSExtension {
    static let keyword = "REQUIRETLS"
}
