import ArgumentParser
import Martlet

struct AccountForward: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forward",
        abstract: "Has an account's mail go to another address, or its senders told that address.",
        discussion: """
            With --forward mail is taken and sent on, and the sender's server is told so with 251. With --tell it is refused with 551 \
            and the new address. With --stop it is delivered to the mailbox again. To send mail on without a word, make an alias.
            """
    )

    enum Way: EnumerableFlag {
        case forward, tell

        static func help(for value: Way) -> ArgumentHelp? {
            value == .forward ? "Sends mail on." : "Refuses mail, telling the new address."
        }
    }

    @Argument(help: "The account's address.") var address: String
    @Option(help: ArgumentHelp("The new address.", valueName: "address")) var to: String?
    @Flag(help: "Delivers to the mailbox again.") var stop = false
    @Flag var way = Way.forward
    @OptionGroup var instance: InstanceOptions

    func validate() throws {
        if stop == (to != nil) { throw ValidationError("Name the new address with --to, or say --stop.") }
    }

    func run() async throws {
        try await instance.perform(.directory(.forward(address: address, to: to, tells: way == .tell)))
    }
}

struct AccountDisable: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable",
        abstract: "Switches an account off: it neither logs in nor is sent mail, and keeps what it has."
    )
    @Argument(help: "The account's address.") var address: String
    @OptionGroup var instance: InstanceOptions

    func run() async throws { try await instance.perform(.directory(.enable(address: address, isEnabled: false))) }
}

struct AccountEnable: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable",
        abstract: "Switches an account on again."
    )
    @Argument(help: "The account's address.") var address: String
    @OptionGroup var instance: InstanceOptions

    func run() async throws { try await instance.perform(.directory(.enable(address: address, isEnabled: true))) }
}
