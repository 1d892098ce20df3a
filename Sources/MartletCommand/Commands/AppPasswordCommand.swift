import ArgumentParser
import Martlet

struct AppPasswordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app-password",
        abstract: "Passwords that single programs of an account log in with.",
        subcommands: [Add.self, List.self, Remove.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes one and prints it, this once.")
        @Argument(help: "The account's address.") var address: String
        @Option(help: "What the program is called.") var name: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            try await instance.perform(.appPassword(.init(address: address, action: .add(name: name))))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists their names, not the passwords.")
        @Argument(help: "The account's address.") var address: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.appPassword(.init(address: address, action: .list))) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes one back; its program is locked out.")
        @Argument(help: "The account's address.") var address: String
        @Option(help: "What the program is called.") var name: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            try await instance.perform(.appPassword(.init(address: address, action: .remove(name: name))))
        }
    }
}
