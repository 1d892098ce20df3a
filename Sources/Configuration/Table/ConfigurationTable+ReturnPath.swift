import MailPolicy

extension ValueForm where Value == SenderPattern {
    static let sender = ValueForm.text("an address or \"*@domain\"")
}

extension ConfigurationTable {
    static let returnPathKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "return-path.signed",
            \.returnPath.signed,
            .flag,
            "Signs the return paths of mail that is submitted here (BATV), so that reports about mail that others sent in your name are "
                + "told from those about yours."
        ),
        ConfigurationKey(
            "return-path.refuse-unsigned",
            \.returnPath.refuseUnsigned,
            .flag,
            "With \"return-path.signed\", refuses reports (mail with an empty sender) to accounts whose address stands there without a "
                + "signature. Hosts that check senders by a call back, and receipts that readers send, are refused too."
        ),
        ConfigurationKey(
            "return-path.per-recipient",
            \.returnPath.perRecipient,
            .list(of: .sender),
            "Senders whose mail goes to each recipient in a transaction of its own with a return path that names the recipient (VERP): "
                + "\"news@example.org\" becomes \"news+bob=example.com@example.org\", which comes to the same mailbox where "
                + "\"directory.separator\" is \"+\". Addresses, and \"*@domain\" for all of a domain."
        ),
    ]
}
