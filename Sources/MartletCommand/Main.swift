import ArgumentParser
import Dispatch
import Foundation
import Glibc
import Martlet

/// Where the program begins: under one of sendmail's names it is sendmail, otherwise `martlet`.
@main
enum Main {
    /// Waits on the first thread for the command, which runs on others.
    ///
    /// An asynchronous `main` would end that thread. The process then keeps its credentials as they were at start for the
    /// system, whatever its other threads become: it would count as root's for ever.
    static func main() {
        signal(SIGPIPE, SIG_IGN)
        let name = CommandLine.arguments.first.map { ($0 as NSString).lastPathComponent } ?? "martlet"
        let arguments = Array(CommandLine.arguments.dropFirst())
        let command: [String]
        switch name {
        case "sendmail": command = ["sendmail"] + arguments
        case "mailq": command = ["queue", "list"] + arguments
        case "newaliases": return  // Aliases are read as they are: there is nothing to rebuild.
        default: command = arguments
        }
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            await run(command)
            done.signal()
        }
        done.wait()
    }

    private static func run(_ arguments: [String]) async {
        do {
            // sendmail's options (-oi, -FName) are not of the form that the other commands have.
            if arguments.first == "sendmail", !arguments.contains("--help"), !arguments.contains("-h") {
                try await SendmailCommand.run(arguments: Array(arguments.dropFirst()))
                return
            }
            var command = try MartletCommand.parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            Output.error(failure.sentence)
            exit(failure.status.rawValue)
        } catch {
            let status = MartletCommand.exitCode(for: error)
            if status.isSuccess {
                print(MartletCommand.message(for: error))
                exit(0)
            }
            Output.error(MartletCommand.fullMessage(for: error))
            // What ArgumentParser refuses is the command line's fault.
            exit(status == .validationFailure ? ExitStatus.usage.rawValue : ExitStatus.failed.rawValue)
        }
    }
}
