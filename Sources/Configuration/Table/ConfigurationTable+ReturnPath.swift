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
            "Signs the return paths of mail that is submitted here (BATV), so that reports about it are told from those about mail that "
                + "others sent in your name. Mail to a signed path whose tag is wrong or over is refused, whatever this key says."
        ),
        ConfigurationKey(
            "return-path.per-recipient",
            \.returnPath.perRecipient,
            .list(of: .sender),
            "Senders whose mail goes to each recipient in a transaction of its own with a return path that names the recipient (VERP): "
                + "\"bulletin@example.org\" becomes \"bulletin+bob=example.com@example.org\". Needs \"+\" as directory.separator."
        ),
    ]
}
