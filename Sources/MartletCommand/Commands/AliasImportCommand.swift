import ArgumentParser
import Foundation
import Martlet

struct AliasImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Makes the aliases of a file in sendmail's form, such as /etc/aliases.",
        discussion: """
            Continued lines, quotes, comments and :include: are understood; what an included file says is taken over as it is now. \\
            Each line that cannot be used is named with its reason; the others are used all the same.
            """
    )
    @Argument(help: "The file.") var file: String
    @Option(
        help: ArgumentHelp(
            "Where names without a domain belong.",
            discussion: "Without it: the only local domain.",
            valueName: "domain"
        )
    )
    var domain: String?
    @Flag(help: "Gives aliases that are there the file's targets.") var replace = false
    @OptionGroup var instance: InstanceOptions

    func run() async throws {
        let aliases: AliasImport
        do {
            aliases = try AliasImport(file: file, domain: domain, replaces: replace)
        } catch {
            throw CommandFailure(.usage, "\(file) cannot be read: \((error as NSError).localizedDescription)")
        }
        try await instance.perform(.directory(.importAliases(aliases)))
    }
}
