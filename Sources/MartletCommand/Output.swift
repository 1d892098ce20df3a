import Foundation
import Martlet

/// A command that cannot do what it was asked: its exit status and one sentence for standard error.
struct CommandFailure: Error {
    let status: ExitStatus
    let sentence: String

    init(_ status: ExitStatus, _ sentence: String) {
        self.status = status
        self.sentence = sentence
    }
}

/// The two standard streams.
enum Output {
    static func error(_ sentence: String) {
        FileHandle.standardError.write(Data((sentence + "\n").utf8))
    }

    /// Written at once, also where nobody looks on a terminal.
    static func text(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }

    static func show(_ answer: AdministrationAnswer, json: Bool) throws {
        guard answer.status == .done else { throw CommandFailure(answer.status, answer.text) }
        if json {
            print(answer.json)
        } else if !answer.text.isEmpty {
            print(answer.text)
        }
    }
}

/// Standard input as a command's text.
enum Input {
    /// The first line, without its end: how passwords come, never as arguments.
    static func password(for name: String) throws -> String {
        let terminal = isatty(0) == 1
        if terminal {
            Output.error("Password for \(name):")
        }
        var saved = termios()
        if terminal {
            tcgetattr(0, &saved)
            var silent = saved
            silent.c_lflag &= ~tcflag_t(ECHO)
            tcsetattr(0, TCSANOW, &silent)
        }
        defer { if terminal { tcsetattr(0, TCSANOW, &saved) } }
        guard let line = readLine(strippingNewline: true), !line.isEmpty else {
            throw CommandFailure(.usage, "The password comes on standard input, as one line, and there was none.")
        }
        return line
    }
}
