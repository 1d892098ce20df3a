import ArgumentParser
import Martlet

/// The `martlet` command.
struct MartletCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract:
            "A complete mail system: receives, queues, relays, delivers, stores and serves mail, and explains itself.",
        discussion: """
            Begin with `martlet dev`: a whole server for you alone, on this machine, in a second.
            On a server: `martlet config sample`, `martlet config check`, `martlet serve`.
            """,
        version: Program.version,
        groupedSubcommands: [
            CommandGroup(name: "Running", subcommands: [Serve.self, Dev.self, ConfigCommand.self]),
            CommandGroup(
                name: "Who is here",
                subcommands: [DomainCommand.self, AccountCommand.self, AliasCommand.self, ListCommand.self]
            ),
            CommandGroup(
                name: "Messages",
                subcommands: [
                    QueueCommand.self, TraceCommand.self, Track.self, SendmailCommand.self, FetchMail.self, ETRN.self,
                ]
            ),
        ]
    )
}
