import CPlatform
import Glibc
import MailBytes
import MailNames
import NIOCore
import SMTPProtocol

/// Runs commands that aliases lead to: the message on standard input, a bounded time, and the exit status as the verdict.
///
/// They run with the server's rights, in `/`, with nothing in their environment but PATH, HOME, SHELL, LC_ALL, SENDER and RECIPIENT.
enum AliasCommand {
    static func run(_ command: String, _ message: OutletMessage, _ options: OutletOptions) -> LocalOutcome {
        guard options.allowsCommands else {
            let text = "The alias leads to a command, and delivery.alias-commands allows none"
            return .failed(DeliveryFailure(EnhancedStatus(5, 7, 1), text))
        }
        let quiet = BrokenPipes()
        defer { quiet.end() }
        let child: Child
        switch Child.start(command, environment(message)) {
        case .success(let started): child = started
        case .failure(let failure): return .failed(failure)
        }
        return child.finish(message, options)
    }

    private static func environment(_ message: OutletMessage) -> [String] {
        [
            "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/", "SHELL=/bin/sh", "LC_ALL=C.UTF-8",
            "SENDER=\(tame(message.reversePath.address?.description ?? ""))",
            "RECIPIENT=\(tame(message.recipient.description))",
        ]
    }

    /// An address without what means something to a shell, since many a command expands it without quotes.
    static func tame(_ address: String) -> String {
        let harmless = Array("!%+,-./:=@_".utf8)
        let octets = address.utf8.map { octet in
            octet >= 0x80 || octet.isASCIIAlphanumeric || harmless.contains(octet) ? octet : UInt8(ascii: "_")
        }
        // One in front of the address would make an option of it.
        let isOption = octets.first == .hyphen
        return (isOption ? "_" : "") + String(decoding: isOption ? Array(octets.dropFirst()) : octets, as: UTF8.self)
    }

    /// What an exit status means, by sysexits.h: whatever is ours to mend waits.
    static func outcome(status: CInt, output: String) -> LocalOutcome {
        let (code, meaning): (EnhancedStatus, String) =
            switch status {
            case 0: (EnhancedStatus(2, 0, 0), "")
            case 64: (EnhancedStatus(5, 3, 0), "it was called in a way that it does not know")
            case 65: (EnhancedStatus(5, 6, 0), "it cannot read the message")
            case 67: (EnhancedStatus(5, 1, 1), "there is no such user")
            case 68: (EnhancedStatus(5, 1, 2), "there is no such host")
            case 69: (EnhancedStatus(5, 3, 0), "its service is not available")
            case 71: (EnhancedStatus(4, 3, 0), "the system failed it")
            case 74: (EnhancedStatus(4, 3, 0), "reading or writing failed")
            case 75: (EnhancedStatus(4, 3, 0), "it asks to try again")
            case 77: (EnhancedStatus(5, 7, 0), "it is not permitted")
            case 78: (EnhancedStatus(4, 3, 5), "its configuration is wrong")
            case 126: (EnhancedStatus(4, 3, 5), "it cannot be run")
            case 127: (EnhancedStatus(4, 3, 5), "it is not there")
            default: (EnhancedStatus(5, 3, 0), "it failed")
            }
        guard status != 0 else { return .written(mailbox: "a command") }
        let said = output.isEmpty ? "" : ": \(output)"
        return .failed(DeliveryFailure(code, "The alias's command ended with \(status), \(meaning)\(said)"))
    }

    /// Keeps a command that does not read from ending this process: SIGPIPE is for who does not look at errors.
    private struct BrokenPipes {
        private var before = sigset_t()
        private var pipe = sigset_t()

        init() {
            sigemptyset(&pipe)
            sigaddset(&pipe, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &pipe, &before)
        }

        func end() {
            var (before, pipe, now) = (before, pipe, timespec())
            while sigtimedwait(&pipe, nil, &now) > 0 {}
            pthread_sigmask(SIG_SETMASK, &before, nil)
        }
    }

    // MARK: The process

    /// A command that runs, with our ends of its pipes.
    private struct Child {
        let process: pid_t
        let input: CInt
        let output: CInt

        static func start(_ command: String, _ environment: [String]) -> Result<Child, DeliveryFailure> {
            var (toChild, fromChild): ([CInt], [CInt]) = ([-1, -1], [-1, -1])
            guard martlet_pipe(&toChild) == 0 else { return .failure(trouble(errno)) }
            guard martlet_pipe(&fromChild) == 0 else {
                let number = errno
                for end in toChild { close(end) }
                return .failure(trouble(number))
            }
            var process = pid_t(0)
            var texts: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
            defer { for text in texts { free(text) } }
            let error = martlet_run_shell(command, &texts, toChild[0], fromChild[1], &process)
            close(toChild[0])
            close(fromChild[1])
            guard error == 0 else {
                close(toChild[1])
                close(fromChild[0])
                return .failure(trouble(error))
            }
            for end in [toChild[1], fromChild[0]] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
            return .success(Child(process: process, input: toChild[1], output: fromChild[0]))
        }

