import ArgumentParser
import Foundation
import Martlet

struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Mailing lists.",
        subcommands: [
            Add.self, List.self, Remove.self, Set.self, Members.self, Held.self, Approve.self, Reject.self,
        ]
    )

    /// What a list is like.
    struct SettingOptions: ParsableArguments {
        @Option(help: ArgumentHelp("Who runs the list and hears of its troubles.", valueName: "address"))
        var owner: String?
        @Option(help: ArgumentHelp("Who may post: anyone, members or moderated.", valueName: "who"))
        var post: String?
        @Option(help: "The list's name for people.")
        var name: String?
        @Option(help: ArgumentHelp("Whether people join by mail: open or closed.", valueName: "open|closed"))
        var subscription: String?
        @Option(help: ArgumentHelp("The bounce score that suspends a member.", valueName: "count"))
        var bounceLimit: Int?
        @Option(help: ArgumentHelp("Where the list's archive is.", valueName: "url"))
        var archive: String?

        var settings: ListRequest.Settings {
            ListRequest.Settings(
                owner: owner,
                name: name,
                posting: post,
                subscription: subscription,
                bounceLimit: bounceLimit,
                archive: archive
            )
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a mailing list.",
            discussion: "Unless it is said otherwise, members post, and people join and leave by mail."
        )
        @Argument(help: "The list's address.") var address: String
        @OptionGroup var options: SettingOptions
        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            try await instance.perform(.list(.add(address: address, settings: options.settings)))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the mailing lists.")
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.list(.list)) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes a list and forgets its members.")
        @Argument(help: "The list's address.") var address: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.list(.remove(address: address))) }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes what a list is like.")
        @Argument(help: "The list's address.") var address: String
        @OptionGroup var options: SettingOptions
        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            try await instance.perform(.list(.set(address: address, settings: options.settings)))
        }
    }

    struct Members: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows and changes who is in a list.",
            subcommands: [Show.self, AddMembers.self, RemoveMembers.self],
            defaultSubcommand: Show.self
        )
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows the members.")
        @Argument(help: "The list's address.") var address: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.list(.members(address: address))) }
    }

    struct AddMembers: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Makes addresses members; those that were suspended get posts again."
        )
        @Argument(help: "The list's address.") var address: String
        @OptionGroup var members: MemberArguments
        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            try await instance.perform(.list(.addMembers(address: address, members: try members.all())))
        }
    }

    struct RemoveMembers: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Takes members out of the list."
        )
        @Argument(help: "The list's address.") var address: String
        @OptionGroup var members: MemberArguments
        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            try await instance.perform(.list(.removeMembers(address: address, members: try members.all())))
        }
    }

    /// Addresses on the command line, in a file, or on standard input.
    struct MemberArguments: ParsableArguments {
        @Argument(help: "The members' addresses.") var members: [String] = []
        @Option(help: ArgumentHelp("A file with one address a line; - for standard input.", valueName: "file"))
        var file: String?

        func all() throws -> [String] {
            guard let file else { return members }
            let text: String
            if file == "-" {
                text = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
            } else {
                guard let data = FileManager.default.contents(atPath: file) else {
                    throw CommandFailure(.usage, "The file \(file) cannot be read.")
                }
                text = String(decoding: data, as: UTF8.self)
            }
            let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            return members + lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }
        }
    }

    struct Held: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows the posts that wait for a list's owner.")
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.list(.held)) }
    }

    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sends a post that waits on to the members.")
        @Argument(help: "The post's queue id.") var id: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.list(.approve(id: id))) }
    }

    struct Reject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Drops a post that waits and tells its author.")
        @Argument(help: "The post's queue id.") var id: String
        @OptionGroup var instance: InstanceOptions

        func run() async throws { try await instance.perform(.list(.reject(id: id))) }
    }
}
