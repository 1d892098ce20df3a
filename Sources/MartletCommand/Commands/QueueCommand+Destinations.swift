import ArgumentParser
import Martlet

extension QueueCommand {
    struct Orders: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows how far `queue bounce` of many messages is, and the last that are over."
        )
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.queueOrders) }
    }

    struct Destinations: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows where mail waits, which destinations are suspended or cannot be reached, and why."
        )
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.queueDestinations) }
    }

    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends nothing to a destination until it is resumed, also after a restart."
        )
        @Argument(help: "DOMAIN, [ADDRESS], HOST:PORT or local, as `martlet queue destinations` shows it.")
        var destination: String
        @Option(help: "Why, for who looks later.") var reason = ""
        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            try await instance.perform(.queueSuspend(destination: destination, reason: reason))
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets a suspended destination be tried again, at once."
        )
        @Argument(help: "The destination, as it was suspended.") var destination: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.queueResume(destination: destination)) }
    }
}