        private static func trouble(_ number: CInt) -> DeliveryFailure {
            let reason = String(cString: strerror(number))
            return DeliveryFailure(.systemTrouble, "The alias's command cannot be started: \(reason)")
        }

        /// Hands the message over, waits for the end, and kills what takes too long.
        func finish(_ message: OutletMessage, _ options: OutletOptions) -> LocalOutcome {
            var talk = Talk(child: self, deadline: .now(in: options.commandTimeout), limit: options.output)
            var failure: DeliveryFailure?
            do {
                try message.forEachPiece { try talk.write($0) }
            } catch is Talk.TimedOut {
                // Said below.
            } catch {
                failure = DeliveryFailure(.systemTrouble, "The message cannot be read from the queue: \(error)")
            }
            close(input)
            let status = failure == nil ? talk.waitForEnd() : nil
            close(output)
            // Whatever it left running belongs to its group, and ends with it.
            kill(-process, SIGKILL)
            guard let status else {
                var ended: CInt = 0
                while waitpid(process, &ended, 0) < 0 && errno == EINTR {}
                let late = "The alias's command took longer than \(options.commandTimeout) and was ended"
                return .failed(failure ?? DeliveryFailure(.systemTrouble, late))
            }
            // WIFEXITED and WTERMSIG, which are macros.
            guard status & 0x7F == 0 else {
                let text = "The alias's command was ended by signal \(status & 0x7F)"
                return .failed(DeliveryFailure(.systemTrouble, text))
            }
            return AliasCommand.outcome(status: status >> 8 & 0xFF, output: talk.said)
        }
    }

    /// Both pipes and the time that is left.
    private struct Talk {
        struct TimedOut: Error {}

        let child: Child
        let deadline: NIODeadline
        let limit: Int
        private var heard: [UInt8] = []
        private var isDeaf = false
        private var isSilent = false

        init(child: Child, deadline: NIODeadline, limit: Int) {
            self.child = child
            self.deadline = deadline
            self.limit = limit
        }

        /// What the command said, in one line.
        var said: String {
            let line = heard.map { $0 < 0x20 || $0 == 0x7F ? UInt8.space : $0 }
            let text = String(decoding: line, as: UTF8.self)
            return text.split(separator: " ").joined(separator: " ")
        }

        private var patience: CInt {
            CInt(clamping: max(0, (deadline - .now()).nanoseconds / 1_000_000))
        }

        /// A command that does not read all of the message may still succeed: its exit status says.
        mutating func write(_ buffer: ByteBuffer) throws {
            var rest = buffer
            while rest.readableBytes > 0 && !isDeaf {
                let count = rest.withUnsafeReadableBytes { Glibc.write(child.input, $0.baseAddress, $0.count) }
                if count > 0 {
                    rest.moveReaderIndex(forwardBy: count)
                } else if errno == EAGAIN {
                    try wait(writing: true)
                } else if errno != EINTR {
                    isDeaf = true
                }
            }
        }

        private mutating func wait(writing: Bool) throws {
            guard patience > 0 else { throw TimedOut() }
            var ends = [
                pollfd(fd: isSilent ? -1 : child.output, events: CShort(POLLIN), revents: 0),
                pollfd(fd: writing ? child.input : -1, events: CShort(POLLOUT), revents: 0),
            ]
            guard poll(&ends, 2, patience) >= 0 || errno == EINTR else { throw TimedOut() }
            if ends[0].revents != 0 { hear() }
        }

        /// Takes what was said, so that the command never waits for us, and keeps the beginning.
        private mutating func hear() {
            var piece = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = read(child.output, &piece, piece.count)
                if count > 0 {
                    heard += piece.prefix(min(count, max(0, limit - heard.count)))
                    continue
                }
                if count < 0 && errno == EINTR { continue }
                if count == 0 || errno != EAGAIN { isSilent = true }
                return
            }
        }

        /// The status of the process; `nil` when its time is over.
        mutating func waitForEnd() -> CInt? {
            var status: CInt = 0
            while true {
                let ended = waitpid(child.process, &status, WNOHANG)
                if ended == child.process {
                    if !isSilent { hear() }
                    return status
                }
                if ended < 0 && errno != EINTR { return nil }
                guard patience > 0 else { return nil }
                var end = pollfd(fd: isSilent ? -1 : child.output, events: CShort(POLLIN), revents: 0)
                _ = poll(&end, 1, min(20, patience))
                if end.revents != 0 { hear() }
            }
        }
    }
}

extension NIODeadline {
    fileprivate static func now(in duration: Duration) -> NIODeadline { .now() + TimeAmount(duration) }
}
