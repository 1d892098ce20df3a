import ArgumentParser
import Martlet

struct SendersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "senders",
        abstract: "The addresses of others that an account may send as.",
        discussion:
            "Its own address, and aliases that lead to it alone, need not be listed. *@domain stands for a whole domain.",
        subcommands: [Add.self, List.self, Remove.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets an account send as another address.")
        @Argument(help: "The account's address.") var account: String
        @Argument(help: "The address that it may send as.") var sender: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.accountSenderAdd(address: account, sender: sender)) }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the addresses that an account may send as.")
        @Argument(help: "The account's address.") var account: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.accountSenderList(address: account)) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes an address from those an account may send as.")
        @Argument(help: "The account's address.") var account: String
        @Argument(help: "The address.") var sender: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.accountSenderRemove(address: account, sender: sender)) }
    }
}
