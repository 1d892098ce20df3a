import CPlatform
import Foundation
import Glibc

/// The Unix socket in the data folder through which administration commands reach the running server.
///
/// One request and one answer a connection, each a JSON text; the client closes its side to end the request. Mode 0600:
/// whoever may open it may do everything.
public enum ControlSocket {
    /// The longest request: a message of the size limit in base64, and its envelope.
    static let requestLimit = 96 << 20
    /// Requests that are answered at the same time; more wait in the listen queue.
    static let concurrentRequests = 4

    /// The socket of the instance in a data folder.
    public static func path(in folder: String) -> String {
        folder + "/control.sock"
    }

    /// Asks the server of a data folder; `nil` when none is running there.
    ///
    /// - Throws: `ControlSocketError` when a server is there but the answer does not come, or the socket is not for the caller.
    public static func ask(_ request: AdministrationRequest, in folder: String) throws -> AdministrationAnswer? {
        try ask(request, at: path(in: folder))
    }

    /// Asks the server at a socket; `nil` when none is there.
    static func ask(_ request: AdministrationRequest, at path: String) throws -> AdministrationAnswer? {
        guard let socket = try connect(to: path) else { return nil }
        defer { close(socket) }
        let encoded = try JSONEncoder().encode(request)
        try write(Array(encoded), to: socket)
        shutdown(socket, CInt(SHUT_WR))
        let answer = try read(from: socket, limit: 1 << 30)
        return try JSONDecoder().decode(AdministrationAnswer.self, from: Data(answer))
    }

    static func address(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let capacity = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard bytes.count <= capacity else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }

    /// A connection; `nil` when nobody listens there.
    static func connect(to path: String) throws -> CInt? {
        guard var address = address(path) else { return nil }
        let socket = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw ControlSocketError.broken(errno) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            let number = errno
            close(socket)
            switch number {
            case ENOENT, ENOTDIR, ECONNREFUSED: return nil
            case EACCES, EPERM: throw ControlSocketError.forbidden(path)
            default: throw ControlSocketError.unusable(path, number)
            }
        }
        return socket
    }

    /// Reads to the end of what the other side sends.
    ///
    /// - Parameter end: when it is no longer waited for; `nil` for never.
    static func read(from socket: CInt, limit: Int, until end: ContinuousClock.Instant? = nil) throws -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(socket, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw ControlSocketError.broken(errno) }
            if count == 0 { return all }
            all.append(contentsOf: chunk[0..<count])
            guard all.count <= limit else { throw ControlSocketError.tooLong }
            if let end, ContinuousClock.now > end { throw ControlSocketError.broken(ETIMEDOUT) }
        }
    }

    static func write(_ bytes: [UInt8], to socket: CInt) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            // MSG_NOSIGNAL: a peer that went away is an error here, not the end of the process.
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw ControlSocketError.broken(errno) }
            rest = rest.dropFirst(count)
        }
    }
}

/// Why a conversation over the control socket failed.
public enum ControlSocketError: Error, CustomStringConvertible {
    case pathTooLong(String)
    case inUse(String)
    case forbidden(String)
    case unusable(String, CInt)
    case broken(CInt)
    case tooLong

    public var description: String {
        switch self {
        case .pathTooLong(let path):
            "The path \(path) is too long for a Unix socket (107 bytes): choose a shorter data folder."
        case .inUse(let path): "Another server answers at \(path)."
        case .forbidden(let path): "The socket \(path) is not for you: only root and the server's own user may use it."
        case .unusable(let path, let number): "\(path) cannot be used: \(String(cString: strerror(number)))."
        case .broken(let number): "The control socket broke: \(String(cString: strerror(number)))."
        case .tooLong: "The request is too long for the control socket."
        }
    }
}
