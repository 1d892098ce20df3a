import MailNames

/// What the database knows of a name itself, for a directory that is asked about the others.
extension SQLDirectory {
    /// What is known of an address but for roles and catch-alls: `unknownRecipient` where it is in a local domain and the
    /// database knows nobody of that name. And then the addresses that another directory may know it by, in order: in the
    /// domain that it really is in, whole and without its detail.
    typealias Names = (answer: RecipientAnswer, names: [String])

    func names(for tagged: EmailAddress) async throws(DirectoryError) -> Names {
        if let known = cachedNames(for: tagged) { return known }
        let generation = exactAnswers.generation
        let rules = currentRules()
        let address = tagged.untagged
        let (answer, domain) = try await read { database in
            let answer = try Self.answer(for: address, rules, namesAlone: true, in: database)
            let domain = try address.domain.flatMap { named -> Domain? in
                if case .alias(let other) = try Self.kind(of: named, in: database) { other } else { named }
            }
            return (answer, domain)
        }
        exactAnswers.keep(answer, domain, for: address, generation: generation)
        return (answer, Self.spellings(of: address, in: domain, rules))
    }

    func cachedNames(for tagged: EmailAddress) -> Names? {
        let address = tagged.untagged
        guard let (answer, domain) = exactAnswers[address] else { return nil }
        return (answer, Self.spellings(of: address, in: domain, currentRules()))
    }

    private static func spellings(of address: EmailAddress, in domain: Domain?, _ rules: NameRules) -> [String] {
        guard let domain else { return [] }
        let local = address.localPart.folded
        let locals = [local] + (rules.user(of: local).map { [$0] } ?? [])
        return locals.compactMap { name in
            (try? LocalPart(text: name)).map { "\($0.wire)@\(domain.ascii)" }
        }
    }
}
