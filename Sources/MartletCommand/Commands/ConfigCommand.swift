import ArgumentParser
import Configuration
import Martlet

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Checks a configuration, and shows what one can say.",
        subcommands: [Check.self, Sample.self, Reference.self]
    )

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says everything that is wrong with a configuration file, not only the first."
        )
        @Argument(help: "The configuration file.") var file: String

        func run() async throws {
            let configuration = try CommandFailure.asUsage { try ConfigurationReader.read(file: file) }
            let plan = try CommandFailure.asUsage {
                var plan = try ServerPlan(configuration)
                try plan.checkCertificate()
                plan.warnOfReach(configuration: file)
                return plan
            }
            for warning in plan.warnings { Output.error("Warning: \(warning)") }
            print("\(file) is in order.")
        }
    }

    struct Sample: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a configuration file with every key, its meaning and its default."
        )

        func run() async throws { print(ConfigurationPages.sample, terminator: "") }
    }

    struct Reference: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the reference of all keys as a Markdown page.",
            shouldDisplay: false
        )

        func run() async throws { print(ConfigurationPages.reference, terminator: "") }
    }
}
