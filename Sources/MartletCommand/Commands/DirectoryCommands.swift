import ArgumentParser
import Martlet

struct DomainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain",
        abstract: "The domains whose mail is taken here.",
        subcommands: [Add.self, List.self, Remove.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes mail for a domain from now on.")
        @Argument(help: "The domain, in any script.") var domain: String
        @Flag(help: "Its mailboxes are elsewhere: its mail is taken and sent on to its own hosts (backup MX).")
        var relay = false
        @Option(
            help: ArgumentHelp("All its names lead to the same names of another domain here.", valueName: "domain")
        )
        var aliasOf: String?
        @OptionGroup var instance: InstanceOptions

        func validate() throws {
            if relay && aliasOf != nil { throw ValidationError("A domain is either --relay or --alias-of another.") }
        }

        func run() async throws {
            let kind: DomainKindRequest = aliasOf.map { .alias(of: $0) } ?? (relay ? .relay : .local)
            try await instance.perform(.domainAdd(domain: domain, kind: kind))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the domains.")
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.domainList) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes no more mail for a domain without accounts.")
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.domainRemove(domain: domain)) }
    }
}

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account",
        abstract: "The people who have a mailbox and log in.",
        subcommands: [
            Add.self, List.self, Remove.self, Password.self, AppPasswordCommand.self, SendersCommand.self,
            AccountForward.self, AccountDisable.self, AccountEnable.self,
        ]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes an account; its password comes on standard input."
        )
        @Argument(help: "The address, which is also the name to log in with.") var address: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            let password = try Input.password(for: address)
            try await instance.perform(.accountAdd(address: address, password: password))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the accounts.")
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.accountList) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes an account; its mail stays in the data folder."
        )
        @Argument(help: "The account's address.") var address: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.accountRemove(address: address)) }
    }

    struct Password: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives an account another password, which comes on standard input."
        )
        @Argument(help: "The account's address.") var address: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            let password = try Input.password(for: address)
            try await instance.perform(.accountPassword(address: address, password: password))
        }
    }
}

struct AliasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias",
        abstract: "Addresses that lead to others.",
        subcommands: [Add.self, List.self, Remove.self, AliasImportCommand.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes an alias, or gives one other targets.",
            discussion: """
                The alias *@domain catches what nobody else in the domain has. A target is an address, a file as /PATH or a command \
                as "|COMMAND"; files and commands have to be allowed by delivery.alias-files and delivery.alias-commands.
                """
        )
        @Argument(help: "The alias's address.") var alias: String
        @Argument(help: "What it leads to.") var targets: [String]
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.aliasAdd(alias: alias, targets: targets)) }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the aliases.")
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.aliasList) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes an alias.")
        @Argument(help: "The alias's address.") var alias: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.aliasRemove(alias: alias)) }
    }
}
