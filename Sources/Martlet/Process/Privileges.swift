import CPlatform
import Glibc

/// Leaving root behind for good, once the ports are bound.
public enum Privileges {
    /// Why root could not be left.
    public enum Failure: Error, CustomStringConvertible {
        case unknownUser(String)
        case refused(String, CInt)

        public var description: String {
            switch self {
            case .unknownUser(let name):
                "There is no user \(name) to run as: make one, or set `user` to one that exists."
            case .refused(let step, let number):
                "Root could not be left (\(step)): \(String(cString: strerror(number)))."
            }
        }
    }

    /// Whether the process is root.
    public static var isRoot: Bool { geteuid() == 0 }

    /// The ids of a user.
    public static func identity(of user: String) throws -> (user: uid_t, group: gid_t) {
        guard let entry = getpwnam(user) else { throw Failure.unknownUser(user) }
        return (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    /// Becomes the user, in all threads, with no group but its own and no way back.
    public static func become(_ user: String) throws {
        let (uid, gid) = try identity(of: user)
        guard martlet_become(uid, gid) == 0 else { throw Failure.refused("setresuid", errno) }
        guard uid == 0 || setuid(0) != 0 else { throw Failure.refused("root could be had back", 0) }
    }

    /// Gives a file or folder to the user who will serve.
    public static func give(_ path: String, to user: String) throws {
        let (uid, gid) = try identity(of: user)
        guard lchown(path, uid, gid) == 0 else { throw Failure.refused("chown \(path)", errno) }
    }

    /// Lets the process have as many open files as its hard limit allows; returns how many.
    @discardableResult
    public static func raiseFileLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }
}
