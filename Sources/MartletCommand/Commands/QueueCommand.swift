import ArgumentParser
import Martlet

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "What waits to be delivered.",
        subcommands: [
            List.self, Show.self, Flush.self, Hold.self, Release.self, Delete.self, Bounce.self, Reroute.self,
            Orders.self, Destinations.self, Suspend.self, Resume.self,
        ],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the waiting messages, oldest first.")
        @Option(help: "Only messages with recipients in this domain.") var domain: String?
        @Option(help: "Only messages that are waiting, active, deferred, scheduled, suspended, held or caught.")
        var state: String?
        @Option(help: "At most so many messages.") var limit = 1000
        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            try await instance.perform(.queueList(domain: domain, state: state, limit: limit))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one message: envelope, recipients, last errors."
        )
        @Argument(help: "The queue id.") var id: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.queueShow(id: id)) }
    }

    struct Flush: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Tries everything that waits now.")
        @Option(help: "Only what waits for this domain.") var domain: String?
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.queueFlush(domain: domain)) }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keeps messages from being tried until they are released.",
            discussion: """
                Holds what is in the queue now, at once and over restarts; what comes later is not held: see `martlet queue suspend` \
                and `outbound.mode`. What is being sent at this moment ends.
                """
        )
        @OptionGroup var selection: SelectionOptions
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.queueHold(selection: try selection.value())) }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets held messages go.")
        @OptionGroup var selection: SelectionOptions
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.queueRelease(selection: try selection.value())) }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes messages without telling the sender.")
        @OptionGroup var selection: SelectionOptions
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.queueDelete(selection: try selection.value())) }
    }

    struct Bounce: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives up messages and reports that to their senders.",
            discussion: """
                More than 256 are held at once and then given up little by little; `martlet queue orders` tells how far that is. \
                It ends when the server ends, and what was not given up stays held; `martlet queue release` spares what it names.
                """
        )
        @OptionGroup var selection: SelectionOptions
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.queueBounce(selection: try selection.value())) }
    }

    struct Reroute: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends messages to another next hop than their domain's; `-` undoes it. What is held stays held."
        )
        @Option(help: "The next hop, as HOST or HOST:PORT.") var to: String
        @OptionGroup var selection: SelectionOptions
        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            try await instance.perform(.queueReroute(selection: try selection.value(), destination: to))
        }
    }
}

/// Which messages: one by its id, those of a domain, or all.
struct SelectionOptions: ParsableArguments {
    @Argument(help: "The queue id.") var id: String?
    @Option(help: "All messages with recipients in this domain.") var domain: String?
    @Flag(help: "All messages.") var all = false

    func value() throws -> AdministrationRequest.QueueSelection {
        switch (id, domain, all) {
        case (let id?, nil, false): return .message(id: id)
        case (nil, let domain?, false): return .domain(domain)
        case (nil, nil, true): return .all
        default: throw CommandFailure(.usage, "Say which messages: one queue id, --domain DOMAIN, or --all.")
        }
    }
}

struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Tells the life of a message, line by line.",
        discussion:
            "Every step with its time and its reason: who connected, what was decided, where it was tried, what was answered."
    )
    @Argument(help: "A queue id, a Message-ID, an address, a domain or an IP address.") var query: String
    @Option(help: "At most so many messages, the newest.") var limit = 20
    @OptionGroup var instance: InstanceOptions

    func run() async throws { try await instance.perform(.trace(query: query, limit: limit)) }
}
